/* Sections 3.4 and 5.7: a server that dies at its work, or has to end it, loses nothing. */
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

/* Writes its id down when it has done its work, a line of its own. */
static void function_ledger(struct scenario *s)
{
    function_file(s, "ledger.sh",
                  "#!/bin/sh\n"
                  "echo \" $ERRAND_TASK_ID \" >>../scratch/ledger\n"
                  "echo $ERRAND_ATTEMPT\n");
}

static bool in_ledger(struct scenario *s, const char *ledger, const char *id)
{
    return strstr(ledger, text(s, " %s ", id));
}

/* --- counting ------------------------------------------------------------------------ */

/* 3.4: interruptions count separately: the failure after one is still the first of two. */
SCENARIO(interruptions_count_separately)
{
    function_file(
        s, "mixed.sh",
        "#!/bin/sh\n"
        "echo \"$ERRAND_ATTEMPT \" >>../scratch/starts\n"
        "case $ERRAND_ATTEMPT in\n"
        "1) echo '{\"progress\":1}' >&3; mkfifo ../scratch/never; read x <../scratch/never;;\n"
        "2) exit 5;;\n"
        "*) echo $ERRAND_ATTEMPT;;\n"
        "esac\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'mixed','max_attempts':2,'backoff':{'initial':0.01}}");
    await_progress(server, "a", 1);
    server = crash_and_restart(server, "");
    expect_result(server, "a", "3");
    expect_number(task(server, "a"), "attempt", 3);
    struct sse *sse = sse_open(server, "/v1/tasks/a/events");
    expect_number(await_event(sse, "task.retrying", "a"), "error.exit_status", 5);
}

/* 3.4: the second interruption is not yet the end, and shutdowns in good order are none. */
SCENARIO(twice_is_not_thrice)
{
    functions_standard(s);
    struct server *server = server_start(s, "--drain 0");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'a'}]}");
    for (int round = 0; round < 4; round++) {
        note(s, "round %d", round);
        eventually(*folder_read(s, "scratch/a.pids"));
        await_state(server, "a", "running");
        folder_write(s, "scratch/a.pids", "");
        if (round % 2)
            assert_int_equal(server_stop(server), 0);
        else
            server_kill9(server);
        server = server_start(s, "--drain 0");
    }
    release(s, "a", "7");
    expect_result(server, "m", "[7]");
    expect_number(task(server, "a"), "attempt", 5);
    expect_null(task(server, "a"), "error");
}

/* 3.4: the third one: `interrupted`, told once; its metas fail by it. */
SCENARIO(third_one_is_told)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold','max_attempts':100,'notify_channels':['x']}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'a'}],'notify_channels':['x']}");
    for (int round = 0; round < 3; round++) {
        note(s, "round %d", round);
        eventually(*folder_read(s, "scratch/a.pids"));
        await_state(server, "a", "running");
        folder_write(s, "scratch/a.pids", "");
        server = crash_and_restart(server, "");
    }
    struct reply *reply = expect_state(server, "a", "failed");
    expect_text(reply, "error.code", "interrupted");
    expect_number(reply, "attempt", 3);
    expect_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by", "a");
    server = crash_and_restart(server, "");
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.failed", "a"), 1);
    assert_int_equal(count_events(&events, "task.failed", "m"), 1);
    assert_int_equal(count_events(&events, "task.started", "a"), 3);
}

/* 3.4 and 5.7: what backs off does so across a restart: not before its time, and then. */
SCENARIO(backoff_survives)
{
    function_file(s, "flaky.sh", "#!/bin/sh\n[ $ERRAND_ATTEMPT -ge 2 ] && echo 7\n");
    struct server *server = server_start(s, "%s", "");
    create(server,
           "{'id':'a','function':'flaky','max_attempts':2,'backoff':{'initial':2,'max':2}}");
    struct reply *reply = await_state(server, "a", "scheduled");
    const char *run_at = json_text(reply, "run_at");
    int64_t not_before = json_time(reply, "run_at");
    server = crash_and_restart(server, "");
    reply = task(server, "a");
    if (!strcmp(json_text(reply, "state"), "scheduled"))
        expect_text(reply, "run_at", run_at);
    expect_result(server, "a", "7");
    reply = task(server, "a");
    expect_number(reply, "attempt", 2);
    assert_true(json_time(reply, "started_at") >= not_before);
}

/* --- kill -9 --------------------------------------------------------------------------- */

/* 5.7: many that run, and all that they started, are gone; and then they run again. */
SCENARIO(many_running)
{
    enum { MANY = 6 };
    functions_standard(s);
    struct server *server = server_start(s, "--slots 6 --grace 0.1");
    int pids[MANY][2];
    for (int i = 0; i < MANY; i++)
        create(server, "{'id':'a%d','function':'%s'}", i, i % 2 ? "stubborn" : "hold");
    for (int i = 0; i < MANY; i++) {
        await_progress(server, text(s, "a%d", i), 1);
        for (int j = 0; j <= i % 2; j++)
            pids[i][j] = folder_pid(s, text(s, "a%d.pids", i), j);
        folder_write(s, text(s, "scratch/a%d.pids", i), "");
    }
    server = crash_and_restart(server, "--slots 6 --grace 0.1");
    for (int i = 0; i < MANY; i++) {
        const char *id = text(s, "a%d", i);
        note(s, "%s", id);
        for (int j = 0; j <= i % 2; j++)
            eventually(!process_alive(pids[i][j]));
        assert_true(folder_pid(s, text(s, "a%d.pids", i), 0) != pids[i][0]);
        if (i % 2) {
            await_state(server, id, "running");
            cancel(server, id, NULL);
            expect_outcome(server, id, "cancelled");
        } else {
            release(s, id, "7");
            expect_result(server, id, "7");
        }
    }
}

