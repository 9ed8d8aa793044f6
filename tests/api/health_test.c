/* errand health: what a container's HEALTHCHECK asks. Its word and its exit status say the same. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

static void expect_health(struct scenario *s, const char *listen, bool healthy)
{
    note(s, "--listen %s", listen);
    struct run *run = errand_run(s, "health --listen %s", listen);
    assert_string_equal(run->output, healthy ? "healthy" : "not healthy");
    assert_string_equal(run->errors, "");
    assert_int_equal(run->exit_status, healthy ? 0 : 1);
}

SCENARIO(server_that_runs)
{
    struct server *server = server_start(s, "%s", "");
    expect_health(s, text(s, "127.0.0.1:%d", server->port), true);
    expect_health(s, text(s, "localhost:%d", server->port), true);
    server_environment(s, "ERRAND_LISTEN=127.0.0.1:%d", server->port);
    assert_int_equal(errand_run(s, "health")->exit_status, 0);
}

/* The setting of a server on all addresses is no address to ask: loopback is. A token is not
 * needed. */
SCENARIO(server_on_all_addresses)
{
    server_environment(s, "ERRAND_TOKEN=secret");
    const char *const hosts[] = {"0.0.0.0", "127.0.0.1", "[::]", "[::1]"};
    size_t count = access("/proc/net/if_inet6", R_OK) == 0 ? 4 : 2;
    for (size_t i = 0; i < count; i++) {
        struct server *server = server_start(s, "--listen %s:0", hosts[i]);
        expect_health(s, text(s, "%s:%d", hosts[i], server->port), true);
        server_stop(server);
    }
}

SCENARIO(nobody_listens)
{
    struct server *server = server_start(s, "%s", "");
    server_stop(server);
    expect_health(s, text(s, "127.0.0.1:%d", server->port), false);
    expect_health(s, "no-such-host.invalid:80", false);
}

struct stranger {
    int fd;
    int port;
};

static void stranger_end(void *stranger)
{
    close(((struct stranger *)stranger)->fd);
}

/* A port that takes connections and has nobody behind it. */
static struct stranger *stranger_start(struct scenario *s)
{
    struct stranger *stranger = keep(s, sizeof *stranger);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    stranger->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stranger->fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(stranger->fd, 8), 0);
    assert_int_equal(getsockname(stranger->fd, (struct sockaddr *)&address, &length), 0);
    stranger->port = ntohs(address.sin_port);
    at_end(s, stranger_end, stranger);
    return stranger;
}

/* A server that hangs is as bad as none, and is not waited for for ever. */
SCENARIO(no_answer)
{
    int64_t start = now_ms();
    expect_health(s, text(s, "127.0.0.1:%d", stranger_start(s)->port), false);
    assert_true(now_ms() - start >= 1000); /* a busy one may take a moment */
}

/* What is wrong with the question is told from what is wrong with the server. */
SCENARIO(bad_usage_is_2)
{
    const char *const bad[] = {"health --bogus", "health extra", "health --listen nonsense",
                               "health --listen 127.0.0.1:99999", "health --listen :80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i]);
        struct run *run = errand_run(s, "%s", bad[i]);
        assert_int_equal(run->exit_status, 2);
        assert_non_null(strstr(run->errors, "errand health: "));
        assert_string_equal(run->output, "");
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(server_that_runs), RUN(server_on_all_addresses), RUN(nobody_listens),
        RUN(no_answer),        RUN(bad_usage_is_2),
    };
    return RUN_SCENARIOS("health", table);
}
