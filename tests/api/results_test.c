/* Sections 3.1 and 4: results that are read once, or not kept at all. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

static struct reply *read_result(struct server *server, const char *id)
{
    return get(server, "/v1/tasks/%s/result", id);
}

/* --- once ------------------------------------------------------------------------- */

/* Of many readers one is given the result, the others are told that it is gone. */
static void expect_one_reader(struct reply **replies, int count)
{
    assert_int_equal(count_status(replies, count, 200), 1);
    for (int i = 0; i < count; i++) {
        if (replies[i]->status == 200)
            expect_json(replies[i], "", "[7]");
        else
            expect_problem(replies[i], 410, "result-gone");
    }
}

/* 3.1: the first read takes it: of twenty at the same moment exactly one. */
SCENARIO(one_reader_of_twenty)
{
    enum { MANY = 20 };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[[7]],'result_access':'once'}");
    struct reply *over = expect_outcome(server, "a", "succeeded");
    expect_text(over, "result_access", "once");
    struct request request = {.path = "/v1/tasks/a/result"};
    expect_one_reader(call_crowd(server, &request, MANY), MANY);
    expect_problem(read_result(server, "a"), 410, "result-gone");
    expect_state(server, "a", "succeeded");
}

/* 3.1: nor do more get it who have waited for it. */
SCENARIO(one_of_those_who_wait)
{
    enum { MANY = 20 };
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold','result_access':'once'}");
    expect_status(read_result(server, "a"), 202);
    struct request request = {.path = "/v1/tasks/a/result?wait=19"};
    struct http **crowd = send_crowd(server, &request, MANY);
    release(s, "a", "[7]");
    expect_one_reader(read_crowd(crowd, MANY), MANY);
}

/* 4.10: HEAD takes nothing, and says the same as GET; neither does a look at the task. */
SCENARIO(looks_that_take_nothing)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[7],'result_access':'once'}");
    expect_absent(expect_outcome(server, "a", "succeeded"), "result");
    for (int i = 0; i < 3; i++)
        expect_status(call(server, .method = "HEAD", .path = "/v1/tasks/a/result"), 200);
    expect_status(call(server, .method = "HEAD", .path = "/v1/tasks/a/result?wait=1"), 200);
    expect_result(server, "a", "7");
    expect_status(call(server, .method = "HEAD", .path = "/v1/tasks/a/result"), 410);
}

/* 4.10: a create that waits takes the result. */
SCENARIO(taken_by_its_create)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *made =
        post(server, "/v1/tasks?wait=19",
             "{'id':'a','function':'echo','args':[{'x':7}],'result_access':'once'}");
    expect_status(made, 201);
    expect_json(made, "result", "{'x':7}");
    expect_problem(read_result(server, "a"), 410, "result-gone");
}

/* 4.10: one that waited in vain has taken nothing. */
SCENARIO(left_by_its_create)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    struct reply *made =
        post(server, "/v1/tasks?wait=0.05", "{'id':'a','function':'hold','result_access':'once'}");
    expect_status(made, 201);
    expect_absent(made, "result");
    release(s, "a", "7");
    expect_result(server, "a", "7");
    expect_problem(read_result(server, "a"), 410, "result-gone");
}

/* 5.1: a live meta-task that needs it gets it, though it was taken meanwhile. */
SCENARIO(taken_but_needed)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'echo','args':[7],'result_access':'once'}");
    expect_outcome(server, "d", "succeeded");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'d'},"
                   "{'$task':{'id':'gate','function':'hold'}}]}");
    expect_result(server, "d", "7");
    expect_problem(read_result(server, "d"), 410, "result-gone");
    server_kill9(server);
    server = server_start(s, "%s", "");
    expect_problem(read_result(server, "d"), 410, "result-gone");
    release(s, "gate", "1");
    expect_result(server, "m", "[7,1]");
}

/* 5.1: what a meta-task got was not taken by that: the first reader still finds it. */
SCENARIO(needed_but_not_taken)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':[{'$task':"
                   "{'id':'d','function':'echo','args':[7],'result_access':'once'}}]}");
    expect_result(server, "m", "[7]");
    expect_result(server, "d", "7");
    expect_problem(read_result(server, "d"), 410, "result-gone");
}

/* 4: only success has a result to take: a failure is told as often as one asks. */
SCENARIO(failures_are_not_taken)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'fail','args':['no'],'result_access':'once'}");
    create(server, "{'id':'b','function':'fail','args':['no'],'result_access':'discard'}");
    expect_failure(server, "a", "function-error");
    expect_failure(server, "b", "function-error");
    for (int i = 0; i < 2; i++) {
        expect_problem(read_result(server, "a"), 409, "task-failed");
        expect_problem(read_result(server, "b"), 409, "task-failed");
    }
}

