/* Tokens and tickets are nowhere to be seen: not in the list of processes, in /proc, in a child, in
 * the log or in an answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/kit.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"
#include "tests/api/lib/tokens.h"

#define SECRET "geheim-0123456789"

static struct reply *with_secret(struct server *server, const char *path, const char *body)
{
    return call(server, .path = path, .headers = "Authorization: Bearer " SECRET "\r\n",
                .body = body ? requote(text(server->scenario, "%s", body)) : NULL);
}

/* A file of /proc, its NULs as line ends. */
static const char *proc_read(struct scenario *s, pid_t pid, const char *name)
{
    char *bytes = keep(s, 65536);
    FILE *file = fopen(text(s, "/proc/%d/%s", (int)pid, name), "r");
    assert_non_null(file);
    size_t length = fread(bytes, 1, 65535, file);
    fclose(file);
    for (size_t i = 0; i < length; i++)
        bytes[i] = bytes[i] ? bytes[i] : '\n';
    return bytes;
}

static void check_unseen(struct server *server)
{
    struct scenario *s = server->scenario;
    assert_null(strstr(proc_read(s, server->pid, "cmdline"), SECRET));
    assert_null(strstr(proc_read(s, server->pid, "environ"), SECRET));
    assert_null(strstr(server_log(server), SECRET));
    expect_status(with_secret(server, "/v1/tasks", NULL), 200);
    expect_status(get(server, "/v1/tasks"), 401);
}

SCENARIO(token_of_a_flag)
{
    const char *flags[] = {"--token " SECRET, "--token=" SECRET,
                           "--token other --slots 3 --token=" SECRET};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        note(s, "%s", flags[i]);
        struct server *server = server_start(s, "%s", flags[i]);
        check_unseen(server);
        assert_non_null(strstr(proc_read(s, server->pid, "cmdline"), "--token"));
        server_stop(server);
    }
}

/* Nothing else of the environment is lost: manifests read it. */
SCENARIO(token_of_a_variable)
{
    server_environment(s, "ERRAND_TOKEN=" SECRET);
    server_environment(s, "OTHER=stays");
    struct server *server = server_start(s, "%s", "");
    check_unseen(server);
    assert_non_null(strstr(proc_read(s, server->pid, "environ"), "OTHER=stays"));
}

/* Neither in a process's environment and arguments, nor a worker's, nor what they read of the
 * server's. */
SCENARIO(children)
{
    functions_kit(s, "{'max':1}", "");
    function_file(s, "look",
                  "#!/bin/sh\n"
                  "{ env; cat /proc/self/cmdline /proc/$PPID/environ"
                  " /proc/$PPID/cmdline; } | tr '\\0' '\\n'\n");
    server_environment(s, "ERRAND_TOKEN=" SECRET);
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = with_secret(server, "/v1/tasks?wait=30", "{'function':'look'}");
    expect_text(reply, "state", "succeeded");
    assert_non_null(strstr(reply->body.text, "ERRAND_FUNCTION=look"));
    assert_non_null(strstr(reply->body.text, "serve"));
    assert_null(strstr(reply->body.text, SECRET));
    assert_null(strstr(reply->body.text, "ERRAND_TOKEN"));
    reply = with_secret(server, "/v1/tasks?wait=30", "{'function':'env'}");
    expect_text(reply, "state", "succeeded");
    assert_null(strstr(reply->body.text, "ERRAND_TOKEN"));
}

/* A word that stands in the wrong place may be a token. */
SCENARIO(bad_usage_shows_no_words)
{
    const char *bad[] = {"serve --tokne=" SECRET,
                         "serve --tokne " SECRET,
                         "serve " SECRET,
                         "serve --token a " SECRET,
                         "serve --no-auth " SECRET,
                         "serve --token " SECRET " --slots x",
                         "serve --token " SECRET " --listen nonsense"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i]);
        struct run *run = errand_run(s, "%s", bad[i]);
        assert_int_equal(run->exit_status, 2);
        assert_null(strstr(run->errors, SECRET));
    }
}

/* Whatever is asked with them, and however it goes wrong. */
SCENARIO(answers_and_the_log)
{
    server_environment(s, "ERRAND_TOKEN=" SECRET);
    struct server *server = server_start(s, "--cors-origin https://a.example");
    const char *ticket = json_text(with_secret(server, "/v1/tickets", "{}"), "ticket");
    const char *paths[] = {"/v1/tasks?ticket=",
                           "/nowhere?ticket=",
                           "/v1/events?bogus=1&ticket=",
                           "/v1/events?type=x&ticket=",
                           "/v1/tasks/none/events?ticket=",
                           "/v1/events?ticket=x",
                           "/v1/tasks?token="};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        note(s, "%s", paths[i]);
        struct reply *reply = call(server, .path = text(s, "%s%s", paths[i], ticket),
                                   .headers = "Authorization: Bearer " SECRET "\r\n"
                                              "Origin: https://a.example\r\n");
        assert_true(reply->status >= 400);
        assert_null(strstr(reply->head, ticket));
        assert_null(strstr(reply->body.text, ticket));
        assert_null(strstr(reply->body.text, SECRET));
        assert_null(strstr(reply->head, SECRET));
    }
    expect_status(
        call(server, .path = "/v1/tasks", .headers = "Authorization: Bearer " SECRET "x\r\n"), 401);
    sse_open(server, "/v1/events?ticket=%s", ticket);
    const char *shown[] = {"/metrics", "/v1/stats", "/v1/functions", "/v1/tasks", "/openapi.json"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        struct reply *reply = with_secret(server, shown[i], NULL);
        expect_status(reply, 200);
        assert_null(strstr(reply->body.text, SECRET));
        assert_null(strstr(reply->body.text, ticket));
    }
    server_stop(server);
    assert_null(strstr(server_log(server), SECRET));
    assert_null(strstr(server_log(server), ticket));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(token_of_a_flag),          RUN(token_of_a_variable), RUN(children),
        RUN(bad_usage_shows_no_words), RUN(answers_and_the_log),
    };
    return RUN_SCENARIOS("secrets", table);
}
