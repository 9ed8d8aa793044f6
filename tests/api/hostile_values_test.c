/* Values that are made to cost more than they should: JSON that is deep or wide, $task in numbers,
 * ids, cursors and paths of all kinds. Each has an answer, and none stops the server. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

static struct reply *post_raw(struct server *server, const char *body)
{
    return call(server, .path = "/v1/tasks", .body = body);
}

/* A million levels are 400, by POST and as a result. */
SCENARIO(deep_json)
{
    static const char *const openings[] = {"[", "{\"a\":", "[{\"a\":", "{\"args\":[",
                                           "{\"function\":\"echo\",\"args\":["};
    struct server *server = server_start(s, "--max-body 16000000");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        note(s, "%s", openings[i]);
        char *deep = text_repeat(s, "", openings[i], 500000, "");
        expect_problem(post_raw(server, deep), 400, "malformed-json");
        deep = text_repeat(s, "{\"function\":\"echo\",\"args\":", openings[i], 500000, "");
        expect_problem(post_raw(server, deep), 400, "malformed-json");
        struct reply *reply =
            call(server, .method = "PUT", .path = "/v1/tasks/later/result", .body = deep);
        expect_problem(reply, 400, "malformed-json");
    }
    char *closed = text_repeat(s, "", "]", 1000000, "");
    expect_problem(post_raw(server, closed), 400, "malformed-json");
    assert_int_equal(count_tasks(server, ""), 1);
    expect_prompt(server);
}

/* A million values are data like any other, and come back. */
SCENARIO(wide_json)
{
    enum { VALUES = 500000 };
    struct server *server = server_start(s, "--max-body 16000000 --max-in-flight 500000000");
    char *wide =
        text_repeat(s, "{\"id\":\"wide\",\"function\":\"echo\",\"args\":[[", "1,", VALUES, "1]]}");
    expect_status(
        call(server, .path = "/v1/tasks", .body = wide, .headers = "Prefer: return=minimal\r\n"),
        201);
    expect_outcome(server, "wide", "succeeded");
    struct reply *result = get(server, "/v1/tasks/wide/result");
    assert_int_equal(result->body.length, 2 * VALUES + 3);
    char *members = text_repeat(s, "{\"function\":\"echo\"", ",\"a\":1", VALUES, "}");
    expect_problem(post_raw(server, members), 422, "invalid-request");
    members = text_repeat(s, "{\"function\":\"echo\"", ",\"args\":[]", VALUES, "}");
    expect_problem(post_raw(server, members), 422, "invalid-request");
    members =
        text_repeat(s, "{\"function\":\"echo\",\"kwargs\":{\"b\":1", ",\"a\":1", VALUES, "}}");
    expect_status(
        call(server, .path = "/v1/tasks", .body = members, .headers = "Prefer: return=minimal\r\n"),
        201);
    expect_prompt(server);
}

/* A wide result takes its own size a few times over, and no node for each of its values. */
SCENARIO(wide_result)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    char *wide = text_repeat(s, "[", "1,", 8000000, "1]");
    long before = server_rss_kb(server);
    struct reply *reply =
        call(server, .method = "PUT", .path = "/v1/tasks/later/result", .body = wide);
    expect_status(reply, 200);
    expect_peak_growth(server, before, 80000); /* a node for each of its values has 20 bytes */
}

