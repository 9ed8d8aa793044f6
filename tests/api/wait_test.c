/* Section 4: waiting for a task with GET, its result, and POST with wait. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* 4: ?wait answers when the task is terminal. */
SCENARIO(wait_until_terminal)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    struct http *waiting = server_connect(server);
    http_say(waiting, "GET /v1/tasks/a?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_state(server, "a", "running");
    release(s, "a", "7");
    struct reply *reply = http_read(waiting, false);
    assert_non_null(reply);
    expect_status(reply, 200);
    expect_text(reply, "state", "succeeded");
    assert_non_null(header(reply, "ETag"));
}

/* 4: or after S seconds, with the task as it is; waiting never cancels. */
SCENARIO(wait_until_time_is_up)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    int64_t begin = now_ms();
    struct reply *reply = get(server, "/v1/tasks/a?wait=0.3");
    expect_status(reply, 200);
    expect_text(reply, "state", "running");
    assert_in_range(now_ms() - begin, 295, DEADLINE_MS);
    expect_text(get(server, "/v1/tasks/a?wait=0"), "state", "running");
    for (int i = 0; i < 5; i++) {
        struct http *gone = server_connect(server);
        http_say(gone, "GET /v1/tasks/a?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        http_close(gone);
    }
    release(s, "a", "7");
    expect_result(server, "a", "7");
}

/* 4: many wait for the same task, and all are answered. */
SCENARIO(many_wait)
{
    enum { MANY = 100 };
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    struct http *waiting[MANY];
    for (int i = 0; i < MANY; i++) {
        waiting[i] = server_connect(server);
        http_say(waiting[i], i % 2 ? "GET /v1/tasks/a?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                   : "GET /v1/tasks/a/result?wait=60 HTTP/1.1\r\nHost: "
                                     "localhost\r\n\r\n");
    }
    expect_state(server, "a", "running");
    release(s, "a", "[7]");
    for (int i = 0; i < MANY; i++) {
        struct reply *reply = http_read(waiting[i], false);
        assert_non_null(reply);
        expect_status(reply, 200);
        if (i % 2)
            expect_text(reply, "state", "succeeded");
        else
            expect_json(reply, "", "[7]");
    }
}

/* 4.10: wait above 60 counts as 60; what is no such number is 422. */
SCENARIO(values_of_wait)
{
    const char *bad[] = {"-1", "x", "", "1x", "nan", "inf", "99999999999999999999x", "1.", ".5"};
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[1]}");
    expect_text(get(server, "/v1/tasks/a?wait=100000"), "state", "succeeded");
    expect_text(get(server, "/v1/tasks/a?wait=99999999999999999999"), "state", "succeeded");
    expect_text(get(server, "/v1/tasks/a?wait=99999999999999999999.5"), "state", "succeeded");
    expect_json(get(server, "/v1/tasks/a/result?wait=61"), "", "1");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "wait=%s", bad[i]);
        expect_parameter(get(server, "/v1/tasks/a?wait=%s", bad[i]), "wait");
        expect_parameter(get(server, "/v1/tasks/a/result?wait=%s", bad[i]), "wait");
        struct reply *made = call(server, .path = text(s, "/v1/tasks?wait=%s", bad[i]),
                                  .body = "{\"function\":\"echo\"}");
        expect_parameter(made, "wait");
    }
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 4: the result: 200 itself, 202 the task, 409 with the error, 409 cancelled, 404. */
SCENARIO(results_by_state)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'good','function':'echo','args':[{'x':1}]}");
    create(server, "{'id':'bad','function':'fail','args':['no']}");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    finished(server, "good");
    finished(server, "bad");
    struct reply *good = get(server, "/v1/tasks/good/result");
    expect_status(good, 200);
    expect_json(good, "", "{'x':1}");
    expect_header(good, "Content-Type", "application/json");
    struct reply *later = get(server, "/v1/tasks/later/result");
    expect_status(later, 202);
    expect_text(later, "id", "later");
    expect_text(later, "state", "scheduled");
    assert_non_null(header(later, "Retry-After"));
    struct reply *bad = get(server, "/v1/tasks/bad/result");
    expect_problem(bad, 409, "task-failed");
    expect_text(bad, "error.code", "function-error");
    expect_text(bad, "error.message", "no");
    expect_status(cancel(server, "later", NULL), 200);
    expect_problem(get(server, "/v1/tasks/later/result"), 409, "task-cancelled");
    expect_problem(get(server, "/v1/tasks/none/result"), 404, NULL);
    expect_problem(get(server, "/v1/tasks/none/result?wait=60"), 404, NULL);
    expect_problem(get(server, "/v1/tasks/none?wait=60"), 404, NULL);
}

