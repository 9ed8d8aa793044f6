#include "server/access.h"

#include "server/router.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

bool access_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const void *)address;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* Host = uri-host [":" port] (RFC 9110, section 7.2); STR_NONE if it is not of that form. */
static struct str host_name(struct str host)
{
    if (!host.len)
        return STR_NONE;
    const char *end = memrchr(host.data, host.data[0] == '[' ? ']' : ':', host.len);
    struct str name = host, port = STR_NONE;
    if (host.data[0] == '[') {
        if (!end)
            return STR_NONE;
        name = (struct str){host.data + 1, (size_t)(end - host.data) - 1};
        port = (struct str){end + 1, host.len - name.len - 2};
        if (port.len && port.data[0] != ':')
            return STR_NONE;
    } else if (end) {
        name.len = (size_t)(end - host.data);
        port = (struct str){end, host.len - name.len};
    }
    for (size_t i = 1; i < port.len; i++) {
        if (port.data[i] < '0' || port.data[i] > '9')
            return STR_NONE;
    }
    return name;
}

/* False: the text is no IP address. */
static bool parse_address(struct str name, struct sockaddr_storage *address)
{
    char text[INET6_ADDRSTRLEN];
    *address = (struct sockaddr_storage){0};
    if (name.len >= sizeof(text))
        return false;
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    struct sockaddr_in *in = (void *)address;
    struct sockaddr_in6 *in6 = (void *)address;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
        address->ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
        address->ss_family = AF_INET6;
    return address->ss_family != AF_UNSPEC;
}

static bool wildcard(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *in = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    return address->ss_family == AF_INET ? in->sin_addr.s_addr == INADDR_ANY
                                         : IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
}

/* A mapped IPv4 address (RFC 4291, section 2.5.5.2) is that address: a socket for both kinds has
 * nothing else to say. */
static void unmap(struct sockaddr_storage *address)
{
    const struct sockaddr_in6 *in6 = (const void *)address;
    struct sockaddr_in in = {.sin_family = AF_INET};
    if (address->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        return;
    memcpy(&in.sin_addr, in6->sin6_addr.s6_addr + 12, sizeof(in.sin_addr));
    memcpy(address, &in, sizeof(in));
}

/* Whether this connection came in on that address of the machine. */
static bool local_address(const struct request *request, const struct sockaddr_storage *address)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr_storage local = {0};
    socklen_t len = sizeof(local);
    if (!info || getsockname(info->connect_fd, (struct sockaddr *)&local, &len) != 0)
        return false;
    unmap(&local);
    if (local.ss_family != address->ss_family)
        return false;
    if (local.ss_family == AF_INET)
        return ((const struct sockaddr_in *)&local)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)address)->sin_addr.s_addr;
    return memcmp(&((const struct sockaddr_in6 *)&local)->sin6_addr,
                  &((const struct sockaddr_in6 *)address)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

static bool own_host(const struct access_rules *rules, const struct request *request,
                     struct str name)
{
    struct sockaddr_storage address;
    char machine[256] = "";
    if (parse_address(name, &address))
        return access_loopback((const struct sockaddr *)&address) ||
               (!wildcard(&address) && (rules->any_name || local_address(request, &address)));
    if (str_eq_nocase(name, STR("localhost")) || str_eq_nocase(name, rules->host))
        return true;
    if (rules->loopback)
        return false;
    gethostname(machine, sizeof(machine) - 1);
    return rules->any_name || str_eq_nocase(name, str_of(machine));
}

bool access_host(const struct access_rules *rules, struct request *request)
{
    struct str host = request->host;
    struct str name = host_name(host);
    if (name.len && own_host(rules, request, name))
        return true;
    return problem_set(&request->problem, &request->arena, PROBLEM_WRONG_HOST,
                       "this server does not answer for the host \"%.*s\"",
                       host.len > 200 ? 200 : (int)host.len, host.data ? host.data : "");
}

bool access_origin_valid(struct str origin)
{
    struct str host = origin, scheme = str_cut(&host, ':');
    if (!origin.len || str_eq(origin, STR("*")) || str_eq(origin, STR("null")))
        return true;
    if (!scheme.len || !str_starts(host, STR("//")) || host.len == 2)
        return false;
    for (size_t i = 0; i < origin.len; i++) {
        bool slash = origin.data[i] == '/' && i > scheme.len + 2;
        if (slash || origin.data[i] <= ' ' || isupper((unsigned char)origin.data[i]))
            return false;
    }
    return true;
}

static bool origin_listed(const struct access_rules *rules, struct str origin)
{
    const struct settings_list *listed = &rules->cors_origins;
    return str_listed(STR("*"), listed->items, listed->count) ||
           str_listed(origin, listed->items, listed->count);
}

/* The page came from this very server: its origin is a scheme and the host it asked for. */
static bool own_origin(const struct request *request, struct str origin)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2 && request->host.len; i++) {
        struct str scheme = str_of(schemes[i]);
        struct str rest = {origin.data + scheme.len, origin.len - scheme.len};
        if (str_starts(origin, scheme) && str_eq_nocase(rest, request->host))
            return true;
    }
    return false;
}

bool access_origin(const struct access_rules *rules, struct request *request)
{
    struct str origin = request_header(request, "Origin");
    bool reads = str_eq(request->method, STR("GET")) || str_eq(request->method, STR("HEAD")) ||
                 str_eq(request->method, STR("OPTIONS"));
    if (reads || !origin.data || own_origin(request, origin) || origin_listed(rules, origin))
        return true;
    return problem_set(&request->problem, &request->arena, PROBLEM_FORBIDDEN_ORIGIN,
                       "pages of another origin may not do this; see --cors-origin");
}

bool access_cors(const struct access_rules *rules, struct request *request)
{
    struct str origin = request_header(request, "Origin");
    if (rules->cors_origins.count) /* a cache must not give others what was for no origin */
        request_add_header(request, "Vary", STR("Origin"));
    if (!origin.data || !origin_listed(rules, origin))
        return false;
    request_add_header(request, "Access-Control-Allow-Origin", origin);
    request_add_header(request, "Access-Control-Expose-Headers",
                       STR("ETag, Idempotency-Replayed, Link, Location, Retry-After, "
                           "WWW-Authenticate"));
    if (!str_eq(request->method, STR("OPTIONS")) ||
        !request_header(request, "Access-Control-Request-Method").data)
        return false;
    request_add_header(request, "Access-Control-Allow-Methods", STR(ALL_METHODS));
    request_add_header(request, "Access-Control-Allow-Headers",
                       STR("Authorization, Content-Type, Idempotency-Key, If-None-Match, "
                           "Last-Event-ID, Prefer"));
    request_add_header(request, "Access-Control-Max-Age", STR("600"));
    return true;
}
