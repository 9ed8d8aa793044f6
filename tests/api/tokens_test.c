/* Section 1: the token file: what it may be, and that SIGHUP reads it again. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tokens.h"

static struct run *serve_with(struct scenario *s, const char *file)
{
    folder_write(s, "tokens", file);
    return errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --token-file %s/tokens",
                      s->folder, s->folder);
}

/* A broken file ends the start, names the line and shows nothing of it. */
SCENARIO(broken_file_is_2)
{
    const struct {
        const char *file, *said;
    } rows[] = {
        {"", "no token"},
        {"# nothing\n", "no token"},
        {"geheim zwei\n", "line 1"},
        {"# a\n\ngeheim\n", "line 3"},
        {"# a\nsha256:geheim read\n", "line 2"},
        {"# a\n# geheim", "line 2"},
        {"sha256", "line 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].file);
        struct run *run = serve_with(s, rows[i].file);
        assert_int_equal(run->exit_status, 2);
        assert_non_null(strstr(run->errors, rows[i].said));
        assert_null(strstr(run->errors, "geheim"));
    }
}

/* errand token makes what the server takes; what it prints first opens the server. */
SCENARIO(token_command)
{
    struct run *run = errand_run(s, "token read submit:echo --name someone");
    assert_int_equal(run->exit_status, 0);
    const char *line = strchr(run->output, '\n');
    assert_non_null(line);
    const char *token = text(s, "%.*s", (int)(line - run->output), run->output);
    assert_int_equal(strlen(token), strlen("errand_") + 43);
    assert_null(strstr(line, token));
    folder_write(s, "tokens", text(s, "%s\n", line + 1));
    struct server *server = server_start(s, "--token-file %s", folder_path(s, "tokens"));
    const char *header = text(s, "Authorization: Bearer %s\r\n", token);
    expect_status(call(server, .path = "/v1/tasks", .headers = header), 200);
    expect_status(
        call(server, .path = "/v1/tasks", .headers = header, .body = "{\"function\":\"echo\"}"),
        201);
    expect_lacking(call(server, .path = "/v1/tasks/cancel", .headers = header, .body = "{}"),
                   "cancel");
    assert_string_not_equal(errand_run(s, "token read")->output,
                            errand_run(s, "token read")->output);
}

SCENARIO(token_command_bad_usage)
{
    const char *bad[] = {"token",          "token write",      "token read:x", "token submit:a,b",
                         "token --name x", "token read --name"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i]);
        struct run *run = errand_run(s, "%s", bad[i]);
        assert_int_equal(run->exit_status, 2);
        assert_string_equal(run->output, "");
    }
    assert_int_equal(errand_run(s, "token --help")->exit_status, 0);
}

/* A file that others can read is taken, and warned of. */
SCENARIO(readable_by_others)
{
    const char *warning = "can be read by others";
    tokens_write(s, "read");
    chmod(folder_path(s, "tokens"), 0600);
    struct server *server = server_start(s, "--token-file %s", folder_path(s, "tokens"));
    assert_null(strstr(server_log(server), warning));
    chmod(folder_path(s, "tokens"), 0640);
    tokens_reload(server, warning);
}

/* SIGHUP: old tokens go, new ones come, and those that stay do not notice. */
SCENARIO(rotation)
{
    struct server *server = tokens_server(s, "read read,cancel", "");
    expect_status(ask(server, "read", "/v1/tasks", NULL), 200);
    expect_status(ask(server, "admin", "/v1/tasks", NULL), 401);
    tokens_write(s, "read,cancel admin");
    tokens_reload(server, "tokens read from");
    expect_problem(ask(server, "read", "/v1/tasks", NULL), 401, "unauthorized");
    expect_status(ask(server, "read,cancel", "/v1/tasks", NULL), 200);
    expect_status(ask(server, "admin", "/v1/tasks", NULL), 200);
}

/* A single token can become lines. The other way round wants a start, as half a file looks the
 * same.
 */
SCENARIO(rotation_of_a_single_token)
{
    folder_write(s, "tokens", "token-of-all\n");
    struct server *server = server_start(s, "--token-file %s", folder_path(s, "tokens"));
    expect_status(ask(server, "all", "/v1/tasks", "{'function':'echo'}"), 201);
    tokens_write(s, "read");
    tokens_reload(server, "tokens read from");
    expect_status(ask(server, "all", "/v1/tasks", NULL), 401);
    expect_status(ask(server, "read", "/v1/tasks", NULL), 200);
}

/* What is broken changes nothing, and the log says which line, and nothing of what it holds. */
SCENARIO(broken_at_sighup)
{
    struct server *server = tokens_server(s, "read admin", "");
    const char *files[] = {"# new\nsha256:geheim read\n", "", "geheim und mehr\n"};
    const char *said[] = {"line 2", "no token", "line 1"};
    for (size_t i = 0; i < 3; i++) {
        folder_write(s, "tokens", files[i]);
        tokens_reload(server, "the tokens stay as they were");
        assert_non_null(strstr(server_log(server), said[i]));
        expect_status(ask(server, "read", "/v1/tasks", NULL), 200);
    }
    remove(folder_path(s, "tokens"));
    tokens_reload(server, "the tokens stay as they were");
    expect_status(ask(server, "read", "/v1/tasks", NULL), 200);
    assert_null(strstr(server_log(server), "geheim"));
}

