/* Section 5.5: tasks that are run again whenever they end. */
#include <string.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* Waits until it pauses after that many runs, and returns it as it is then. */
static struct reply *await_pause(struct server *server, const char *id, int restarts)
{
    struct reply *reply = NULL;
    eventually((reply = await_state(server, id, "scheduled")) &&
               json_number(reply, "restarts") >= restarts);
    expect_number(reply, "restarts", restarts);
    return reply;
}

/* 5.5: well or badly ended, it is told each time, and runs again after a pause that doubles. */
SCENARIO(pauses_double)
{
    enum { PAUSES = 3, EXACT_MS = 50 };
    function_file(s, "moody.sh",
                  "#!/bin/sh\n"
                  "echo \" $ERRAND_TASK_ID \" >>../scratch/runs\n"
                  "[ $(($(wc -l <../scratch/runs) % 2)) = 0 ] || exit 3\n");
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?channel=x");
    create(server, "{'id':'a','function':'moody','forever':true,'notify_channels':['x']}");
    expect_story(sse, "created a, started a");
    for (int i = 0; i < PAUSES; i++) {
        note(s, "pause %d", i + 1);
        struct event *told = expect_event(sse, "task.restarted", "a");
        expect_text(told, "state", "scheduled");
        if (i % 2) {
            expect_absent(told, "error");
        } else {
            expect_text(told, "error.code", "exit-status");
            expect_number(told, "error.exit_status", 3);
        }
        struct reply *pausing = await_pause(server, "a", i + 1);
        int64_t pause = json_time(pausing, "run_at") - json_time(told, "at");
        assert_in_range(pause, (1000 << i) - EXACT_MS, (1000 << i) + EXACT_MS);
        expect_null(pausing, "finished_at");
        expect_status(get(server, "/v1/tasks/a/result"), 202);
        if (i + 1 == PAUSES)
            break;
        struct event *started = expect_event(sse, "task.started", "a");
        assert_true(json_time(started, "at") >= json_time(pausing, "run_at"));
    }
    assert_int_equal(count_runs(s, "a"), PAUSES);
    expect_json(cancel(server, "a", NULL), "cancelled", "true");
    expect_event(sse, "task.cancelled", "a");
}

/* 5.5: built-ins too; and neither attempts, nor backoff, nor a time-out end it or set its pace. */
SCENARIO(what_does_not_end_it)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'well','function':'echo','args':[7],'forever':true}");
    create(server, "{'id':'badly','function':'fail','args':['no'],'forever':true,'max_attempts':1,"
                   "'backoff':{'initial':3600,'max':3600}}");
    create(server, "{'id':'often','function':'fail','args':['no'],'forever':true,'max_attempts':3,"
                   "'backoff':{'initial':3600,'max':3600}}");
    create(server, "{'id':'slow','function':'hold','forever':true,'timeout':0.2}");
    static const char *const ids[] = {"well", "badly", "often", "slow"};
    static const char *const codes[] = {NULL, "function-error", "function-error", "timeout"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s", ids[i]);
        struct sse *sse = sse_open(server,
                                   "/v1/events?last_event_id=0&task=%s&type=task.restarted"
                                   "&type=task.retrying&type=task.failed&type=task.succeeded",
                                   ids[i]);
        for (int round = 0; round < 2; round++) {
            struct event *told = expect_event(sse, "task.restarted", ids[i]);
            if (codes[i])
                expect_text(told, "error.code", codes[i]);
            else
                expect_absent(told, "error");
        }
    }
}

/* 5.5: cancel ends it: while it runs, and while it pauses. */
SCENARIO(cancelled)
{
    functions_standard(s);
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'runs','function':'hold','forever':true}");
    create(server, "{'id':'pauses','function':'work','forever':true,'notify_channels':['x']}");
    await_progress(server, "runs", 1);
    int pid = folder_pid(s, "runs.pids", 0);
    expect_problem(call(server, .method = "DELETE", .path = "/v1/tasks/runs"), 409, "task-live");
    expect_json(cancel(server, "runs", NULL), "cancelled", "true");
    expect_outcome(server, "runs", "cancelled");
    assert_false(process_alive(pid));
    expect_number(task(server, "runs"), "restarts", 0);
    await_pause(server, "pauses", 1);
    struct reply *reply = cancel(server, "pauses", NULL);
    expect_status(reply, 200);
    expect_json(reply, "cancelled", "true");
    expect_text(reply, "state", "cancelled");
    assert_string_equal(story_of(server, "x"),
                        "created pauses, started pauses, restarted pauses, cancelled pauses");
    assert_int_equal(count_runs(s, "pauses"), 1);
}

