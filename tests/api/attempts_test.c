/* Section 3.4: attempts, backoff, timeouts. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* Succeeds at its third attempt; writes each one down. */
static void flaky(struct scenario *s)
{
    function_file(s, "flaky.sh",
                  "#!/bin/sh\n"
                  "echo $ERRAND_ATTEMPT >>../scratch/attempts\n"
                  "echo \"attempt $ERRAND_ATTEMPT\" >&2\n"
                  "[ $ERRAND_ATTEMPT -ge 3 ] || exit $((10 + ERRAND_ATTEMPT))\n"
                  "echo $ERRAND_ATTEMPT\n");
}

/* 3.4: a failure with attempts left is retried; `attempt` counts starts. */
SCENARIO(third_time_lucky)
{
    flaky(s);
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?task=a");
    create(server, "{'id':'a','function':'flaky','max_attempts':5,"
                   "'backoff':{'initial':0.01,'factor':1}}");
    expect_story(sse, "created a, started a");
    struct event *retrying = expect_event(sse, "task.retrying", "a");
    expect_text(retrying, "state", "scheduled");
    expect_number(retrying, "attempt", 1);
    expect_text(retrying, "error.code", "exit-status");
    expect_number(retrying, "error.exit_status", 11);
    expect_number(expect_event(sse, "task.started", "a"), "attempt", 2);
    expect_story(sse, "retrying a, started a, succeeded a");
    struct reply *reply = expect_outcome(server, "a", "succeeded");
    expect_number(reply, "attempt", 3);
    expect_number(reply, "max_attempts", 5);
    expect_null(reply, "error");
    expect_result(server, "a", "3");
    assert_string_equal(folder_read(s, "scratch/attempts"), "1\n2\n3");
}

/* 3.4: only the last failure is `failed`. */
SCENARIO(out_of_attempts)
{
    flaky(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'flaky','max_attempts':2,'backoff':{'initial':0.01}}");
    struct reply *reply = expect_failure(server, "a", "exit-status");
    expect_number(reply, "error.exit_status", 12);
    expect_number(reply, "error.attempt", 2);
    expect_text(reply, "error.message", "attempt 2");
    struct sse *sse = sse_open(server, "/v1/tasks/a/events");
    expect_story(sse, "created a, started a, retrying a, started a, failed a");
    expect_end(sse);
}

/* 3.1 and 2: one attempt by default; the manifest's are the defaults, and a task may say otherwise.
 */
SCENARIO(defaults)
{
    function_file(s, "bad.sh", "#!/bin/sh\nexit 1\n");
    function_file(s, "worse.sh", "#!/bin/sh\nexit 1\n");
    function_manifest(s, "worse.json",
                      "{'max_attempts':3,'backoff':{'initial':0.01,'factor':1,'max':1}}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'one','function':'bad'}");
    create(server, "{'id':'three','function':'worse'}");
    create(server, "{'id':'two','function':'worse','max_attempts':2}");
    expect_number(expect_failure(server, "one", "exit-status"), "attempt", 1);
    expect_number(expect_failure(server, "three", "exit-status"), "attempt", 3);
    expect_number(expect_failure(server, "two", "exit-status"), "attempt", 2);
}

/* 3.2 and 3.4: while it backs off it is scheduled, holds no slot, and can be cancelled. */
SCENARIO(backing_off)
{
    function_file(s, "bad.sh", "#!/bin/sh\nexit 1\n");
    struct server *server = server_start(s, "--slots 1");
    create(server,
           "{'id':'a','function':'bad','max_attempts':2,'backoff':{'initial':3000,'max':3000}}");
    struct reply *reply = await_state(server, "a", "scheduled");
    expect_number(reply, "attempt", 1);
    assert_true(json_time(reply, "run_at") - json_time(reply, "created_at") > 1000 * 1000);
    expect_failure(server, create(server, "{'function':'bad'}"), "exit-status");
    expect_json(cancel(server, "a", NULL), "cancelled", "true");
    expect_state(server, "a", "cancelled");
}

