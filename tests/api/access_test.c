/* Section 1 and 4.10: who is answered: Host, token, Origin. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* 1: only a Host that is a loopback name or the server's own address is answered (421 otherwise).
 */
SCENARIO(host_has_to_be_ours)
{
    struct server *server = server_start(s, "%s", "");
    const struct {
        const char *host;
        int status;
    } rows[] = {
        {text(s, "127.0.0.1:%d", server->port), 200},
        {text(s, "localhost:%d", server->port), 200},
        {"localhost", 200},
        {"LocalHost:81", 200},
        {"127.0.0.1", 200},
        {"127.0.0.1:9999", 200},
        {"[::1]", 200},
        {"[::1]:8080", 200},
        {"0.0.0.0", 421},
        {text(s, "0.0.0.0:%d", server->port), 421},
        {"example.com", 421},
        {text(s, "example.com:%d", server->port), 421},
        {"localhost.example.com", 421},
        {"127.0.0.1.example.com", 421},
        {"example.com:127.0.0.1", 421},
        {"192.168.0.1", 421},
        {"localhostile", 421},
        {"127.0.0.1@example.com", 421},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "Host: %s", rows[i].host);
        struct reply *reply = call(server, .path = "/v1/tasks", .host = rows[i].host);
        expect_status(reply, rows[i].status);
        if (rows[i].status == 421)
            expect_problem(reply, 421, "wrong-host");
    }
}

/* 1: a wrong Host changes nothing, whatever the method. */
SCENARIO(wrong_host_creates_nothing)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = call(server, .path = "/v1/tasks", .host = "rebound.example",
                               .body = "{\"function\":\"echo\"}");
    expect_problem(reply, 421, "wrong-host");
    assert_int_equal(count_tasks(server, ""), 0);
}

static void check_token(struct server *server)
{
    static const struct {
        const char *headers;
        int status;
    } rows[] = {
        {NULL, 401},
        {"Authorization: Bearer wrong\r\n", 401},
        {"Authorization: Bearer secre\r\n", 401},
        {"Authorization: Bearer secret2\r\n", 401},
        {"Authorization: Bearer \r\n", 401},
        {"Authorization: Bearer\r\n", 401},
        {"Authorization: Basic secret\r\n", 401},
        {"Authorization: secret\r\n", 401},
        {"Authorization: Bearer secret\r\n", 200},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(server->scenario, "%s", rows[i].headers ? rows[i].headers : "no header");
        struct reply *reply = call(server, .path = "/v1/tasks", .headers = rows[i].headers);
        expect_status(reply, rows[i].status);
        if (rows[i].status == 200)
            continue;
        expect_problem(reply, 401, "unauthorized");
        const char *challenge = header(reply, "WWW-Authenticate");
        assert_non_null(challenge);
        assert_int_equal(strncmp(challenge, "Bearer", 6), 0);
    }
}

/* 1: with a token every route wants it; 401 and WWW-Authenticate otherwise. */
SCENARIO(token_from_variable)
{
    server_environment(s, "ERRAND_TOKEN=secret");
    check_token(server_start(s, "%s", ""));
}

/* 1: what the request line names is whom it is for, and not the header Host; it is checked alike.
 */
SCENARIO(absolute_targets)
{
    static const struct {
        const char *line, *host;
        int status;
    } rows[] = {
        {"GET http://localhost/healthz", "localhost", 200},
        {"GET HTTP://127.0.0.1:8080/healthz?", "127.0.0.1:8080", 200},
        {"GET http://localhost/v1/tasks?limit=1", "evil.example", 200},
        {"GET http://localhost", "localhost", 200},
        {"GET http://evil.example/healthz", "localhost", 421},
        {"GET http://evil.example/healthz", "evil.example", 421},
        {"GET http://localhost@evil.example/healthz", "localhost", 421},
        {"GET http://evil.example%2F/healthz", "localhost", 421},
        {"GET http:///healthz", "localhost", 421},
        {"GET https://localhost/healthz", "localhost", 404},
        {"GET http://localhost/nope", "localhost", 404},
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s, %s", rows[i].line, rows[i].host);
        struct http *http = server_connect(server);
        http_say(http, text(s, "%s HTTP/1.1\r\nHost: %s\r\n\r\n", rows[i].line, rows[i].host));
        struct reply *reply = http_read(http, false);
        assert_non_null(reply);
        expect_status(reply, rows[i].status);
    }
}

/* The server as a whole says what it can be asked with. */
SCENARIO(options_of_the_server)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = call(server, .method = "OPTIONS", .path = "*");
    expect_status(reply, 204);
    expect_header(reply, "Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    expect_status(call(server, .path = "*"), 404);
}

/* 1: the same from a file, whose last line end is no part of it. */
SCENARIO(token_from_file)
{
    folder_write(s, "token", "secret\n");
    check_token(server_start(s, "--token-file %s", folder_path(s, "token")));
}

