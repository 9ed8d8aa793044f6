/* Section 3.5: what becomes of a task that continues when not all goes well. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* 3.5 and 5.1: the inner one fails: so does the outer one, because of it, and tries no more. */
SCENARIO(inner_fails)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'next','max_attempts':3,'backoff':{'initial':0.01},"
                   "'notify_channels':['a'],'args':[{'$task':"
                   "{'id':'i','function':'fail','args':['no'],'notify_channels':['i']}}]}");
    struct reply *reply = expect_failure(server, "a", "dependency-failed");
    expect_text(reply, "error.caused_by", "i");
    expect_number(reply, "attempt", 1);
    expect_text(expect_failure(server, "i", "function-error"), "error.message", "no");
    expect_problem(get(server, "/v1/tasks/a/result"), 409, "task-failed");
    assert_int_equal(count_runs(s, "a"), 1);
    struct events events = channel_so_far(server, "a");
    assert_int_equal(events.count, 3);
    expect_text(find_event(&events, "task.failed", "a"), "caused_by", "i");
    assert_string_equal(story_of(server, "i"), "created i, started i, failed i");
}

/* 3.5 and 5.3: the inner one is cancelled: so is the outer one. */
SCENARIO(inner_is_cancelled)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'next','notify_channels':['a'],'args':[{'$task':"
                   "{'id':'i','function':'echo','delay':3600}}]}");
    await_state(server, "a", "waiting");
    expect_json(cancel(server, "i", NULL), "cancelled", "true");
    expect_text(expect_state(server, "a", "cancelled"), "error.caused_by", "i");
    assert_string_equal(story_of(server, "a"), "created a, started a, cancelled a");
}

/* 3.5: an inner one by id that has ended badly before. */
SCENARIO(inner_has_ended_badly)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'bad','function':'fail','args':['no']}");
    create(server, "{'id':'gone','function':'echo','delay':3600}");
    cancel(server, "gone", NULL);
    expect_failure(server, "bad", "function-error");
    create(server, "{'id':'a','function':'next','args':[{'$task':'bad'}]}");
    create(server, "{'id':'b','function':'next','args':[{'$task':'gone'}]}");
    expect_text(expect_failure(server, "a", "dependency-failed"), "error.caused_by", "bad");
    expect_text(expect_outcome(server, "b", "cancelled"), "error.caused_by", "gone");
}

/* 5.3: cancel of the outer one reaches the link that runs, and all between. */
SCENARIO(cancel_reaches_the_last_link)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'next','args':[{'$task':{'id':'b','function':'next',"
                   "'args':[{'$task':{'id':'c','function':'hold'}}]}}]}");
    await_task(server, "c");
    await_progress(server, "c", 1);
    int pid = folder_pid(s, "c.pids", 0);
    expect_json(cancel(server, "a", NULL), "cancelled", "true");
    static const char *const ids[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        note(s, "%s", ids[i]);
        expect_outcome(server, ids[i], "cancelled");
    }
    assert_false(process_alive(pid));
    expect_text(task(server, "c"), "error.caused_by", "a");
}

/* 5.3: but not one that somebody else wants. */
SCENARIO(cancel_leaves_what_others_want)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'mine','function':'hold'}");
    create(server, "{'id':'a','function':'next','args':[{'$task':'mine'}]}");
    create(server, "{'id':'b','function':'next','args':[{'$task':"
                   "{'id':'both','function':'echo','delay':3600}}]}");
    await_state(server, "a", "waiting");
    await_state(server, "b", "waiting");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'both'}]}");
    cancel(server, "a", NULL);
    cancel(server, "b", NULL);
    expect_state(server, "a", "cancelled");
    expect_state(server, "b", "cancelled");
    expect_state(server, "both", "scheduled");
    release(s, "mine", "7");
    expect_result(server, "mine", "7");
    cancel(server, "m", NULL);
    expect_state(server, "both", "cancelled");
}

/* 4: a result from outside ends the outer one, and the inner one with it. */
SCENARIO(result_from_outside)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'next','args':[{'$task':"
                   "{'id':'i','function':'echo','delay':3600}}]}");
    create(server, "{'id':'b','function':'next','args':[{'$task':"
                   "{'id':'j','function':'echo','delay':3600}}]}");
    await_state(server, "a", "waiting");
    await_state(server, "b", "waiting");
    expect_status(call(server, .method = "PUT", .path = "/v1/tasks/a/result", .body = "7"), 200);
    expect_result(server, "a", "7");
    expect_outcome(server, "i", "cancelled");
    expect_status(call(server, .method = "PUT", .path = "/v1/tasks/j/result", .body = "8"), 200);
    expect_result(server, "b", "8");
}

/* 4: while it waits neither can go; in the end the result is its own, whatever becomes of the inner
 * one. */
SCENARIO(needed)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'next','args':[{'$task':"
                   "{'id':'i','function':'echo','args':[7],'delay':3600}}]}");
    await_state(server, "a", "waiting");
    expect_problem(call(server, .method = "DELETE", .path = "/v1/tasks/i"), 409, "task-live");
    expect_problem(call(server, .method = "DELETE", .path = "/v1/tasks/a"), 409, "task-live");
    expect_status(call(server, .method = "PUT", .path = "/v1/tasks/i/result", .body = "8"), 200);
    expect_result(server, "a", "8");
    expect_status(call(server, .method = "DELETE", .path = "/v1/tasks/i"), 204);
    expect_result(server, "a", "8");
}