/* 4: so does a result from outside. */
SCENARIO(result_from_outside)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'runs','function':'hold','forever':true}");
    create(server, "{'id':'pauses','function':'echo','forever':true}");
    await_progress(server, "runs", 1);
    await_pause(server, "pauses", 1);
    static const char *const ids[] = {"runs", "pauses"};
    for (int i = 0; i < 2; i++) {
        note(s, "%s", ids[i]);
        const char *path = text(s, "/v1/tasks/%s/result", ids[i]);
        expect_status(call(server, .method = "PUT", .path = path, .body = "7"), 200);
        expect_result(server, ids[i], "7");
        expect_state(server, ids[i], "succeeded");
    }
}

/* 5.5 and 5.7: after a restart in good order it runs again: what ran, and what paused. */
SCENARIO(after_a_restart)
{
    functions_standard(s);
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'runs','function':'hold','forever':true}");
    create(server, "{'id':'pauses','function':'work','forever':true}");
    await_progress(server, "runs", 1);
    int64_t run_at = json_time(await_pause(server, "pauses", 1), "run_at");
    folder_write(s, "scratch/runs.pids", "");
    assert_int_equal(server_stop(server), 0);
    server = server_start(s, "%s", "");
    assert_true(process_alive(folder_pid(s, "runs.pids", 0)));
    struct reply *again = await_pause(server, "pauses", 2);
    assert_true(json_time(again, "started_at") >= run_at);
    assert_int_equal(count_runs(s, "pauses"), 2);
    release(s, "runs", "7");
    await_pause(server, "runs", 1);
}

/* 5.5: interruptions by dead servers do not end it, however many. */
SCENARIO(longest_pause)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','forever':true}");
    await_pause(server, "a", 1);
    server_stop(server);
    database_run(s, "data/errand.db", "UPDATE tasks SET pause = 40000, run_at = 1");
    server = server_start(s, "%s", "");
    struct reply *pausing = await_pause(server, "a", 2);
    int64_t pause = json_time(pausing, "run_at") - json_time(pausing, "started_at");
    assert_in_range(pause, 60000, 60000 + DEADLINE_MS);
}

SCENARIO(after_many_crashes)
{
    functions_standard(s);
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'held','forever':true,'notify_channels':['x']}");
    for (int round = 1; round <= 4; round++) {
        note(s, "round %d", round);
        eventually(*folder_read(s, "scratch/a.pids"));
        await_state(server, "a", "running");
        folder_write(s, "scratch/a.pids", "");
        server_kill9(server);
        server = server_start(s, "%s", "");
    }
    eventually(*folder_read(s, "scratch/a.pids"));
    await_state(server, "a", "running");
    assert_int_equal(count_runs(s, "a"), 5);
    expect_json(cancel(server, "a", NULL), "cancelled", "true");
    expect_outcome(server, "a", "cancelled");
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.failed", "a"), 0);
    assert_int_equal(count_events(&events, "task.cancelled", "a"), 1);
}

/* 2 and 5.5: nor does the manifest's on_interrupt end it. */
SCENARIO(on_interrupt_fail)
{
    functions_standard(s);
    function_manifest(s, "hold.json", "{'on_interrupt':'fail'}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold','forever':true}");
    await_progress(server, "a", 1);
    folder_write(s, "scratch/a.pids", "");
    server_kill9(server);
    server = server_start(s, "%s", "");
    eventually(*folder_read(s, "scratch/a.pids"));
    await_state(server, "a", "running");
}

/* 5.5: what has ended for good has no more runs, also after a restart. */
SCENARIO(ended_for_good)
{
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'work','forever':true}");
    await_pause(server, "a", 1);
    cancel(server, "a", NULL);
    server_kill9(server);
    server = server_start(s, "%s", "");
    expect_number(expect_state(server, "a", "cancelled"), "restarts", 1);
    create(server, "{'id':'b','function':'work','forever':true}");
    await_pause(server, "b", 2);
    assert_int_equal(count_runs(s, "a"), 1);
}

/* 3.1: a meta-task's process step is not run forever; nor is anything by a word. */
SCENARIO(bad_input)
{
    static const char *const bad[] = {
        "'process':'collect','forever':true",
        "'function':'echo','forever':'yes'",
        "'function':'echo','forever':1",
        "'function':'echo','forever':[true]",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i]);
        const char *fields = requote(text(s, "%s", bad[i]));
        expect_pointer(post(server, "/v1/tasks", "{%s}", fields), "/forever");
        expect_pointer(
            post(server, "/v1/tasks", "{'process':'collect','args':[{'$task':{%s}}]}", fields),
            "/args/0/$task/forever");
    }
    assert_int_equal(count_tasks(server, ""), 0);
    create(server, "{'id':'a','function':'echo','args':[1],'forever':false}");
    expect_result(server, "a", "1");
    create(server, "{'id':'b','function':'echo','args':[1],'forever':null}");
    expect_result(server, "b", "1");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(pauses_double),       RUN(what_does_not_end_it), RUN(cancelled),
        RUN(result_from_outside), RUN(after_a_restart),      RUN(after_many_crashes),
        RUN(longest_pause),       RUN(on_interrupt_fail),    RUN(ended_for_good),
        RUN(bad_input),
    };
    return RUN_SCENARIOS("forever", table);
}
