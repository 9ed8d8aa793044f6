/* Sections 4.9 and 3.4: how leases are kept and how they end. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"
#include "tests/api/lib/sse.h"

/* --- renewing ------------------------------------------------------------------------- */

/* 4.9: heartbeats keep it, each for another ttl. */
SCENARIO(heartbeats_renew)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    struct reply *reply = lease(server, "{'functions':['a'],'ttl':1}");
    const char *token = json_text(reply, "leases.0.lease");
    int64_t first = json_time(reply, "leases.0.expires_at"), last = first;
    struct patience patience = patience_begin();
    while (last < first + 1500) { /* without one it would be over by now */
        reply = heartbeat(server, token, NULL);
        expect_status(reply, 200);
        expect_json(reply, "cancel", "false");
        assert_true(json_time(reply, "expires_at") >= last);
        last = json_time(reply, "expires_at");
        patience_more(&patience, "the lease reaches further", HERE);
    }
    expect_number(task(server, "x"), "attempt", 1);
    expect_status(lease_result(server, token, "1"), 200);
}

/* 4.9: one that is not renewed is interrupted and tried again; what its worker says is too late. */
SCENARIO(expires_and_is_fenced_off)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a','max_attempts':1,'notify_channels':['c']}");
    const char *old = lease_for(server, "a", "1");
    heartbeat(server, old, "{'progress':5}");
    await_state(server, "x", "queued");
    expect_over(server, old, "x");
    struct reply *reply = lease(server, "{'functions':['a']}");
    expect_number(reply, "leases.0.task.attempt", 2);
    expect_null(reply, "leases.0.task.error");
    expect_null(reply, "leases.0.task.progress");
    const char *young = json_text(reply, "leases.0.lease");
    expect_over(server, old, "x");
    expect_state(server, "x", "running");
    expect_status(lease_result(server, young, "2"), 200);
    expect_over(server, old, "x");
    expect_over(server, young, "x");
    expect_result(server, "x", "2");
    assert_string_equal(story_of(server, "c"),
                        "created x, started x, progress x, started x, succeeded x");
}

/* 4.9: who waits for something to lease gets it when another's lease is over. */
SCENARIO(expiry_wakes_who_waits)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    lease_for(server, "a", "1");
    struct reply *reply = lease(server, "{'functions':['a'],'wait':60}");
    expect_number(reply, "leases.0.task.attempt", 2);
}

/* 3.4: the third worker that vanishes is the last, whatever the attempts. */
SCENARIO(third_one_fails)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a','max_attempts':100}");
    for (int i = 0; i < 3; i++)
        lease_for(server, "a", "1");
    struct reply *reply = expect_failure(server, "x", "interrupted");
    expect_number(reply, "attempt", 3);
    expect_number(reply, "error.attempt", 3);
}

/* 2: on_interrupt fail is for a vanished worker too. */
SCENARIO(fails_when_interrupted)
{
    functions_remote(s, "a", "'on_interrupt':'fail'");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a','max_attempts':100}");
    const char *token = lease_for(server, "a", "1");
    expect_number(expect_failure(server, "x", "interrupted"), "attempt", 1);
    expect_over(server, token, "x");
    create(server, "{'id':'y','function':'a'}");
    lease_error(server, lease_one(server, "a"), "{'code':'interrupted','message':'moving'}");
    expect_text(expect_failure(server, "y", "interrupted"), "error.message", "moving");
}

/* --- what the worker says ------------------------------------------------------------------ */