/* 5.7: what an interruption ends is not run again by the same start: the sibling was running, too.
 */
SCENARIO(interrupted_siblings)
{
    functions_standard(s);
    function_manifest(s, "hold.json", "{'on_interrupt':'fail'}");
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'m','process':'collect','notify_channels':['x'],'args':["
                   "{'$task':{'id':'a','function':'hold','notify_channels':['x']}},"
                   "{'$task':{'id':'b','function':'stubborn','notify_channels':['x']}}]}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    server = crash_and_restart(server, "--slots 2");
    expect_text(expect_state(server, "a", "failed"), "error.code", "interrupted");
    expect_text(expect_state(server, "b", "cancelled"), "error.caused_by", "a");
    expect_text(expect_state(server, "m", "failed"), "error.caused_by", "a");
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.started", "b"), 1);
    assert_int_equal(count_events(&events, "task.cancelled", "b"), 1);
    assert_int_equal(count_events(&events, NULL, "b"), 4);
}

/* 5.7: waiting tasks go on by themselves: nobody asks the new server for anything. */
SCENARIO(without_any_request)
{
    functions_standard(s);
    function_ledger(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'done','function':'echo'}");
    create(server, "{'id':'top','process':'ledger','args':[{'$task':'done'},{'$task':{'id':'mid',"
                   "'process':'ledger','args':[{'$task':'done'},"
                   "{'$task':{'id':'low','function':'hold'}}]}}]}");
    create(server, "{'id':'soon','function':'ledger','delay':0.5}");
    await_progress(server, "low", 1);
    server = crash_and_restart(server, "--slots 1");
    release(s, "low", "1");
    eventually(in_ledger(s, folder_read(s, "scratch/ledger"), "top"));
    eventually(in_ledger(s, folder_read(s, "scratch/ledger"), "soon"));
    expect_outcome(server, "top", "succeeded");
}

/* --- SIGTERM ----------------------------------------------------------------------------- */

static bool is_draining(struct server *server)
{
    return get(server, "/readyz")->status == 503;
}

/* 5.7: those that end within the drain succeed, the others go back to the queue. */
SCENARIO(some_in_time)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 2 --drain 3 --grace 0.1");
    create(server, "{'id':'quick','function':'hold'}");
    create(server, "{'id':'slow','function':'stubborn','max_attempts':1}");
    create(server, "{'id':'queued','function':'cat'}");
    create(server, "{'id':'waits','process':'collect','args':[{'$task':'slow'}]}");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    await_progress(server, "quick", 1);
    await_progress(server, "slow", 1);
    int parent = folder_pid(s, "slow.pids", 0), child = folder_pid(s, "slow.pids", 1);
    struct sse *sse = sse_open(server, "/v1/events");
    server_signal(server, SIGTERM);
    eventually(is_draining(server));
    release(s, "quick", "7");
    expect_event(sse, "task.succeeded", "quick");
    expect_end(sse);
    assert_int_equal(server_wait(server), 0);
    assert_false(process_alive(parent));
    eventually(!process_alive(child));
    assert_non_null(
        strstr(server_log(server), "shutdown: 1 running and 3 not started are left unfinished"));
    folder_write(s, "scratch/slow.pids", "");
    server = server_start(s, "--slots 2 --grace 0.1");
    expect_result(server, "quick", "7");
    expect_outcome(server, "queued", "succeeded");
    assert_true(process_alive(folder_pid(s, "slow.pids", 0)));
    expect_state(server, "waits", "waiting");
    cancel(server, "slow", NULL);
    expect_outcome(server, "waits", "cancelled");
}

/* 5.7: a second SIGTERM hurries past what ignores the first TERM as well. */
SCENARIO(hurry)
{
    functions_standard(s);
    struct server *server = server_start(s, "--drain 3600 --grace 0.2");
    create(server, "{'id':'a','function':'stubborn'}");
    await_progress(server, "a", 1);
    int parent = folder_pid(s, "a.pids", 0), child = folder_pid(s, "a.pids", 1);
    server_signal(server, SIGTERM);
    eventually(is_draining(server));
    expect_state(server, "a", "running");
    server_signal(server, SIGTERM);
    assert_int_equal(server_wait(server), 0);
    assert_false(process_alive(parent));
    eventually(!process_alive(child));
    assert_non_null(
        strstr(server_log(server), "shutdown: 1 running and 0 not started are left unfinished"));
}

/* 5.7: and what had its TERM, however long its grace is, gets KILL. */
SCENARIO(hurry_past_the_grace)
{
    function_file(s, "slow.sh",
                  "#!/bin/sh\n"
                  "trap 'echo \"{\\\"progress\\\":2}\" >&3' TERM\n"
                  "echo '{\"progress\":1}' >&3\n"
                  "while :; do sleep 0.05; done\n");
    struct server *server = server_start(s, "--drain 0 --grace 3600");
    create(server, "{'id':'a','function':'slow'}");
    await_progress(server, "a", 1);
    server_signal(server, SIGTERM);
    await_progress(server, "a", 2);
    server_signal(server, SIGTERM);
    assert_int_equal(server_wait(server), 0);
    server = server_start(s, "%s", "");
    eventually(json_number(task(server, "a"), "attempt") == 2);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(interruptions_count_separately),
        RUN(twice_is_not_thrice),
        RUN(third_one_is_told),
        RUN(backoff_survives),
        RUN(many_running),
        RUN(interrupted_siblings),
        RUN(without_any_request),
        RUN(some_in_time),
        RUN(hurry),
        RUN(hurry_past_the_grace),
    };
    return RUN_SCENARIOS("interruptions", table);
}
