/* Meta-tasks with a time before which they do not start (3.1, 5.1): their dependencies start at
 * once, and the process step waits for both. */
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* The dependencies are there before the time is: waiting, then scheduled. */
SCENARIO(time_comes_last)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','delay':1.5,"
                   "'args':[{'$task':{'id':'d','function':'echo','args':[7]}}]}");
    expect_result(server, "d", "7");
    struct reply *between = await_state(server, "m", "scheduled");
    int64_t run_at = json_time(between, "run_at");
    expect_result(server, "m", "[7]");
    assert_true(json_time(task(server, "m"), "started_at") >= run_at);
}

/* The time comes first, and is no reason to start. */
SCENARIO(dependency_comes_last)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','delay':0.05,"
                   "'args':[{'$task':{'id':'d','function':'hold'}}]}");
    await_progress(server, "d", 1);
    expect_result(server, create(server, "{'function':'sleep','args':[0.1]}"), "0.1");
    expect_state(server, "m", "waiting");
    release(s, "d", "7");
    expect_result(server, "m", "[7]");
}

/* What waits for its time only can be cancelled, and survives a crash. */
SCENARIO(crash_and_cancel)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','delay':3600,"
                   "'args':[{'$task':{'id':'d','function':'echo','args':[7]}}]}");
    await_state(server, "m", "scheduled");
    server_kill9(server);
    server = server_start(s, "%s", "");
    expect_state(server, "m", "scheduled");
    expect_json(cancel(server, "m", NULL), "cancelled", "true");
    expect_state(server, "m", "cancelled");
    expect_result(server, "d", "7");
}

/* A start that lets a meta-task wait for its far time does not forget those with a nearer one. */
SCENARIO(nearer_time_is_not_forgotten)
{
    functions_standard(s);
    function_manifest(s, "hold.json", "{'on_interrupt':'fail'}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','wait_for':'all_settled','delay':3600,"
                   "'args':[{'$task':{'id':'d','function':'hold'}}]}");
    create(server, "{'id':'near','function':'echo','delay':1}");
    await_progress(server, "d", 1);
    server_kill9(server);
    server = server_start(s, "%s", "");
    expect_state(server, "m", "scheduled");
    expect_outcome(server, "near", "succeeded");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(time_comes_last),
        RUN(dependency_comes_last),
        RUN(crash_and_cancel),
        RUN(nearer_time_is_not_forgotten),
    };
    return RUN_SCENARIOS("meta_later", table);
}