/* 4.9 and 3.4: an error is a failed attempt; data and log lines are in the task's log. */
SCENARIO(errors)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a','max_attempts':2,'backoff':{'initial':0.01},"
                   "'notify_channels':['c']}");
    const char *token = lease_one(server, "a");
    expect_status(heartbeat(server, token, "{'log':['one','two\\nthree']}"), 200);
    struct reply *reply =
        lease_error(server, token,
                    "{'code':'worker-lost','message':'once','data':{'at': [1, 2]},'retry':true}");
    expect_status(reply, 200);
    expect_json(reply, "", "{'id':'x','state':'scheduled'}");
    const char *old = token;
    token = lease_one(server, "a");
    expect_over(server, old, "x");
    reply = lease_error(server, token, "{'message':'twice'}");
    expect_json(reply, "", "{'id':'x','state':'failed'}");
    reply = expect_failure(server, "x", "function-error");
    expect_text(reply, "error.message", "twice");
    expect_number(reply, "error.attempt", 2);
    expect_over(server, token, "x");
    struct events events = channel_so_far(server, "c");
    struct event *retrying = find_event(&events, "task.retrying", "x");
    expect_text(retrying, "error.code", "worker-lost");
    expect_text(retrying, "error.message", "once");
    const char *log = get(server, "/v1/tasks/x/logs")->body.text;
    const char *lines[] = {" log one\n", " log two\n", " log three\n", " data {\"at\":[1,2]}\n"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s in %s", lines[i], log);
        assert_non_null(strstr(log, lines[i]));
    }
}

/* 4.9: retry false is the end, whatever attempts are left. */
SCENARIO(no_retry)
{
    functions_remote(s, "a", "'max_attempts':5");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'x'}]}");
    lease_error(server, lease_one(server, "a"), "{'code':'invalid-result','retry':false}");
    expect_number(expect_failure(server, "x", "invalid-result"), "attempt", 1);
    expect_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by", "x");
}

/* A worker that has to go gives its task back: that is no failure, and does not count as one of
 * three interruptions. */
SCENARIO(given_back)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    for (int i = 0; i < 5; i++) {
        const char *token = lease_one(server, "a");
        expect_text(lease_error(server, token, "{'code':'interrupted'}"), "state", "queued");
        expect_over(server, token, "x");
    }
    lease_result(server, lease_one(server, "a"), "1");
    expect_number(task(server, "x"), "attempt", 6);
    expect_result(server, "x", "1");
}

/* 5.5: what runs for ever is run again. */
SCENARIO(runs_for_ever)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a','forever':true}");
    const char *token = lease_one(server, "a");
    expect_text(lease_result(server, token, "1"), "state", "scheduled");
    const char *old = token;
    token = lease_one(server, "a");
    expect_over(server, old, "x");
    expect_number(task(server, "x"), "restarts", 1);
    expect_text(lease_error(server, token, "{}"), "state", "scheduled");
    expect_json(cancel(server, "x", NULL), "cancelled", "true");
    expect_state(server, "x", "cancelled");
}

/* 5.2: more than 50 reports a second are thinned, and the last one before the end is told. */
SCENARIO(progress_is_thinned)
{
    enum { REPORTS = 90 };
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a','notify_channels':['c']}");
    const char *token = lease_one(server, "a");
    int64_t begin = now_ms();
    for (int i = 1; i <= REPORTS; i++)
        heartbeat(server, token, text(s, "{'progress':%d}", i));
    int64_t seconds = (now_ms() - begin) / 1000 + 1;
    await_progress(server, "x", REPORTS); /* told when there is room, without another heartbeat */
    for (int i = 0; i < REPORTS; i++)
        heartbeat(server, token, text(s, "{'progress':%d.5}", i));
    heartbeat(server, token, "{'progress':100,'message':'last'}");
    seconds += (now_ms() - begin) / 1000 + 2;
    lease_result(server, token, "1");
    struct events events = channel_so_far(server, "c");
    int told = count_events(&events, "task.progress", "x");
    note(s, "%d told in %d seconds", told, (int)seconds);
    assert_true(told <= 50 * seconds);
    struct event *last = events.at[events.count - 2];
    expect_text(last, "type", "task.progress");
    expect_json(last, "progress", "{'value':100,'message':'last'}");
    expect_json(task(server, "x"), "progress", "{'value':100,'message':'last'}");
    double before = -1;
    for (int i = 0; i < events.count - 2; i++) {
        if (strcmp(events.at[i]->type, "task.progress") != 0)
            continue;
        double value = json_number(events.at[i], "progress.value");
        assert_true(value > before || value < 50); /* in order, in each of the two runs */
        before = value;
    }
}