/* A file that is written in place is read while half of it is there: that opens nothing. */
SCENARIO(half_a_file_at_sighup)
{
    const char *const bare[] = {"s", "sha256", "sha256:", "geheim"};
    struct server *server = tokens_server(s, "submit:echo", "");
    const char *file = strstr(folder_read(s, "tokens"), "sha256:");
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++) {
        note(s, "%s", bare[i]);
        folder_write(s, "tokens", bare[i]);
        tokens_reload(server, "the tokens stay as they were");
        const char *header = text(s, "Authorization: Bearer %s\r\n", bare[i]);
        expect_status(call(server, .path = "/v1/tasks", .headers = header), 401);
        expect_status(ask(server, "submit:echo", "/v1/tasks", "{'function':'echo'}"), 201);
    }
    folder_write(s, "tokens", text(s, "%.*s", (int)(strchr(file, ' ') - file) + 7, file));
    assert_non_null(strstr(folder_read(s, "tokens"), " submit"));
    tokens_reload(server, "the tokens stay as they were");
    assert_non_null(strstr(server_log(server), "line break"));
    expect_lacking(ask(server, "submit:echo", "/v1/tasks", "{'function':'other'}"), "submit");
    folder_write(s, "tokens", text(s, "%s\n", file));
    tokens_reload(server, "tokens read from");
    assert_null(strstr(server_log(server), "geheim"));
}

/* One token is valid without its line break, also when it is replaced. */
SCENARIO(single_token_without_line_break)
{
    folder_write(s, "tokens", "token-of-all");
    struct server *server = server_start(s, "--token-file %s", folder_path(s, "tokens"));
    expect_status(ask(server, "all", "/v1/tasks", NULL), 200);
    folder_write(s, "tokens", "token-of-others");
    tokens_reload(server, "tokens read from");
    expect_status(ask(server, "all", "/v1/tasks", NULL), 401);
    expect_status(ask(server, "others", "/v1/tasks", NULL), 200);
}

/* Streams of a token that is gone, or may not read any more, end; others go on. */
SCENARIO(streams_end_with_their_token)
{
    functions_standard(s);
    struct server *server = tokens_server(s, "read read,cancel admin", "");
    expect_status(ask(server, "admin", "/v1/tasks", "{'id':'a','function':'hold'}"), 201);
    struct sse *gone = sse_open_with(server, as(s, "read"), "/v1/events");
    struct sse *stays = sse_open_with(server, as(s, "read,cancel"), "/v1/tasks/a/events");
    struct http *log = server_connect(server);
    http_say(log, text(s, "GET /v1/tasks/a/logs?follow=1 HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                       as(s, "read")));
    expect_status(http_read_head(log, false), 200);
    tokens_write(s, "read,cancel admin");
    tokens_reload(server, "tokens read from");
    expect_closed(log);
    while (sse_next(gone)) /* what it was told before; then the end */
        continue;
    release(s, "a", "1");
    await_event(stays, "task.succeeded", "a");
}

/* The scopes of a token are those of the newest file. */
SCENARIO(streams_end_with_their_scope)
{
    char hash[65] = "", scopes[16] = "";
    struct server *server = tokens_server(s, "read admin", "");
    struct sse *stream = sse_open_with(server, as(s, "read"), "/v1/events");
    const char *file = folder_read(s, "tokens");
    assert_int_equal(sscanf(strstr(file, "sha256:"), "sha256:%64s %15s", hash, scopes), 2);
    folder_write(s, "tokens", text(s, "sha256:%s cancel\n", hash));
    tokens_reload(server, "tokens read from");
    assert_null(sse_next(stream));
    expect_lacking(ask(server, "read", "/v1/tasks", NULL), "read");
    expect_status(ask(server, "read", "/v1/tasks/cancel", "{}"), 202);
}

/* Requests and reloads at once: each request is answered by one file or the other, as a whole. */
SCENARIO(reloads_under_load)
{
    struct server *server = tokens_server(s, "read read,cancel", "");
    for (int round = 0; round < 20; round++) {
        struct http *connections[8];
        size_t length;
        const char *bytes = request_bytes(
            server, &(struct request){.path = "/v1/tasks", .headers = as(s, "read")}, &length);
        tokens_write(s, round % 2 ? "read read,cancel" : "read admin");
        for (int i = 0; i < 8; i++) {
            connections[i] = server_connect(server);
            http_write(connections[i], bytes, length);
            if (i == 4)
                server_signal(server, SIGHUP);
        }
        for (int i = 0; i < 8; i++) {
            expect_status(http_read(connections[i], false), 200);
            http_close(connections[i]);
        }
    }
    tokens_reload(server, "tokens read from");
}

/* Off loopback with tokens any name will do. */
SCENARIO(elsewhere)
{
    struct server *server = tokens_server(s, "read", "--listen 0.0.0.0:0");
    struct reply *reply =
        call(server, .path = "/v1/tasks", .headers = as(s, "read"), .host = "example.com");
    expect_status(reply, 200);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(broken_file_is_2),
        RUN(token_command),
        RUN(token_command_bad_usage),
        RUN(readable_by_others),
        RUN(rotation),
        RUN(rotation_of_a_single_token),
        RUN(broken_at_sighup),
        RUN(half_a_file_at_sighup),
        RUN(single_token_without_line_break),
        RUN(streams_end_with_their_token),
        RUN(streams_end_with_their_scope),
        RUN(reloads_under_load),
        RUN(elsewhere),
    };
    return RUN_SCENARIOS("tokens", table);
}