/* 4: ?wait on the result: in time 200; time up 202; failing or cancelled meanwhile 409. */
SCENARIO(wait_for_the_result)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    expect_status(get(server, "/v1/tasks/a/result?wait=0.05"), 202);
    release(s, "a", "[1,2]");
    expect_result(server, "a", "[1,2]");
    create(server, "{'id':'b','function':'hold'}");
    await_progress(server, "b", 1);
    struct http *waiting = server_connect(server);
    http_say(waiting, "GET /v1/tasks/b/result?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_state(server, "b", "running");
    cancel(server, "b", NULL);
    struct reply *reply = http_read(waiting, false);
    assert_non_null(reply);
    expect_problem(reply, 409, "task-cancelled");
}

/* 4: POST ?wait and Prefer: wait: one call, one answer, with `result` in the task. */
SCENARIO(post_and_wait)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = post(server, "/v1/tasks?wait=20", "{'function':'sum','args':[1,2]}");
    expect_status(reply, 201);
    expect_text(reply, "state", "succeeded");
    expect_number(reply, "result", 3);
    assert_non_null(header(reply, "Location"));
    reply = call(server, .path = "/v1/tasks", .headers = "Prefer: wait=20\r\n",
                 .body = "{\"function\":\"echo\",\"args\":[\"x\"]}");
    expect_status(reply, 201);
    expect_text(reply, "result", "x");
    reply = post(server, "/v1/tasks?wait=20",
                 "{'process':'collect','args':[{'$task':{'function':'echo','args':[1]}}]}");
    expect_json(reply, "result", "[1]");
}

/* 4.10: `result: null` is written out; there is none without success. */
SCENARIO(post_and_wait_without_a_value)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = post(server, "/v1/tasks?wait=20", "{'function':'echo','args':[null]}");
    expect_null(reply, "result");
    reply = post(server, "/v1/tasks?wait=20", "{'function':'fail','args':['no']}");
    expect_status(reply, 201);
    expect_text(reply, "state", "failed");
    expect_text(reply, "error.message", "no");
    expect_absent(reply, "result");
    reply = post(server, "/v1/tasks?wait=0.05", "{'function':'echo','delay':3600}");
    expect_status(reply, 201);
    expect_text(reply, "state", "scheduled");
    expect_absent(reply, "result");
    expect_absent(post(server, "/v1/tasks", "{'function':'echo','args':[1]}"), "result");
}

/* 4: a client that leaves while it waits cancels nothing. */
SCENARIO(post_and_leave)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    struct http *leaver = server_connect(server);
    size_t length;
    const char *bytes =
        request_bytes(server,
                      &(struct request){.path = "/v1/tasks?wait=60",
                                        .body = "{\"id\":\"a\",\"function\":\"hold\"}"},
                      &length);
    http_write(leaver, bytes, length);
    eventually(get(server, "/v1/tasks/a")->status == 200);
    http_close(leaver);
    await_progress(server, "a", 1);
    release(s, "a", "7");
    expect_result(server, "a", "7");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(wait_until_terminal), RUN(wait_until_time_is_up),
        RUN(many_wait),           RUN(values_of_wait),
        RUN(results_by_state),    RUN(wait_for_the_result),
        RUN(post_and_wait),       RUN(post_and_wait_without_a_value),
        RUN(post_and_leave),
    };
    return RUN_SCENARIOS("wait", table);
}