/* 4.9: 422 with the place; the lease stays as it is. */
SCENARIO(bad_calls)
{
    static const struct {
        const char *what, *body, *pointer;
    } rows[] = {
        {"heartbeat", "[]", ""},
        {"heartbeat", "{'progress':-1}", "/progress"},
        {"heartbeat", "{'progress':100.1}", "/progress"},
        {"heartbeat", "{'progress':'1'}", "/progress"},
        {"heartbeat", "{'progress':1,'message':1}", "/message"},
        {"heartbeat", "{'message':'alone'}", "/message"},
        {"heartbeat", "{'log':'line'}", "/log"},
        {"heartbeat", "{'log':['line',1]}", "/log/1"},
        {"heartbeat", "{'ttl':1}", "/ttl"},
        {"error", "1", ""},
        {"error", "{'code':'nope'}", "/code"},
        {"error", "{'code':1}", "/code"},
        {"error", "{'code':'exit-status'}", "/code"},
        {"error", "{'code':'dependency-failed'}", "/code"},
        {"error", "{'code':'cancelled'}", "/code"}, /* nobody asked for it */
        {"error", "{'message':1}", "/message"},
        {"error", "{'retry':1}", "/retry"},
        {"error", "{'again':true}", "/again"},
    };
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    const char *token = lease_one(server, "a");
    const char *before = task(server, "x")->body.text;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s %s", rows[i].what, rows[i].body);
        struct reply *reply = *rows[i].what == 'h' ? heartbeat(server, token, rows[i].body)
                                                   : lease_error(server, token, rows[i].body);
        expect_pointer(reply, rows[i].pointer);
    }
    assert_string_equal(before, task(server, "x")->body.text);
    expect_text(get(server, "/v1/tasks/x"), "state", "running");
    expect_status(heartbeat(server, token, "{'progress':null,'message':null,'log':null}"), 200);
    expect_status(lease_error(server, token, "{'code':null,'message':null,'retry':null}"), 200);
    expect_failure(server, "x", "function-error");
}

/* --- ended by others ---------------------------------------------------------------------- */

/* 5.3: the heartbeat says so; the worker answers, and then it is cancelled: not before, and
 * whatever it answers. */
SCENARIO(cancelled_by_its_worker)
{
    static const char *const answers[] = {"cancelled", "function-error", "interrupted", NULL};
    functions_remote(s, "a", "'max_attempts':5");
    struct server *server = server_start(s, "--grace 60");
    for (int i = 0; i < 4; i++) {
        const char *id = text(s, "x%d", i);
        note(s, "%s", answers[i] ? answers[i] : "a result");
        create(server, "{'id':'%s','function':'a','notify_channels':['%s']}", id, id);
        const char *token = lease_one(server, "a");
        expect_json(heartbeat(server, token, "{}"), "cancel", "false");
        struct reply *reply = cancel(server, id, NULL);
        expect_status(reply, 202);
        expect_text(reply, "state", "running");
        expect_json(reply, "cancel_requested", "true");
        expect_json(heartbeat(server, token, "{}"), "cancel", "true");
        expect_json(heartbeat(server, token, "{'progress':9}"), "cancel", "true");
        expect_state(server, id, "running");
        reply = answers[i] ? lease_error(server, token, text(s, "{'code':'%s'}", answers[i]))
                           : lease_result(server, token, "1");
        expect_status(reply, 200);
        expect_text(reply, "state", "cancelled");
        expect_text(expect_state(server, id, "cancelled"), "error.code", "cancelled");
        assert_string_equal(story_of(server, id), text(s,
                                                       "created %s, started %s, progress %s, "
                                                       "cancelled %s",
                                                       id, id, id, id));
        expect_over(server, token, id);
    }
}