/* 5.7: what was taken stays so, and what was not is still there, after a crash. */
SCENARIO(across_a_crash)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[1],'result_access':'once'}");
    create(server, "{'id':'b','function':'echo','args':[2],'result_access':'once'}");
    expect_outcome(server, "b", "succeeded");
    expect_result(server, "a", "1");
    server_kill9(server);
    server = server_start(s, "%s", "");
    expect_problem(read_result(server, "a"), 410, "result-gone");
    expect_result(server, "b", "2");
    expect_problem(read_result(server, "b"), 410, "result-gone");
}

/* --- discard ---------------------------------------------------------------------- */

/* 3.1: success is recorded, the result dropped; a meta-task that waits for it still gets it. */
SCENARIO(discarded)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[7],'result_access':'discard'}");
    expect_text(expect_outcome(server, "a", "succeeded"), "result_access", "discard");
    expect_problem(read_result(server, "a"), 410, "result-gone");
    create(server, "{'id':'d','function':'hold','result_access':'discard'}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'d'},"
                   "{'$task':{'id':'gate','function':'hold'}}]}");
    release(s, "d", "[7]");
    expect_outcome(server, "d", "succeeded");
    expect_problem(read_result(server, "d"), 410, "result-gone");
    server_kill9(server);
    server = server_start(s, "%s", "");
    release(s, "gate", "1");
    expect_result(server, "m", "[[7],1]");
    expect_problem(read_result(server, "d"), 410, "result-gone");
}

/* --- both ------------------------------------------------------------------------- */

/* 4.8: the event has the result only when everyone may read it, as often as they like. */
SCENARIO(results_in_events)
{
    static const char *const ways[] = {"many", "once", "discard"};
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?type=task.succeeded");
    for (int i = 0; i < 3; i++) {
        note(s, "%s", ways[i]);
        create(server, "{'id':'%s','function':'echo','args':[7],'result_access':'%s'}", ways[i],
               ways[i]);
        struct event *event = expect_event(sse, "task.succeeded", ways[i]);
        assert_int_equal(json_has(event, "result"), i == 0);
    }
}

/* 5.1: what comes too late for a result is refused, with the place; and nothing is stored. */
SCENARIO(no_new_metas_for_a_result_that_is_gone)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'taken','function':'echo','args':[7],'result_access':'once'}");
    create(server, "{'id':'dropped','function':'echo','args':[7],'result_access':'discard'}");
    expect_outcome(server, "dropped", "succeeded");
    expect_result(server, "taken", "7");
    static const char *const ids[] = {"taken", "dropped"};
    for (int i = 0; i < 2; i++) {
        note(s, "%s", ids[i]);
        struct reply *reply =
            post(server, "/v1/tasks", "{'process':'collect','args':[1,{'$task':'%s'}]}", ids[i]);
        expect_problem(reply, 422, "invalid-request");
        const char *pointer = json_text(reply, "errors.0.pointer");
        assert_int_equal(strncmp(pointer, "/args/1", 7), 0);
    }
    assert_int_equal(count_tasks(server, ""), 2);
}

/* 3.1: there are three ways, and no more. */
SCENARIO(bad_ways)
{
    static const char *const bad[] = {"'twice'", "''", "'ONCE'", "1", "true", "['once']"};
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i]);
        const char *value = requote(text(s, "%s", bad[i]));
        expect_pointer(post(server, "/v1/tasks", "{'function':'echo','result_access':%s}", value),
                       "/result_access");
    }
    assert_int_equal(count_tasks(server, ""), 0);
    create(server, "{'id':'a','function':'echo','result_access':null}");
    expect_text(task(server, "a"), "result_access", "many");
}

/* HEAD says how long the answer would be, and the connection goes on behind it. */
SCENARIO(head_of_a_large_result)
{
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'echo','args':['%01000000d']}", 0);
    finished(server, id);
    const char *path = text(s, "/v1/tasks/%s/result", id);
    size_t length = get(server, "%s", path)->body.length;
    struct http *http = server_connect(server);
    for (int i = 0; i < 3; i++) {
        http_say(http, text(s, "HEAD %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path));
        struct reply *reply = http_read(http, true);
        expect_status(reply, 200);
        expect_header(reply, "Content-Length", text(s, "%zu", length));
    }
    http_say(http, text(s, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path));
    assert_int_equal(http_read(http, false)->body.length, length);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(one_reader_of_twenty),
        RUN(one_of_those_who_wait),
        RUN(looks_that_take_nothing),
        RUN(taken_by_its_create),
        RUN(left_by_its_create),
        RUN(taken_but_needed),
        RUN(needed_but_not_taken),
        RUN(failures_are_not_taken),
        RUN(across_a_crash),
        RUN(discarded),
        RUN(results_in_events),
        RUN(no_new_metas_for_a_result_that_is_gone),
        RUN(bad_ways),
        RUN(head_of_a_large_result),
    };
    return RUN_SCENARIOS("results", table);
}
