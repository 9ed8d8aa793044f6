/* Section 4: GET /problems/{slug}, the page that the type of a problem leads to. */
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "tests/api/lib/tasks.h"

/* Which media type an Accept gets; NULL: 406. */
static const struct {
    const char *accept, *type;
} rows[] = {
    {"*/*", "text/html"},
    {"", "text/html"},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"},
    {"text/*", "text/html"},
    {"text/html, application/json", "text/html"},
    {"text/html;q=0.5, application/json;q=0.4", "text/html"},
    {"application/json", "application/json"},
    {"application/*", "application/json"},
    {"application/json, text/plain, */*", "application/json"},
    {"text/html;q=0.4, application/json;q=0.5", "application/json"},
    {"text/html;q=0, */*", "application/json"},
    {"application/json;q=0", NULL},
    {"image/png", NULL},
};

/* 4: HTML for a browser and by default, JSON for those who ask for it. */
SCENARIO(media_types)
{
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "Accept: %s", rows[i].accept);
        struct reply *reply = call(server, .path = "/problems/task-failed",
                                   .headers = text(s, "Accept: %s\r\n", rows[i].accept));
        if (!rows[i].type) {
            expect_problem(reply, 406, "not-acceptable");
            continue;
        }
        expect_status(reply, 200);
        expect_header(reply, "Vary", "Accept");
        const char *type = header(reply, "Content-Type");
        assert_int_equal(strncmp(type, rows[i].type, strlen(rows[i].type)), 0);
    }
    struct reply *plain = get(server, "/problems/task-failed");
    expect_header(plain, "Content-Type", "text/html; charset=utf-8");
}

/* 4: the type of a real problem leads to its page, which agrees with it. */
SCENARIO(from_a_problem)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *problem = post(server, "/v1/tasks", "{'function':'none'}");
    expect_problem(problem, 422, "unknown-function");
    const char *path = json_text(problem, "type");
    struct reply *page = get(server, "%s", path);
    expect_status(page, 200);
    assert_non_null(strstr(page->body.text, json_text(problem, "title")));
    assert_non_null(strstr(page->body.text, "422"));
    assert_non_null(strstr(page->body.text, "SIGHUP")); /* what to do */
    struct reply *data = call(server, .path = path, .headers = "Accept: application/json\r\n");
    expect_header(data, "Content-Type", "application/json");
    expect_text(data, "type", path);
    expect_text(data, "title", json_text(problem, "title"));
    expect_number(data, "status", 422);
    assert_non_null(strstr(json_text(data, "description"), "SIGHUP"));
}

/* 4: each problem that there is has its page. */
SCENARIO(one_for_each)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *document = get(server, "/openapi.json");
    const cJSON *type;
    int count = 0;
    cJSON_ArrayForEach(type, body_at(&document->body, "components.schemas.ProblemType.enum"))
    {
        note(s, "%s", type->valuestring);
        struct reply *page = get(server, "%s", type->valuestring);
        expect_status(page, 200);
        assert_non_null(strstr(page->body.text, strrchr(type->valuestring, '/') + 1));
        count++;
    }
    assert_true(count >= 26);
}

/* 4: what is no problem of ours is not there. */
SCENARIO(unknown)
{
    static const char *const paths[] = {
        "/problems/none", "/problems", "/problems/", "/problems/cycle/more", "/problems/Cycle",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        note(s, "%s", paths[i]);
        expect_problem(call(server, .path = paths[i]), 404, "not-found");
    }
    expect_problem(call(server, .method = "POST", .path = "/problems/cycle"), 405,
                   "method-not-allowed");
    expect_parameter(get(server, "/problems/cycle?colour=red"), "colour");
}

/* 4: a problem is JSON, also where it repeats bytes of the request that are not UTF-8. */
SCENARIO(bytes_of_strangers)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = call(server, .path = "/v1/tasks?a%ffb=1");
    expect_parameter(reply, "a\357\277\275b");
    assert_true(str_utf8(str_of(reply->body.text)));
    reply = call(server, .path = "/v1/tasks", .host = "h\303");
    expect_problem(reply, 421, "wrong-host");
    assert_true(str_utf8(str_of(reply->body.text)));
}

/* 4: what can be read in two ways is a problem of its own, and the end of the connection. */
SCENARIO(two_hosts)
{
    struct server *server = server_start(s, "%s", "");
    struct http *http = server_connect(server);
    http_say(http, "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nHost: 127.0.0.1\r\n\r\n");
    struct reply *reply = http_read(http, false);
    assert_non_null(reply);
    expect_problem(reply, 400, "bad-request");
    expect_closed(http);
}

/* 4: so is what lacks a host, or has a target of two words: once, and as a problem of ours. */
SCENARIO(broken_heads)
{
    static const char *const heads[] = {
        "GET /v1/tasks HTTP/1.1\r\n\r\n",
        "GET http://localhost/v1/tasks HTTP/1.1\r\n\r\n",
        "GET /v1/ta sks HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/tasks?state=que ued HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/tasks  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        note(s, "%s", heads[i]);
        struct http *http = server_connect(server);
        http_say(http, heads[i]);
        struct reply *reply = http_read(http, false);
        assert_non_null(reply);
        expect_problem(reply, 400, "bad-request");
        expect_closed(http);
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(media_types),        RUN(from_a_problem), RUN(one_for_each), RUN(unknown),
        RUN(bytes_of_strangers), RUN(two_hosts),      RUN(broken_heads),
    };
    return RUN_SCENARIOS("problems", table);
}
