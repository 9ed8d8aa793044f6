/* Section 3.5: a function whose result is another task. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* --- it succeeds ------------------------------------------------------------------- */

/* 3.5: the inner task is a dependency; its result is the outer one's, with no second run. */
SCENARIO(inner_result)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'a','function':'next','notify_channels':['a'],'args':[{'$task':"
                   "{'id':'i','function':'held','notify_channels':['i']}}]}");
    await_task(server, "i");
    await_progress(server, "i", 1);
    struct reply *waiting = expect_state(server, "a", "waiting");
    expect_json(waiting, "dependencies", "[{'id':'i','state':'running','at':''}]");
    expect_null(waiting, "finished_at");
    expect_status(get(server, "/v1/tasks/a/result"), 202);
    expect_number(task(server, "i"), "subscribers", 0);
    release(s, "i", "{\"x\":[1,12345678901234567890]}");
    expect_result(server, "a", "{'x':[1,12345678901234567890]}");
    struct reply *over = task(server, "a");
    expect_number(over, "attempt", 1);
    expect_null(over, "error");
    expect_text(over, "kind", "task");
    expect_json(over, "dependencies", "[{'id':'i','state':'succeeded','at':''}]");
    assert_int_equal(count_runs(s, "a"), 1);
    assert_int_equal(count_runs(s, "i"), 1);
    assert_string_equal(story_of(server, "i"), "created i, started i, progress i, succeeded i");
    struct events events = channel_so_far(server, "a");
    static const char *const types[] = {"task.created", "task.started", "task.progress",
                                        "task.succeeded", "task.succeeded"};
    static const char *const ids[] = {"a", "a", "a", "i", "a"};
    assert_int_equal(events.count, 5);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(events.at[i]->type, types[i]);
        expect_text(events.at[i], "task", ids[i]);
    }
    expect_text(events.at[2], "origin", "i");
    expect_json(events.at[4], "result", "{'x':[1,12345678901234567890]}");
}

/* 3.5: any task may be the inner one: a built-in, a meta-task, one whose result is not kept. */
SCENARIO(kinds_of_inner_tasks)
{
    static const struct {
        const char *inner, *result;
    } rows[] = {
        {"{'function':'echo','args':[7]}", "7"},
        {"{'function':'echo','args':[null]}", "null"},
        {"{'function':'echo','args':[7],'delay':0.05}", "7"},
        {"{'function':'echo','args':[7],'result_access':'discard'}", "7"},
        {"{'function':'echo','args':[{'$task':'data'}]}", "{'$task':'data'}"},
        {"{'process':'sum','args':[1,{'$task':{'function':'echo','args':[2]}},"
         "{'$task':{'process':'sum','args':[4,{'$task':{'function':'echo','args':[8]}}]}}]}",
         "15"},
        {"{'process':'collect','args':[{'$task':{'function':'next','args':[{'$task':"
         "{'function':'echo','args':[7]}}]}}]}",
         "[7]"},
    };
    functions_that_continue(s);
    struct server *server = server_start(s, "--slots 1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].inner);
        const char *id = create(server, "{'function':'next','args':[{'$task':%s}]}",
                                requote(text(s, "%s", rows[i].inner)));
        expect_result(server, id, rows[i].result);
        expect_number(task(server, id), "attempt", 1);
    }
}

/* 3.5: the id of a task that exists: live, or ended. */
SCENARIO(inner_by_id)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'ended','function':'echo','args':[7]}");
    expect_outcome(server, "ended", "succeeded");
    create(server, "{'id':'a','function':'next','args':[{'$task':'ended'}]}");
    expect_result(server, "a", "7");
    create(server, "{'id':'live','function':'held'}");
    create(server, "{'id':'b','function':'next','args':[{'$task':'live'}]}");
    create(server, "{'id':'c','function':'next','args':[{'$task':'live'}]}");
    await_state(server, "b", "waiting");
    await_state(server, "c", "waiting");
    expect_number(task(server, "live"), "subscribers", 1);
    release(s, "live", "8");
    expect_result(server, "b", "8");
    expect_result(server, "c", "8");
    assert_int_equal(count_runs(s, "live"), 1);
}