/* More $task than a request may have, side by side, one in the other, and by id. */
SCENARIO(task_bombs)
{
    struct server *server = server_start(s, "--max-body 16000000");
    const char *inner = "{\"$task\":{\"function\":\"echo\"}},";
    char *side = text_repeat(s, "{\"process\":\"collect\",\"args\":[", inner, 10001, "1]}");
    expect_problem(post_raw(server, side), 422, "invalid-request");
    char *nested = text_repeat(s, "", "{\"process\":\"collect\",\"args\":[{\"$task\":", 10000, "");
    expect_problem(post_raw(server, nested), 400, "malformed-json");
    create(server, "{'id':'one','function':'echo','delay':3600}");
    char *same =
        text_repeat(s, "{\"process\":\"collect\",\"args\":[", "{\"$task\":\"one\"},", 10001, "1]}");
    expect_problem(post_raw(server, same), 422, "invalid-request");
    char *batch =
        text_repeat(s, "[", "{\"function\":\"echo\"},", 10001, "{\"function\":\"echo\"}]");
    expect_problem(post_raw(server, batch), 422, "invalid-request");
    char *pairs = text_repeat(s, "[", "{\"process\":\"collect\",\"args\":[{\"$task\":\"one\"}]},",
                              10001, "1]");
    expect_problem(post_raw(server, pairs), 422, "invalid-request");
    assert_int_equal(count_tasks(server, ""), 1);
    expect_prompt(server);
}

/* Just as many as allowed is work like any other, and others are answered beside it. */
SCENARIO(largest_graph)
{
    struct server *server = server_start(s, "--max-body 16000000");
    char *side = text_repeat(s, "{\"id\":\"all\",\"process\":\"collect\",\"args\":[",
                             "{\"$task\":{\"function\":\"echo\",\"args\":[1]}},", 9998,
                             "{\"$task\":{\"function\":\"echo\",\"args\":[1]}}]}");
    size_t length;
    const struct request request = {
        .path = "/v1/tasks", .body = side, .headers = "Prefer: return=minimal\r\n"};
    struct http *http = server_connect(server);
    char *bytes = request_bytes(server, &request, &length);
    http_write(http, bytes, length);
    expect_prompt(server);
    struct reply *made = http_read(http, false);
    assert_non_null(made);
    expect_status(made, 201);
    expect_outcome(server, "all", "succeeded");
}

/* Ids and slugs in paths: what is none of ours is 404 or 405, and nothing is found by tricks. */
SCENARIO(ids_in_paths)
{
    static const char *const rows[] = {
        "/v1/tasks/%00",
        "/v1/tasks/real%00",
        "/v1/tasks/real%2f",
        "/v1/tasks/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/v1/tasks/../../etc/passwd",
        "/v1/tasks/../tasks/real",
        "/v1/tasks/./real",
        "/v1//tasks/real",
        "//v1/tasks/real",
        "/v1/tasks//real",
        "/v1/tasks/real/",
        "/V1/TASKS/real",
        "/v1/tasks/REAL",
        "/v1/tasks/real%20",
        "/v1/tasks/real%0d%0aX-Injected:%20yes",
        "/v1/tasks/%ff%fe%c0%af",
        "/v1/tasks/%",
        "/v1/tasks/%zz",
        "/v1/tasks/%u0072eal",
        "/v1/tasks/real'--",
        "/v1/tasks/real%27%20OR%201=1",
        "/v1/tasks/-1",
        "/v1/tasks/9223372036854775808",
        "/v1/tasks/{id}",
        "/v1/tasks/*",
        "/problems/../v1/tasks/real",
        "/problems/%2e%2e",
        "/problems/none",
        "/static/../../etc/passwd",
        "/.env",
        "/v1/leases/x/../../tasks",
    };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'real','function':'echo','delay':3600}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i]);
        struct reply *reply =
            say_once(server, text(s, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", rows[i]));
        assert_non_null(reply);
        assert_in_range(reply->status, 400, 499);
        assert_null(header(reply, "X-Injected"));
        assert_null(strstr(reply->body.text, "delay"));
    }
    char *long_id = text(s, "/v1/tasks/%08000d", 1);
    expect_problem(get(server, "%s", long_id), 404, "not-found");
    expect_state(server, "real", "scheduled");
}

