/* Section 5.7: what a server finds when it starts on the data of one that died. */
#include <signal.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

static struct server *crash_and_restart(struct server *server, const char *flags)
{
    server_kill9(server);
    return server_start(server->scenario, "%s", flags);
}

/* 5.7: what was running goes back to the queue and runs again, whatever its attempts. */
SCENARIO(running_runs_again)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    server = crash_and_restart(server, "");
    release(s, "a", "7");
    expect_result(server, "a", "7");
    struct reply *reply = task(server, "a");
    expect_number(reply, "attempt", 2);
    expect_number(reply, "max_attempts", 1);
}

/* 5.7: leftover process groups of the dead server are killed, before it listens. */
SCENARIO(leftovers_are_killed)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'stubborn'}");
    await_progress(server, "a", 1);
    int parent = folder_pid(s, "a.pids", 0), child = folder_pid(s, "a.pids", 1);
    server_kill9(server);
    assert_true(process_alive(parent) && process_alive(child));
    server = server_start(s, "%s", "");
    eventually(!process_alive(parent) && !process_alive(child));
    cancel(server, "a", NULL);
    expect_outcome(server, "a", "cancelled");
}

/* 2 and 5.7: on_interrupt fail: it fails with `interrupted` instead. */
SCENARIO(on_interrupt_fail)
{
    functions_standard(s);
    function_manifest(s, "hold.json", "{'on_interrupt':'fail','max_attempts':5}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'a'}]}");
    await_progress(server, "a", 1);
    server = crash_and_restart(server, "");
    expect_failure(server, "a", "interrupted");
    expect_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by", "a");
    struct sse *sse = sse_open(server, "/v1/tasks/a/events");
    await_event(sse, "task.failed", "a");
    expect_end(sse);
}

/* 3.4: the third interruption fails the task, whatever its attempts. */
SCENARIO(third_interruption)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold','max_attempts':50}");
    for (int round = 1; round <= 3; round++) {
        note(s, "round %d", round);
        eventually(*folder_read(s, "scratch/a.pids"));
        await_state(server, "a", "running");
        folder_write(s, "scratch/a.pids", "");
        server = crash_and_restart(server, "");
    }
    expect_failure(server, "a", "interrupted");
}

/* 5.7: queued and scheduled tasks run; times that passed are honoured. */
SCENARIO(queued_and_scheduled)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'gate','function':'hold'}");
    await_progress(server, "gate", 1);
    for (int i = 0; i < 10; i++)
        create(server, "{'id':'q%d','function':'cat'}", i);
    create(server, "{'id':'soon','function':'echo','args':[1],'delay':1}");
    create(server, "{'id':'far','function':'echo','delay':3600}");
    int64_t made = now_ms();
    server_kill9(server);
    eventually(now_ms() - made > 1000);
    server = server_start(s, "--slots 1");
    expect_result(server, "soon", "1");
    release(s, "gate", "1");
    for (int i = 0; i < 10; i++)
        expect_outcome(server, text(s, "q%d", i), "succeeded");
    expect_state(server, "far", "scheduled");
}