/* 2: the backoff grows by `factor` and never past `max`. */
SCENARIO(backoff_grows)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'fail','args':['no'],'max_attempts':4,"
                   "'backoff':{'initial':0.05,'factor':1000,'max':0.1}}");
    int64_t begin = now_ms();
    expect_number(expect_failure(server, "a", "function-error"), "attempt", 4);
    assert_true(now_ms() - begin < DEADLINE_MS / 2);
}

/* 3.4: built-ins are tried again too. */
SCENARIO(builtins)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'fail','args':['no'],'max_attempts':3,"
                   "'backoff':{'initial':0}}");
    expect_number(expect_failure(server, "a", "function-error"), "attempt", 3);
}

/* 3.4: `timeout` kills the attempt: TERM, grace, KILL; the whole group. */
SCENARIO(timeout)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1 --grace 0.1");
    create(server, "{'id':'soft','function':'hold','timeout':0.2}");
    struct reply *reply = expect_failure(server, "soft", "timeout");
    expect_number(reply, "attempt", 1);
    assert_true(json_time(reply, "finished_at") - json_time(reply, "started_at") >= 195);
    create(server, "{'id':'hard','function':'stubborn','timeout':1}");
    int parent = folder_pid(s, "hard.pids", 0), child = folder_pid(s, "hard.pids", 1);
    expect_failure(server, "hard", "timeout");
    assert_false(process_alive(parent));
    eventually(!process_alive(child));
    expect_problem(get(server, "/v1/tasks/hard/result"), 409, "task-failed");
}

/* 3.4: it counts as a failure, so it is tried again. */
SCENARIO(timeout_is_retried)
{
    function_file(s, "slow.sh",
                  "#!/bin/sh\n"
                  "[ $ERRAND_ATTEMPT -eq 1 ] && sleep 300\n"
                  "echo $ERRAND_ATTEMPT\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'slow','timeout':1,'max_attempts':2,"
                   "'backoff':{'initial':0.01}}");
    expect_result(server, "a", "2");
    struct sse *sse = sse_open(server, "/v1/tasks/a/events");
    expect_story(sse, "created a, started a");
    expect_text(expect_event(sse, "task.retrying", "a"), "error.code", "timeout");
}

/* 2 and 3.4: the manifest's timeout, for each attempt; a task that is quick enough is left alone.
 */
SCENARIO(timeout_of_a_manifest)
{
    functions_standard(s);
    function_manifest(s, "hold.json", "{'timeout':0.2}");
    function_manifest(s, "cat.json", "{'timeout':60}");
    struct server *server = server_start(s, "%s", "");
    expect_failure(server, create(server, "{'function':'hold'}"), "timeout");
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
}

/* 3.4: built-ins have timeouts as well; waiting in the queue does not count. */
SCENARIO(timeout_counts_from_the_start)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    expect_failure(server, create(server, "{'function':'sleep','args':[300],'timeout':0.1}"),
                   "timeout");
    create(server, "{'id':'gate','function':'hold'}");
    await_progress(server, "gate", 1);
    create(server, "{'id':'patient','function':'cat','timeout':5,'delay':0}");
    create(server, "{'id':'later','function':'sleep','args':[0],'timeout':0.2,'delay':0.4}");
    expect_result(server, "later", "0");
    release(s, "gate", "1");
    expect_outcome(server, "patient", "succeeded");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(third_time_lucky),
        RUN(out_of_attempts),
        RUN(defaults),
        RUN(backing_off),
        RUN(backoff_grows),
        RUN(builtins),
        RUN(timeout),
        RUN(timeout_is_retried),
        RUN(timeout_of_a_manifest),
        RUN(timeout_counts_from_the_start),
    };
    return RUN_SCENARIOS("attempts", table);
}
