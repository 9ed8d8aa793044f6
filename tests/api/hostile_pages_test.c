/* Pages of strangers in a browser on this machine: by a request across origins, and by a name of
 * theirs that is made to point at this server (DNS rebinding). Neither acts nor reads. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

struct act {
    const char *method, *path, *body;
};

/* All that changes something. */
static const struct act acts[] = {
    {"POST", "/v1/tasks", "{\"function\":\"echo\"}"},
    {"POST", "/v1/tasks", "[{\"function\":\"echo\"}]"},
    {"POST", "/v1/tasks?wait=1", "{\"function\":\"echo\"}"},
    {"POST", "/v1/tasks/live/cancel", NULL},
    {"POST", "/v1/tasks/live/cancel", "{\"force\":true}"},
    {"POST", "/v1/tasks/cancel", "{}"},
    {"PUT", "/v1/tasks/live/result", "1"},
    {"DELETE", "/v1/tasks/done", NULL},
    {"POST", "/v1/leases", "{\"functions\":[\"echo\"]}"},
};
enum { ACTS = sizeof acts / sizeof *acts };

static struct server *start_with_tasks(struct scenario *s, const char *flags)
{
    struct server *server = server_start(s, "%s", flags);
    create(server, "{'id':'live','function':'echo','delay':3600}");
    create(server, "{'id':'done','function':'echo'}");
    expect_outcome(server, "done", "succeeded");
    return server;
}

static void expect_untouched(struct server *server)
{
    expect_state(server, "live", "scheduled");
    expect_state(server, "done", "succeeded");
    assert_int_equal(count_tasks(server, ""), 2);
}

static struct reply *act_from(struct server *server, const struct act *act, const char *headers,
                              const char *host, const char *type)
{
    note(server->scenario, "%s %s with %s, host %s", act->method, act->path,
         headers ? headers : "no more", host ? host : "ours");
    return call(server, .method = act->method, .path = act->path, .body = act->body,
                .headers = headers, .host = host, .type = type);
}

/* The page's own origin is in the request: 403, also for what a form can send without asking. */
SCENARIO(across_origins)
{
    static const char *const origins[] = {
        "http://evil.example",
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://127.0.0.1:1",
        "https://127.0.0.1",
        "file://",
        "http://evil.example@127.0.0.1",
        "",
        "http://127.0.0.1.nip.io",
        "chrome-extension://abc",
        "http://[::1]:1",
    };
    struct server *server = start_with_tasks(s, "");
    for (int i = 0; i < ACTS; i++) {
        for (size_t k = 0; k < sizeof origins / sizeof *origins; k++) {
            const char *headers = text(s, "Origin: %s\r\n", origins[k]);
            expect_problem(act_from(server, &acts[i], headers, NULL, NULL), 403,
                           "forbidden-origin");
            expect_problem(act_from(server, &acts[i], headers, NULL, "text/plain"), 403,
                           "forbidden-origin");
        }
    }
    expect_untouched(server);
}

/* Nothing that is read across origins may be looked at: no header allows it. */
SCENARIO(reads_across_origins)
{
    static const char *const paths[] = {
        "/v1/tasks", "/v1/tasks/done", "/v1/tasks/done/result", "/v1/functions",
        "/v1/stats", "/metrics",       "/openapi.json",         "/"};
    struct server *server = start_with_tasks(s, "--cors-origin https://good.example");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        note(s, "%s", paths[i]);
        struct reply *reply =
            call(server, .path = paths[i], .headers = "Origin: http://evil.example\r\n");
        assert_null(header(reply, "Access-Control-Allow-Origin"));
        assert_null(header(reply, "Access-Control-Allow-Credentials"));
        reply = call(server, .method = "OPTIONS", .path = paths[i],
                     .headers = "Origin: http://evil.example\r\n"
                                "Access-Control-Request-Method: DELETE\r\n");
        assert_null(header(reply, "Access-Control-Allow-Origin"));
        assert_null(header(reply, "Access-Control-Allow-Methods"));
    }
}

/* A name of theirs that resolves to us: the browser takes it for one origin, the Host tells. */
SCENARIO(rebound_names)
{
    static const char *const hosts[] = {
        "evil.example",
        "evil.example:%d",
        "localhost.evil.example:%d",
        "127.0.0.1.nip.io",
        "0.0.0.0:%d",
        "[::]:%d",
        "localhost.:%d",
        "localhost@evil",
        "127.0.0.1 evil",
        "127.0.0.1,evil.example",
        "[::1",
        "::1",
        "[::ffff:1.2.3.4]",
        "2130706433",
        "0x7f.1",
        "169.254.169.254",
        "localhost:80:80",
        "localhost:x",
        "\xc4\xb0.example",
        "127.1",
    };
    struct server *server = start_with_tasks(s, "");
    for (size_t k = 0; k < sizeof hosts / sizeof *hosts; k++) {
        const char *d = strstr(hosts[k], "%d");
        const char *host =
            d ? text(s, "%.*s%d", (int)(d - hosts[k]), hosts[k], server->port) : hosts[k];
        const char *own = text(s, "Origin: http://%s\r\n", host);
        for (int i = 0; i < ACTS; i++)
            expect_problem(act_from(server, &acts[i], own, host, NULL), 421, "wrong-host");
        static const struct act reads[] = {{"GET", "/v1/tasks", NULL},
                                           {"GET", "/v1/events", NULL},
                                           {"GET", "/", NULL},
                                           {"OPTIONS", "/v1/tasks", NULL}};
        for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
            expect_problem(act_from(server, &reads[i], own, host, NULL), 421, "wrong-host");
    }
    expect_untouched(server);
}

/* The machine's own pages may act. */
SCENARIO(own_pages)
{
    struct server *server = start_with_tasks(s, "");
    const char *own = text(s, "Origin: %s\r\n", server_origin(server));
    expect_status(act_from(server, &acts[0], own, NULL, NULL), 201);
    assert_int_equal(count_tasks(server, ""), 3);
}

/* What a function wrote is no page, whatever it looks like and whoever writes the answer. */
SCENARIO(nothing_is_guessed)
{
    static const char *const rows[] = {
        "GET /v1/tasks/live/result HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/tasks/done/logs HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/tasks/live/logs?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /v1/tasks HTTP/1.1\r\nHost: <b>\r\nContent-Length: 9\r\nExpect: "
        "100-continue\r\n\r\n",
    };
    struct server *server = start_with_tasks(s, "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i]);
        struct http *http = server_connect(server);
        http_say(http, rows[i]);
        struct reply *reply = http_read_head(http, false);
        assert_non_null(reply);
        expect_header(reply, "X-Content-Type-Options", "nosniff");
        http_close(http);
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(across_origins), RUN(reads_across_origins), RUN(rebound_names),
        RUN(own_pages),      RUN(nothing_is_guessed),
    };
    return RUN_SCENARIOS("hostile_pages", table);
}
