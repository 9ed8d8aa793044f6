/* A server on all addresses: it answers for each address of the machine that a request comes in on,
 * and counts who is connected, over IPv4 as over IPv6, on one socket for both too. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/tasks.h"

static bool has_ipv6(void)
{
    return access("/proc/net/if_inet6", R_OK) == 0;
}

/* An address of this machine that is not loopback; NULL if there is none of that family. */
static const char *own_address(struct scenario *s, int family)
{
    struct ifaddrs *all;
    const char *found = NULL;
    assert_int_equal(getifaddrs(&all), 0);
    for (struct ifaddrs *at = all; at && !found; at = at->ifa_next) {
        char name[INET6_ADDRSTRLEN];
        if (!at->ifa_addr || at->ifa_addr->sa_family != family || at->ifa_flags & IFF_LOOPBACK)
            continue;
        const struct sockaddr_in *in = (const void *)at->ifa_addr;
        const struct sockaddr_in6 *in6 = (const void *)at->ifa_addr;
        if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
            continue;
        inet_ntop(family, family == AF_INET ? (const void *)&in->sin_addr : &in6->sin6_addr, name,
                  sizeof name);
        found = text(s, "%s", name);
    }
    freeifaddrs(all);
    return found;
}

/* The status of a GET over a connection to that address, with that Host. */
static int status_of(struct server *server, const char *address, const char *host)
{
    struct scenario *s = server->scenario;
    note(s, "Host: %s at %s", host, address);
    struct http *http = http_open_to(s, address, server->port);
    http_say(http, text(s, "GET /v1/tasks HTTP/1.1\r\nHost: %s\r\n\r\n", host));
    struct reply *reply = http_read(http, false);
    assert_non_null(reply);
    http_close(http);
    return reply->status;
}

static void check_own(struct server *server, const char *address)
{
    struct scenario *s = server->scenario;
    const char *host = text(s, strchr(address, ':') ? "[%s]" : "%s", address);
    assert_int_equal(status_of(server, address, host), 200);
    assert_int_equal(status_of(server, address, text(s, "%s:%d", host, server->port)), 200);
    assert_int_equal(status_of(server, address, "198.51.100.7"), 421);
    assert_int_equal(status_of(server, address, "[2001:db8::7]"), 421);
    assert_int_equal(status_of(server, address, "[::1]x"), 421);
    assert_int_equal(status_of(server, address, "localhost"), 200);
}

/* 1: Host is a loopback name or the server's own address; for the latter without a token too. */
SCENARIO(own_addresses)
{
    const char *four = own_address(s, AF_INET), *six = own_address(s, AF_INET6);
    if (four)
        check_own(server_start(s, "--listen 0.0.0.0:0 --no-auth"), four);
    if (!has_ipv6())
        return;
    struct server *both = server_start(s, "--listen [::]:0 --no-auth --data %s/both", s->folder);
    if (four)
        check_own(both, four);
    if (six)
        check_own(both, six);
    assert_int_equal(status_of(both, "::1", "[::1]"), 200);
    assert_int_equal(status_of(both, "127.0.0.1", "127.0.0.1"), 200);
}

static void expect_third_refused(struct server *server, const char *address)
{
    struct scenario *s = server->scenario;
    struct http *all[3];
    note(s, "%s", address);
    for (int i = 0; i < 3; i++) {
        all[i] = http_open_to(s, address, server->port);
        http_say(all[i], "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n");
        struct reply *reply = http_read(all[i], false);
        assert_non_null(reply);
        if (i < 2)
            expect_status(reply, 200);
        else
            expect_problem(reply, 503, "too-many-connections");
    }
    for (int i = 0; i < 3; i++)
        http_close(all[i]);
}

/* Each address has its own count, an IPv4 one on a socket for both as well. */
SCENARIO(counted_by_address)
{
    const char *six = has_ipv6() ? own_address(s, AF_INET6) : NULL;
    const char *listen = has_ipv6() ? "[::]" : "0.0.0.0";
    struct server *server =
        server_start(s, "--listen %s:0 --no-auth --max-connections-per-address 2", listen);
    expect_third_refused(server, "127.0.0.1");
    if (has_ipv6())
        expect_third_refused(server, "::1");
    if (six)
        expect_third_refused(server, six);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(own_addresses),
        RUN(counted_by_address),
    };
    return RUN_SCENARIOS("addresses", table);
}