/* 1: every route but the three for health. */
SCENARIO(token_routes)
{
    static const struct {
        const char *method, *path;
        int status;
    } rows[] = {
        {"GET", "/healthz", 200},
        {"GET", "/livez", 200},
        {"GET", "/readyz", 200},
        {"HEAD", "/healthz", 200},
        {"OPTIONS", "/healthz", 204},
        {"PATCH", "/readyz", 405},
        {"POST", "/livez", 405},
        {"OPTIONS", "/v1/stats", 401},
        {"PATCH", "/v1/stats", 401},
        {"GET", "/v1/stats", 401},
        {"GET", "/v1/functions", 401},
        {"GET", "/v1/events", 401},
        {"GET", "/v1/tasks/none", 401},
        {"GET", "/v1/tasks/none/events", 401},
        {"GET", "/v1/tasks/none/logs", 401},
        {"GET", "/v1/tasks/none/result", 401},
        {"POST", "/v1/tasks/none/cancel", 401},
        {"HEAD", "/v1/tasks", 401},
    };
    server_environment(s, "ERRAND_TOKEN=secret");
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s %s", rows[i].method, rows[i].path);
        struct reply *reply = call(server, .method = rows[i].method, .path = rows[i].path);
        expect_status(reply, rows[i].status);
        if (rows[i].status == 204 || rows[i].status == 405)
            expect_header(reply, "Allow", "GET, HEAD, OPTIONS");
    }
    expect_problem(post(server, "/v1/tasks", "{'function':'echo'}"), 401, "unauthorized");
    struct reply *list =
        call(server, .path = "/v1/tasks", .headers = "Authorization: Bearer secret\r\n");
    assert_int_equal(json_count(list, "tasks"), 0);
}

static struct reply *create_from(struct server *server, const char *origin)
{
    return call(server, .path = "/v1/tasks", .body = "{\"function\":\"echo\"}",
                .headers = text(server->scenario, "Origin: %s\r\n", origin));
}

/* 4.10: a browser elsewhere cannot act: 403 forbidden-origin, and nothing is created. */
SCENARIO(foreign_origin_cannot_act)
{
    const char *foreign[] = {"http://evil.example", "https://127.0.0.1.evil.example", "null",
                             "http://127.0.0.1:1"};
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        note(s, "Origin: %s", foreign[i]);
        expect_problem(create_from(server, foreign[i]), 403, "forbidden-origin");
    }
    expect_status(call(server, .path = "/v1/tasks", .headers = "Origin: http://evil.example\r\n"),
                  200);
    assert_int_equal(count_tasks(server, ""), 0);
    expect_status(create_from(server, server_origin(server)), 201);
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 4.10: cancel is acting too. */
SCENARIO(foreign_origin_cannot_cancel)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    struct reply *reply = call(server, .method = "POST", .path = "/v1/tasks/later/cancel",
                               .headers = "Origin: http://evil.example\r\n");
    expect_problem(reply, 403, "forbidden-origin");
    expect_state(server, "later", "scheduled");
}

/* 1: --cors-origin, repeatable: such an origin may act and is told so; others are not. */
SCENARIO(cors_origins_are_let_in)
{
    struct server *server =
        server_start(s, "--cors-origin https://a.example --cors-origin https://b.example:444");
    const char *allowed[] = {"https://a.example", "https://b.example:444"};
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        note(s, "Origin: %s", allowed[i]);
        struct reply *made = create_from(server, allowed[i]);
        expect_status(made, 201);
        expect_header(made, "Access-Control-Allow-Origin", allowed[i]);
        struct reply *list =
            call(server, .path = "/v1/tasks", .headers = text(s, "Origin: %s\r\n", allowed[i]));
        expect_header(list, "Access-Control-Allow-Origin", allowed[i]);
    }
    struct reply *evil = create_from(server, "https://c.example");
    expect_problem(evil, 403, "forbidden-origin");
    assert_null(header(evil, "Access-Control-Allow-Origin"));
}

/* A cache keeps answers with and without these headers apart, whoever asked first. */
SCENARIO(answers_vary_with_the_origin)
{
    static const char *const origins[] = {"", "Origin: https://a.example\r\n",
                                          "Origin: https://b.example\r\n"};
    static const char *const paths[] = {"/healthz", "/v1/tasks", "/v1/tasks/none", "/nope"};
    struct server *with = server_start(s, "--cors-origin https://a.example");
    struct server *without = server_start(s, "--data other");
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 4; k++) {
            note(s, "%s, %s", paths[k], origins[i]);
            struct reply *reply = call(with, .path = paths[k], .headers = origins[i]);
            expect_header(reply, "Vary", "Origin");
            assert_int_equal(header(reply, "Access-Control-Allow-Origin") != NULL, i == 1);
            assert_null(header(call(without, .path = paths[k], .headers = origins[i]), "Vary"));
        }
    }
}

/* 1: a preflight of an origin that is let in names the method, and every header that we read. */
SCENARIO(cors_preflight)
{
    struct server *server = server_start(s, "--cors-origin https://a.example");
    struct reply *reply = call(server, .method = "OPTIONS", .path = "/v1/tasks",
                               .headers = "Origin: https://a.example\r\n"
                                          "Access-Control-Request-Method: POST\r\n"
                                          "Access-Control-Request-Headers: content-type\r\n");
    assert_in_range(reply->status, 200, 204);
    expect_header(reply, "Access-Control-Allow-Origin", "https://a.example");
    const char *methods = header(reply, "Access-Control-Allow-Methods");
    const char *headers = header(reply, "Access-Control-Allow-Headers");
    assert_true(methods && strstr(methods, "POST"));
    static const char *const names[] = {"authorization", "content-type",  "idempotency-key",
                                        "if-none-match", "last-event-id", "prefer"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(headers && strcasestr(headers, names[i]));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(host_has_to_be_ours),
        RUN(wrong_host_creates_nothing),
        RUN(token_from_variable),
        RUN(absolute_targets),
        RUN(options_of_the_server),
        RUN(token_from_file),
        RUN(token_routes),
        RUN(foreign_origin_cannot_act),
        RUN(foreign_origin_cannot_cancel),
        RUN(cors_origins_are_let_in),
        RUN(cors_preflight),
        RUN(answers_vary_with_the_origin),
    };
    return RUN_SCENARIOS("access", table);
}
