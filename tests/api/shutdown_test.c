/* Section 5.7: SIGTERM. */
#include <signal.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

static bool is_draining(struct server *server)
{
    return get(server, "/readyz")->status == 503;
}

/* 5.7: no new tasks (503 draining), /readyz 503; running tasks get the time to end well. */
SCENARIO(drains)
{
    functions_standard(s);
    struct server *server = server_start(s, "--drain 60");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    server_signal(server, SIGTERM);
    eventually(is_draining(server));
    expect_problem(post(server, "/v1/tasks", "{'function':'echo'}"), 503, "draining");
    expect_status(get(server, "/healthz"), 200);
    expect_status(get(server, "/livez"), 200);
    expect_state(server, "a", "running");
    release(s, "a", "7");
    assert_int_equal(server_wait(server), 0);
    assert_null(strstr(server_log(server), "left unfinished"));
    server = server_start(s, "%s", "");
    expect_result(server, "a", "7");
    expect_number(task(server, "a"), "attempt", 1);
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 5.7: nothing new starts; what is left is said in the log, and runs after the restart. */
SCENARIO(nothing_new_starts)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1 --drain 60");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'b','function':'cat'}");
    create(server, "{'id':'c','function':'cat'}");
    await_progress(server, "a", 1);
    server_signal(server, SIGTERM);
    eventually(is_draining(server));
    release(s, "a", "7");
    assert_int_equal(server_wait(server), 0);
    assert_non_null(
        strstr(server_log(server), "shutdown: 0 running and 2 not started are left unfinished"));
    server = server_start(s, "%s", "");
    expect_outcome(server, "b", "succeeded");
    expect_outcome(server, "c", "succeeded");
    expect_result(server, "a", "7");
}

/* 5.7: what failed because the shutdown cut it short is not left: its function says on_interrupt
 * fail. */
SCENARIO(counts_what_is_left)
{
    functions_standard(s);
    function_manifest(s, "once.json", "{'on_interrupt':'fail','command':['sleep','1000']}");
    struct server *server = server_start(s, "--drain 0 --grace 0.1");
    create(server, "{'id':'a','function':'once'}");
    create(server, "{'id':'b','function':'cat','delay':1000}");
    await_state(server, "a", "running");
    server_signal(server, SIGTERM);
    assert_int_equal(server_wait(server), 0);
    assert_non_null(
        strstr(server_log(server), "shutdown: 0 running and 1 not started are left unfinished"));
    server = server_start(s, "%s", "");
    expect_state(server, "a", "failed");
    expect_state(server, "b", "scheduled");
}

/* 5.7: when the time is up: TERM, grace, KILL and back to the queue. */
SCENARIO(requeues)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1 --drain 0.1 --grace 0.2");
    create(server, "{'id':'a','function':'stubborn'}");
    create(server, "{'id':'b','function':'cat'}");
    create(server, "{'id':'c','function':'cat'}");
    await_progress(server, "a", 1);
    int parent = folder_pid(s, "a.pids", 0), child = folder_pid(s, "a.pids", 1);
    assert_int_equal(server_stop(server), 0);
    assert_false(process_alive(parent));
    eventually(!process_alive(child));
    assert_non_null(
        strstr(server_log(server), "shutdown: 1 running and 2 not started are left unfinished"));
    folder_write(s, "scratch/a.pids", "");
    server = server_start(s, "--slots 1 --grace 0.1");
    parent = folder_pid(s, "a.pids", 0);
    assert_true(process_alive(parent));
    await_state(server, "a", "running");
    cancel(server, "a", NULL);
    expect_outcome(server, "b", "succeeded");
    expect_outcome(server, "c", "succeeded");
}

/* 3.4: a shutdown in good order is no interruption by a dead server: it may happen any number of
 * times. */
SCENARIO(requeues_many_times)
{
    functions_standard(s);
    struct server *server = server_start(s, "--drain 0 --grace 0.1");
    create(server, "{'id':'a','function':'hold'}");
    for (int round = 0; round < 4; round++) {
        note(s, "round %d", round);
        eventually(*folder_read(s, "scratch/a.pids"));
        await_state(server, "a", "running");
        folder_write(s, "scratch/a.pids", "");
        assert_int_equal(server_stop(server), 0);
        server = server_start(s, "--drain 0 --grace 0.1");
    }
    release(s, "a", "7");
    expect_result(server, "a", "7");
}