/* 5.3: a worker that was told and does not answer has the grace of its function. */
SCENARIO(cancelled_after_the_grace)
{
    functions_remote(s, "a", "'grace':0.2");
    struct server *server = server_start(s, "--grace 60");
    create(server, "{'id':'x','function':'a'}");
    const char *token = lease_for(server, "a", "3600");
    expect_status(cancel(server, "x", NULL), 202);
    int64_t begin = now_ms();
    expect_json(heartbeat(server, token, "{}"), "cancel", "true");
    expect_outcome(server, "x", "cancelled");
    assert_in_range(now_ms() - begin, 199, DEADLINE_MS);
    expect_over(server, token, "x");
}

/* 5.3: and one that says nothing has the rest of its lease. */
SCENARIO(cancelled_when_it_expires)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "--grace 60");
    create(server, "{'id':'x','function':'a'}");
    const char *token = lease_for(server, "a", "1");
    expect_status(cancel(server, "x", NULL), 202);
    expect_state(server, "x", "running");
    expect_number(expect_outcome(server, "x", "cancelled"), "attempt", 1);
    expect_over(server, token, "x");
}

/* 5.1 and 5.3: what a meta-task alone wanted is cancelled with it, elsewhere too. */
SCENARIO(unwanted_dependency)
{
    functions_remote(s, "a b", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':["
                   "{'$task':{'id':'x','function':'a'}},{'$task':{'id':'y','function':'b'}}]}");
    const char *x = lease_one(server, "a"), *y = lease_one(server, "b");
    lease_error(server, y, "{'message':'no'}");
    expect_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by", "y");
    expect_json(heartbeat(server, x, "{}"), "cancel", "true");
    lease_error(server, x, "{'code':'cancelled'}");
    expect_state(server, "x", "cancelled");
}

/* 3.4: the time of an attempt begins with the lease; when it is over the attempt has failed, and
 * its worker hears that it is to stop. */
SCENARIO(takes_too_long)
{
    functions_remote(s, "a", "'timeout':0.3");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a','max_attempts':2,'backoff':{'initial':0.01}}");
    int64_t begin = now_ms();
    const char *first = lease_for(server, "a", "60");
    expect_json(heartbeat(server, first, "{}"), "cancel", "false");
    const char *second = lease_for(server, "a", "60");
    assert_in_range(now_ms() - begin, 299, DEADLINE_MS);
    expect_json(heartbeat(server, first, "{'progress':3}"), "cancel", "true");
    expect_problem(lease_result(server, first, "1"), 409, "task-finished");
    expect_null(task(server, "x"), "progress");
    struct reply *reply = expect_failure(server, "x", "timeout");
    expect_number(reply, "attempt", 2);
    expect_json(heartbeat(server, second, "{}"), "cancel", "true");
    expect_problem(lease_error(server, second, "{}"), 409, "task-finished");
    assert_string_equal(reply->body.text, task(server, "x")->body.text);
}

/* 4: a result from outside ends it; the slots do not suffer. */
SCENARIO(ended_from_outside)
{
    functions_remote(s, "a", "");
    function_file(s, "cat.sh", "#!/bin/sh\ncat\n");
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'x','function':'a'}");
    const char *token = lease_one(server, "a");
    expect_status(call(server, .method = "PUT", .path = "/v1/tasks/x/result", .body = "7"), 200);
    expect_result(server, "x", "7");
    expect_over(server, token, "x");
    create(server, "{'id':'y','function':'cat'}");
    expect_outcome(server, "y", "succeeded");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(heartbeats_renew),
        RUN(expires_and_is_fenced_off),
        RUN(expiry_wakes_who_waits),
        RUN(third_one_fails),
        RUN(fails_when_interrupted),
        RUN(errors),
        RUN(no_retry),
        RUN(given_back),
        RUN(runs_for_ever),
        RUN(progress_is_thinned),
        RUN(bad_calls),
        RUN(cancelled_by_its_worker),
        RUN(cancelled_after_the_grace),
        RUN(cancelled_when_it_expires),
        RUN(unwanted_dependency),
        RUN(takes_too_long),
        RUN(ended_from_outside),
    };
    return RUN_SCENARIOS("lease_ends", table);
}