/* Ids in bodies. */
SCENARIO(ids_in_bodies)
{
    static const char *const rows[] = {
        "''",    "'a b'", "'a/b'", "'../x'", "'a\\u0000b'", "'\\ud800'", "'\xc3\xa9'", "'%00'",
        "null2", "1",     "true",  "[]",     "{}",          "'cancel'",  "'a\\nb'",    "1e400",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i]);
        struct reply *reply = post(server, "/v1/tasks", "{'id':%s,'function':'echo'}", rows[i]);
        assert_true(reply->status == 422 || reply->status == 400);
    }
    expect_problem(post(server, "/v1/tasks", "{'id':'%065d','function':'echo'}", 1), 422,
                   "invalid-request");
    assert_int_equal(count_tasks(server, ""), 0);
}

/* Cursors, limits, positions and waits that no answer of ours ever held. */
SCENARIO(forged_queries)
{
    static const struct {
        const char *query;
        int status;
    } rows[] = {
        {"cursor=0", 422},
        {"cursor=-1", 422},
        {"cursor=x", 422},
        {"cursor=", 422},
        {"cursor", 422},
        {"cursor=1;drop", 422},
        {"cursor=9223372036854775808", 422},
        {"cursor=99999999999999999999999", 422},
        {"cursor=1&cursor=2", 422},
        {"cursor=0x10", 422},
        {"cursor=1e3", 422},
        {"cursor=%31", 200},
        {"cursor=9223372036854775807", 200},
        {"cursor=1", 200},
        {"limit=0", 422},
        {"limit=-5", 422},
        {"limit=1e9", 422},
        {"limit=9223372036854775808", 200},
        {"limit=99999999999999999999", 200},
        {"limit=-99999999999999999999", 422},
        {"limit=99999999999999999999x", 422},
        {"limit=1000000000", 200},
        {"state=queued&state=running&state=nope", 422},
        {"function=%00", 200},
        {"function=%ff", 200},
        {"channel=%00", 200},
        {"channel=", 422},
        {"channel", 422},
        {"channel=%ff", 422},
        {"created_after=0", 422},
        {"created_after=99999-01-01T00:00:00Z", 422},
        {"created_before=2026-02-30T00:00:00Z", 422},
        {"nope=1", 422},
        {"%00=1", 422},
        {"&&&&", 422},
        {"=", 422},
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].query);
        expect_status(get(server, "/v1/tasks?%s", rows[i].query), rows[i].status);
    }
    static const char *const positions[] = {"-1", "x", "1.5", "9223372036854775808", "%00", ""};
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
        note(s, "%s", positions[i]);
        expect_status(get(server, "/v1/events?last_event_id=%s", positions[i]), 422);
    }
    create(server, "{'id':'later','function':'echo','delay':3600}");
    static const char *const waits[] = {"-1", "x", "nan", "inf", "1e400", "", "0x1"};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        note(s, "%s", waits[i]);
        expect_status(get(server, "/v1/tasks/later?wait=%s", waits[i]), 422);
    }
}

/* Thousands of parameters in one request line. */
SCENARIO(many_parameters)
{
    struct server *server = server_start(s, "--max-header 1000000");
    expect_status(get(server, "%s", text_repeat(s, "/v1/tasks?a=1", "&a=1", 10000, "")), 422);
    expect_status(get(server, "%s", text_repeat(s, "/v1/tasks?limit=1", "&limit=1", 10000, "")),
                  422);
    expect_status(
        get(server, "%s", text_repeat(s, "/v1/tasks?state=queued", "&state=queued", 10000, "")),
        200);
    expect_status(get(server, "%s", text_repeat(s, "/v1/events?type=x", "&channel=c", 10000, "")),
                  422);
    expect_prompt(server);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(deep_json),     RUN(wide_json),      RUN(wide_result),
        RUN(task_bombs),    RUN(largest_graph),  RUN(ids_in_paths),
        RUN(ids_in_bodies), RUN(forged_queries), RUN(many_parameters),
    };
    return RUN_SCENARIOS("hostile_values", table);
}
