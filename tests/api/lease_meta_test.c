/* Sections 4.9, 5.1 and 3.5: process steps that run elsewhere. */
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"

/* 5.1: a process step gets the results in the places of its $task objects; its dependencies may
 * run elsewhere too. */
SCENARIO(meta_task)
{
    functions_remote(s, "dep join", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'join','wait_for':'all_settled','args':["
                   "{'$task':{'id':'d','function':'dep'}},{'$value':{'$task':1}},[{'$task':'d'}],"
                   "{'$task':{'id':'f','function':'fail','args':['no']}}],"
                   "'kwargs':{'k':{'$task':'d'}}}");
    expect_no_lease(server, "join");
    lease_result(server, lease_one(server, "dep"), "{'r':[1.50]}");
    struct reply *reply = lease(server, "{'functions':['join'],'wait':15}");
    expect_text(reply, "leases.0.task.process", "join");
    expect_text(reply, "leases.0.task.kind", "meta");
    expect_json(reply, "leases.0.task.args",
                "[{'r':[1.50]},{'$task':1},[{'r':[1.50]}],"
                "{'$error':{'id':'f','code':'function-error','message':'no'}}]");
    expect_json(reply, "leases.0.task.kwargs", "{'k':{'r':[1.50]}}");
    assert_int_equal(json_count(reply, "leases.0.task.dependencies"), 4);
    expect_text(reply, "leases.0.task.dependencies.0.id", "d");
    expect_json(task(server, "m"), "args.2", "[{'$task':'d'}]"); /* what was sent stays */
    lease_result(server, json_text(reply, "leases.0.lease"), "'joined'");
    expect_result(server, "m", "'joined'");
}

/* 3.5: what continues may return a task, also from elsewhere. */
SCENARIO(continuation)
{
    functions_remote(s, "a", "'continues':true");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    struct reply *reply = lease_result(server, lease_one(server, "a"),
                                       "{'$task':{'id':'y','function':'a','args':[2]}}");
    expect_text(reply, "state", "waiting");
    lease_result(server, lease_one(server, "a"), "'inner'");
    expect_result(server, "x", "'inner'");
    create(server, "{'id':'z','function':'a'}");
    reply = lease_result(server, lease_one(server, "a"), "{'$task':{'function':'nope'}}");
    expect_text(reply, "state", "failed");
    expect_failure(server, "z", "invalid-result");
}

/* Results that are too large together: nobody gets the task, and it fails as it would here. */
SCENARIO(too_large_together)
{
    enum { BYTES = 69000000 };
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "--max-result 70000000");
    char *result = keep(s, BYTES);
    memset(result, 'x', BYTES);
    result[0] = result[BYTES - 1] = '"';
    create(server, "{'id':'x','function':'sleep','args':[3600]}");
    expect_status(call(server, .method = "PUT", .path = "/v1/tasks/x/result", .body = result,
                       .length = BYTES),
                  200);
    create(server, "{'id':'m','process':'a','args':["
                   "{'$task':'x'},{'$task':'x'},{'$task':'x'},{'$task':'x'}]}");
    create(server, "{'id':'y','function':'a'}");
    struct reply *reply = lease(server, "{'functions':['a'],'max':2}");
    assert_int_equal(json_count(reply, "leases"), 1);
    expect_text(reply, "leases.0.task.id", "y");
    expect_text(expect_failure(server, "m", "start-failed"), "error.message",
                "the results it needs are too large together");
}

/* Tasks with large arguments fill one answer; the others are queued again for the next. */
SCENARIO(more_than_one_answer)
{
    enum { BYTES = 4000000, MANY = 8, FITS = 5 };
    functions_remote(s, "a", "'on_interrupt':'fail'");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'sleep','args':[3600]}");
    expect_status(call(server, .method = "PUT", .path = "/v1/tasks/x/result",
                       .body = text_repeat(s, "\"", "x", BYTES, "\"")),
                  200);
    for (int i = 0; i < MANY; i++)
        create(server, "{'id':'m%d','process':'a','args':[{'$task':'x'}]}", i);
    eventually(count_tasks(server, "state=queued") == MANY);
    for (int first = 0; first < MANY; first += FITS) {
        note(s, "from %d on", first);
        struct reply *reply = lease(server, "{'functions':['a'],'max':100,'wait':15}");
        int count = MANY - first < FITS ? MANY - first : FITS;
        assert_int_equal(json_count(reply, "leases"), count);
        for (int i = 0; i < count; i++) {
            expect_text(reply, text(s, "leases.%d.task.id", i), text(s, "m%d", first + i));
            lease_result(server, json_text(reply, text(s, "leases.%d.lease", i)), "1");
        }
        eventually(count_tasks(server, "state=running") == 0);
    }
    assert_int_equal(count_tasks(server, "state=succeeded"), MANY + 1);
}

int main(void)
{
    const struct CMUnitTest table[] = {RUN(meta_task), RUN(continuation), RUN(too_large_together),
                                       RUN(more_than_one_answer)};
    return RUN_SCENARIOS("lease_meta", table);
}