/* 3.5: what is no task that could be created: the outer one fails, and nothing is created. */
SCENARIO(bad_tasks)
{
    static const char *const bad[] = {
        "{'function':'nope'}",
        "{'function':'echo','args':7}",
        "{'function':'echo','colour':1}",
        "{'function':'echo','process':'collect'}",
        "{'function':'echo','id':'taken'}",
        "{'process':'collect','args':[{'$task':'nobody'}]}",
        "{'process':'collect','args':[{'$task':{'function':'echo'}},{'$task':{}}]}",
        "{}",
        "[]",
        "7",
        "null",
        "'nobody'",
        "''",
    };
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'taken','function':'echo'}");
    finished(server, "taken");
    int made = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i]);
        const char *id = create(server, "{'function':'next','args':[{'$task':%s}]}",
                                requote(text(s, "%s", bad[i])));
        struct reply *reply = expect_failure(server, id, "invalid-result");
        assert_true(*json_text(reply, "error.message"));
        assert_int_equal(count_tasks(server, ""), ++made);
    }
}

/* 3.5: no circles: not by itself, not through one that waits for it, not through a link. */
SCENARIO(circles)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'next','args':[{'$task':'a'}]}");
    expect_failure(server, "a", "invalid-result");
    create(server, "{'id':'m','process':'collect','args':[{'$task':"
                   "{'id':'b','function':'next','args':[{'$task':'m'}]}}]}");
    expect_failure(server, "b", "invalid-result");
    expect_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by", "b");
    create(server, "{'id':'c','function':'next','args':[{'$task':"
                   "{'id':'d','function':'next','args':[{'$task':'c'}]}}]}");
    await_task(server, "d");
    expect_failure(server, "d", "invalid-result");
    expect_text(expect_failure(server, "c", "dependency-failed"), "error.caused_by", "d");
    create(server, "{'id':'e','function':'next','args':[{'$task':"
                   "{'process':'collect','args':[{'$task':'e'}]}}]}");
    expect_failure(server, "e", "invalid-result");
}

/* 3.5 and 5.4: nor through a key: it would wait for the task that waits for it. */
SCENARIO(circle_through_a_key)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'next','cache_key':'k','args':[{'$task':"
                   "{'function':'echo','cache_key':'k'}}]}");
    expect_failure(server, "a", "invalid-result");
}

/* 3.5 and 5.4: but it may share: a key that is live, or good. */
SCENARIO(shared_inner)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'i','function':'held','cache_key':'k'}");
    create(server, "{'id':'a','function':'next','args':[{'$task':"
                   "{'function':'held','cache_key':'k'}}]}");
    await_state(server, "a", "waiting");
    expect_text(task(server, "a"), "dependencies.0.id", "i");
    expect_number(task(server, "i"), "subscribers", 1);
    release(s, "i", "7");
    expect_result(server, "a", "7");
    create(server, "{'id':'b','function':'next','args':[{'$task':"
                   "{'function':'held','cache_key':'k'}}]}");
    expect_result(server, "b", "7");
    assert_int_equal(count_runs(s, "i"), 1);
    assert_int_equal(count_tasks(server, ""), 3);
}

/* 5.7: a crash while the inner one runs: that one runs again, the outer one does not. */
SCENARIO(crash_while_the_inner_runs)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':[{'$task':{'id':'a','function':'next',"
                   "'args':[{'$task':{'id':'i','function':'held'}}]}}]}");
    create(server, "{'id':'b','function':'next','args':[{'$task':"
                   "{'id':'j','function':'echo','delay':3600}}]}");
    await_task(server, "i");
    await_progress(server, "i", 1);
    await_state(server, "b", "waiting");
    for (int round = 0; round < 2; round++) {
        server_kill9(server);
        server = server_start(s, "%s", "");
        expect_state(server, "a", "waiting");
        expect_state(server, "b", "waiting");
    }
    release(s, "i", "7");
    expect_result(server, "m", "[7]");
    expect_number(task(server, "a"), "attempt", 1);
    assert_int_equal(count_runs(s, "a"), 1);
    cancel(server, "b", NULL);
    expect_state(server, "j", "cancelled");
}

/* 5.7: crashes while a chain grows: it ends well all the same. */
SCENARIO(crashes_while_a_chain_grows)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'a','function':'count','args':[40]}");
    for (int round = 1; round <= 4; round++) {
        note(s, "round %d", round);
        int before = count_tasks(server, "");
        eventually(count_tasks(server, "") > before || count_tasks(server, "") == 41);
        server_kill9(server);
        server = server_start(s, "--slots 1");
    }
    expect_result(server, "a", "'done'");
    assert_int_equal(count_tasks(server, "state=succeeded"), 41);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(inner_fails),
        RUN(inner_is_cancelled),
        RUN(inner_has_ended_badly),
        RUN(cancel_reaches_the_last_link),
        RUN(cancel_leaves_what_others_want),
        RUN(result_from_outside),
        RUN(needed),
        RUN(bad_tasks),
        RUN(circles),
        RUN(circle_through_a_key),
        RUN(shared_inner),
        RUN(crash_while_the_inner_runs),
        RUN(crashes_while_a_chain_grows),
    };
    return RUN_SCENARIOS("continuation_ends", table);
}