/* 5.7: every waiting task is re-checked, at all levels. */
SCENARIO(waiting_is_checked_again)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'t','process':'collect','args':[{'$task':{'id':'m','process':'collect',"
                   "'args':[{'$task':{'id':'d','function':'hold'}},"
                   "{'$task':{'function':'echo','args':[1]}}]}}]}");
    await_progress(server, "d", 1);
    server = crash_and_restart(server, "");
    expect_state(server, "t", "waiting");
    release(s, "d", "7");
    expect_result(server, "t", "[[7,1]]");
}

/* 5.7: a finished task is never touched. */
SCENARIO(finished_stays)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'good','function':'echo','args':[{'x':[1]}]}");
    create(server, "{'id':'bad','function':'fail','args':['no']}");
    create(server, "{'id':'gone','function':'echo','delay':3600}");
    cancel(server, "gone", NULL);
    const char *ids[] = {"good", "bad", "gone"}, *before[3];
    for (int i = 0; i < 3; i++)
        before[i] = finished(server, ids[i])->body.text;
    for (int round = 0; round < 2; round++) {
        server = crash_and_restart(server, "");
        for (int i = 0; i < 3; i++)
            assert_string_equal(task(server, ids[i])->body.text, before[i]);
    }
    expect_result(server, "good", "{'x':[1]}");
    struct sse *sse = sse_open(server, "/v1/events?last_event_id=0");
    expect_story(sse, "created good");
    create(server, "{'id':'new','function':'echo'}");
    struct events events = collect_until(sse, "task.succeeded", "new");
    assert_int_equal(count_events(&events, "task.failed", "bad"), 1);
    assert_int_equal(count_events(&events, "task.cancelled", "gone"), 1);
}

/* 4.10: a cancel that was answered 202 survives a crash. */
SCENARIO(cancel_survives)
{
    functions_standard(s);
    struct server *server = server_start(s, "--grace 3600");
    create(server, "{'id':'a','function':'stubborn'}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'a'}]}");
    await_progress(server, "a", 1);
    expect_status(cancel(server, "a", NULL), 202);
    int parent = folder_pid(s, "a.pids", 0);
    server = crash_and_restart(server, "");
    expect_state(server, "a", "cancelled");
    expect_outcome(server, "m", "cancelled");
    eventually(!process_alive(parent));
}

/* 5.7: dying in the middle of it, again and again, is harmless. What waits is resolved from
 * outside, so that nothing but what runs for ever is interrupted, however long the rounds take. */
SCENARIO(dying_while_starting)
{
    enum { TASKS = 40 };
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'ever','function':'hold','forever':true}");
    await_progress(server, "ever", 1);
    for (int i = 0; i < TASKS; i++)
        create(server,
               "{'id':'q%d','process':'sum','args':[{'$task':{'id':'e%d','function':'echo',"
               "'delay':3600}},1]}",
               i, i);
    for (int round = 0; round < 5; round++)
        server = crash_and_restart(server, "--slots 1");
    eventually(!strcmp(json_text(task(server, "ever"), "state"), "running"));
    for (int i = 0; i < TASKS; i++)
        expect_status(call(server, .method = "PUT", .path = text(s, "/v1/tasks/e%d/result", i),
                           .body = text(s, "%d", i)),
                      200);
    for (int i = 0; i < TASKS; i++)
        expect_result(server, text(s, "q%d", i), text(s, "%d", i + 1));
}

/* 3.1: an order by priority is kept across a restart. */
SCENARIO(order_is_kept)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'gate','function':'hold','priority':100}");
    await_progress(server, "gate", 1);
    create(server, "{'id':'b','function':'cat'}");
    create(server, "{'id':'c','function':'cat','priority':-1}");
    create(server, "{'id':'a','function':'cat','priority':1}");
    server = crash_and_restart(server, "--slots 1");
    release(s, "gate", "1");
    struct sse *sse = sse_open(server, "/v1/events?type=task.started&last_event_id=0");
    expect_story(sse, "started gate, started gate, started a, started b, started c");
}

/* 2: a function that is gone after the restart does no harm to the others. */
SCENARIO(registry_is_read_anew)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'cat','delay':1}");
    server_kill9(server);
    function_file(s, "young.sh", "#!/bin/sh\necho young\n");
    server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'young'}"), "'young'");
    expect_outcome(server, "later", "succeeded");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(running_runs_again), RUN(leftovers_are_killed),  RUN(on_interrupt_fail),
        RUN(third_interruption), RUN(queued_and_scheduled),  RUN(waiting_is_checked_again),
        RUN(finished_stays),     RUN(cancel_survives),       RUN(dying_while_starting),
        RUN(order_is_kept),      RUN(registry_is_read_anew),
    };
    return RUN_SCENARIOS("restart", table);
}