/* 3.5: only a function whose manifest says so continues, and only with such a result. */
SCENARIO(results_that_are_data)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'plain','args':[{'$task':{'function':'echo'}}]}");
    expect_result(server, "a", "{'$task':{'function':'echo'}}");
    create(server, "{'id':'b','function':'next','args':[{'x':{'$task':{'function':'echo'}}}]}");
    expect_result(server, "b", "{'x':{'$task':{'function':'echo'}}}");
    create(server, "{'id':'c','function':'next','args':[[{'$task':{'function':'echo'}}]]}");
    expect_result(server, "c", "[{'$task':{'function':'echo'}}]");
    assert_int_equal(count_tasks(server, ""), 3);
}

/* 5.1 and 5.2: a meta-task above waits for all of it, and is told what goes on below. */
SCENARIO(below_a_meta)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "--slots 1");
    create(server,
           "{'id':'m','process':'collect','notify_channels':['m'],'args':[{'$task':"
           "{'id':'a','function':'next','args':[{'$task':{'id':'i','function':'hold'}}]}}]}");
    await_task(server, "i");
    await_progress(server, "i", 1);
    expect_state(server, "m", "waiting");
    release(s, "i", "7");
    expect_result(server, "m", "[7]");
    struct events events = channel_so_far(server, "m");
    struct event *progress = find_event(&events, "task.progress", "m");
    assert_non_null(progress);
    expect_text(progress, "origin", "i");
    assert_int_equal(count_events(&events, "task.progress", NULL), 1);
    assert_int_equal(count_events(&events, "task.succeeded", "i"), 1);
    assert_int_equal(count_events(&events, "task.succeeded", "a"), 1);
    assert_int_equal(count_events(&events, "task.succeeded", "m"), 1);
    assert_int_equal(events.count, 6);
}

/* 3.5: the process step of a meta-task may continue too. */
SCENARIO(process_step_continues)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'m','process':'count','args':[{'$task':"
                   "{'id':'d','function':'echo','args':[3]}}]}");
    expect_result(server, "m", "'done'");
    expect_text(task(server, "m"), "kind", "meta");
    assert_int_equal(count_tasks(server, "kind=task"), 4);
}

/* --- many links ------------------------------------------------------------------------ */

/* 3.5: link after link. */
SCENARIO(chain)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'a','function':'next','args':[{'$task':{'id':'b','function':'next',"
                   "'args':[{'$task':{'id':'c','function':'next','args':[{'$task':"
                   "{'id':'d','function':'work'}}]}}]}}]}");
    expect_result(server, "a", "'d'");
    expect_result(server, "b", "'d'");
    expect_result(server, "c", "'d'");
    assert_int_equal(count_runs(s, NULL), 4);
}

/* 3.5: a hundred links are fine. */
SCENARIO(hundred_links)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'count','args':[100]}");
    expect_result(server, "a", "'done'");
    assert_int_equal(count_tasks(server, "state=succeeded"), 101);
}

/* 3.5: the next one is too many: who asks for it fails, and all who wait for that one. */
SCENARIO(one_link_too_many)
{
    functions_that_continue(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'count','args':[101]}");
    struct reply *outer = expect_failure(server, "a", "dependency-failed");
    expect_failure(server, json_text(outer, "error.caused_by"), "invalid-result");
    assert_int_equal(count_tasks(server, "state=failed"), 101);
    assert_int_equal(count_tasks(server, ""), 101);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(inner_result),
        RUN(kinds_of_inner_tasks),
        RUN(inner_by_id),
        RUN(results_that_are_data),
        RUN(below_a_meta),
        RUN(process_step_continues),
        RUN(chain),
        RUN(hundred_links),
        RUN(one_link_too_many),
    };
    return RUN_SCENARIOS("continuation", table);
}
