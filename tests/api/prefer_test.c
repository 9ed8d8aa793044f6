/* Sections 4 and 4.10: the Prefer header (RFC 7240), and headers that are lists on several lines.
 */
#include "tests/api/lib/tasks.h"

static struct reply *create_with(struct server *server, const char *headers, const char *body)
{
    return call(server, .path = "/v1/tasks", .headers = headers, .body = body);
}

/* 4: with a wait, too, the short answer comes when the task has ended; and it takes no result. */
SCENARIO(minimal_and_wait)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = create_with(server, "Prefer: return=minimal, wait=20\r\n",
                                      json(s, "{'id':'a','function':'sleep','args':[0.2]}"));
    expect_status(reply, 201);
    expect_json(reply, "", "{'id':'a'}");
    expect_state(server, "a", "succeeded");
    reply = call(server, .path = "/v1/tasks?wait=20", .headers = "Prefer: return=minimal\r\n",
                 .body = json(s, "{'id':'b','function':'sleep','args':[0.2],"
                                 "'result_access':'once'}"));
    expect_json(reply, "", "{'id':'b'}");
    expect_state(server, "b", "succeeded");
    expect_json(get(server, "/v1/tasks/b/result"), "", "0.2");
    reply = create_with(server, "Prefer: return=minimal, wait=0.05\r\n",
                        json(s, "{'id':'c','function':'echo','delay':3600}"));
    expect_json(reply, "", "{'id':'c'}");
    expect_state(server, "c", "scheduled");
}

/* RFC 7240, section 2: names in any case, quoted values, parameters, the first of two counts, and
 * what nobody understands is left alone. */
SCENARIO(forms)
{
    static const struct {
        const char *prefer;
        bool waits, minimal;
    } rows[] = {
        {"wait=20", true, false},
        {"WAIT = 20", true, false},
        {"wait=\"20\"", true, false},
        {"wait=\"2\\0\"", true, false},
        {"wait=20;x", true, false},
        {"wait=20; x=\"a, wait=y\"", true, false},
        {"wait=20, wait=x", true, false},
        {"wait=99999999999999999999", true, false},
        {"wait=99999999999999999999.5", true, false},
        {"x=\"wait=x, return=y\", wait=20", true, false},
        {"respond-async, wait=20", true, false},
        {"wait=20\r\nPrefer: return=minimal", true, true},
        {"return=minimal\r\nprefer: x\r\nPREFER: wait=20", true, true},
        {"Return=\"Minimal\"; foo=bar", false, true},
        {"return=minimal, return=representation", false, true},
        {"return=representation", false, false},
        {"handling=lenient", false, false},
        {"waiting=x, returned", false, false},
        {"", false, false},
        {",,;=", false, false},
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "Prefer: %s", rows[i].prefer);
        /* Without a wait it is answered before the task, which is slow, has ended. */
        struct reply *reply =
            create_with(server, text(s, "Prefer: %s\r\n", rows[i].prefer),
                        rows[i].waits ? json(s, "{'function':'sleep','args':[0.1]}")
                                      : json(s, "{'function':'echo','delay':3600}"));
        expect_status(reply, 201);
        assert_true(json_has(reply, "state") != rows[i].minimal);
        expect_text(task(server, json_text(reply, "id")), "state",
                    rows[i].waits ? "succeeded" : "scheduled");
    }
}

/* 4.10: header values that are wrong are 422, and nothing is made. */
SCENARIO(wrong_values)
{
    static const char *const rows[] = {
        "wait=x",
        "wait=-1",
        "wait",
        "wait=",
        "wait=\"\"",
        "wait=\"5",
        "wait=1e3",
        "wait=1 2",
        "wait=;x",
        "return=foo",
        "return",
        "return=\"minimal",
        "a=b, wait=x",
        "x\r\nPrefer: wait=x",
        "wait=20, return=some",
        "wait=9999999999999999999x",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "Prefer: %s", rows[i]);
        struct reply *reply =
            create_with(server, text(s, "Prefer: %s\r\n", rows[i]), json(s, "{'function':'echo'}"));
        expect_problem(reply, 422, "invalid-request");
        expect_parameter(reply, "Prefer");
    }
    assert_int_equal(count_tasks(server, ""), 0);
}

/* RFC 9110, section 5.3: several lines of a list are one list. */
SCENARIO(several_lines)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    const char *tag = header(task(server, "a"), "ETag");
    const char *tags = text(s, "If-None-Match: \"x\"\r\nIf-None-Match: %s\r\n", tag);
    expect_status(call(server, .path = "/v1/tasks/a", .headers = tags), 304);
    const char *other = "If-None-Match: \"x\"\r\nIf-None-Match: \"y\"\r\n";
    expect_status(call(server, .path = "/v1/tasks/a", .headers = other), 200);
    const char *types = "Accept: text/html\r\nAccept: application/json\r\n";
    expect_status(call(server, .path = "/v1/tasks/a", .headers = types), 200);
    types = "Accept: application/json;q=0\r\nAccept: text/html\r\n";
    expect_problem(call(server, .path = "/v1/tasks/a", .headers = types), 406, "not-acceptable");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(minimal_and_wait),
        RUN(forms),
        RUN(wrong_values),
        RUN(several_lines),
    };
    return RUN_SCENARIOS("prefer", table);
}