/* 5.7: --on-shutdown cancel: every live task is cancelled instead. */
SCENARIO(cancels)
{
    functions_standard(s);
    struct server *server =
        server_start(s, "--slots 1 --drain 0.1 --grace 0.1 --on-shutdown cancel");
    create(server, "{'id':'runs','function':'stubborn'}");
    create(server, "{'id':'queued','function':'cat'}");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    create(server, "{'id':'waits','process':'collect','args':[{'$task':'later'}]}");
    create(server, "{'id':'over','function':'echo','args':[1]}");
    finished(server, "over");
    await_progress(server, "runs", 1);
    int parent = folder_pid(s, "runs.pids", 0);
    assert_int_equal(server_stop(server), 0);
    assert_false(process_alive(parent));
    server = server_start(s, "%s", "");
    const char *ids[] = {"runs", "queued", "later", "waits"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s", ids[i]);
        expect_state(server, ids[i], "cancelled");
        struct sse *sse = sse_open(server, "/v1/tasks/%s/events", ids[i]);
        await_event(sse, "task.cancelled", ids[i]);
        expect_end(sse);
    }
    expect_result(server, "over", "1");
}

/* 5.7: streams end cleanly. */
SCENARIO(streams_end)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    struct sse *all = sse_open(server, "/v1/events");
    struct sse *one = sse_open(server, "/v1/tasks/later/events");
    expect_story(one, "created later");
    create(server, "{'id':'b','function':'echo'}");
    expect_story(all, "created b, started b, succeeded b");
    assert_int_equal(server_stop(server), 0);
    expect_end(all);
    expect_end(one);
}

/* 5.7: a second SIGTERM hurries. */
SCENARIO(second_signal_hurries)
{
    functions_standard(s);
    struct server *server = server_start(s, "--drain 3600 --grace 0.1");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    server_signal(server, SIGTERM);
    eventually(is_draining(server));
    server_signal(server, SIGTERM);
    assert_int_equal(server_wait(server), 0);
    server = server_start(s, "%s", "");
    release(s, "a", "7");
    expect_result(server, "a", "7");
}

/* 5.7: clients that wait get an answer, or at least the end of the connection, and hold nothing up.
 */
SCENARIO(waiting_clients)
{
    enum { CLIENTS = 20 };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    struct http *waiting[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        waiting[i] = server_connect(server);
        http_say(waiting[i], "GET /v1/tasks/later?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    expect_state(server, "later", "scheduled");
    assert_int_equal(server_stop(server), 0);
    for (int i = 0; i < CLIENTS; i++) {
        struct reply *reply = http_read(waiting[i], false);
        assert_false(http_timed_out(waiting[i]));
        if (reply && reply->status == 200)
            expect_text(reply, "state", "scheduled");
    }
}

/* 5.7: a task that ends within the drain wakes what waits for it, which then runs after the
 * restart. */
SCENARIO(metas_go_on_after_it)
{
    functions_standard(s);
    struct server *server = server_start(s, "--drain 60");
    create(server, "{'id':'m','process':'cat','args':[{'$task':{'id':'d','function':'hold'}}]}");
    await_progress(server, "d", 1);
    server_signal(server, SIGTERM);
    eventually(is_draining(server));
    release(s, "d", "7");
    assert_int_equal(server_wait(server), 0);
    server = server_start(s, "%s", "");
    expect_json(get(server, "/v1/tasks/m/result?wait=19"), "args", "[7]");
    expect_number(task(server, "d"), "attempt", 1);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(drains),
        RUN(nothing_new_starts),
        RUN(counts_what_is_left),
        RUN(requeues),
        RUN(requeues_many_times),
        RUN(cancels),
        RUN(streams_end),
        RUN(second_signal_hurries),
        RUN(waiting_clients),
        RUN(metas_go_on_after_it),
    };
    return RUN_SCENARIOS("shutdown", table);
}
