/* Section 4: PUT …/result: a task that is ended from outside. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

static struct reply *put(struct server *server, const char *id, const char *value)
{
    return call(server, .method = "PUT", .path = text(server->scenario, "/v1/tasks/%s/result", id),
                .body = value);
}

/* 4: what has not started ends with that result, is told as any success, and never starts. */
SCENARIO(not_yet_started)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'gate','function':'hold'}");
    await_progress(server, "gate", 1);
    create(server, "{'id':'queued','function':'hold','notify_channels':['queued']}");
    create(server,
           "{'id':'scheduled','function':'hold','delay':3600,'notify_channels':['scheduled']}");
    create(server, "{'id':'waiting','process':'collect','args':[{'$task':'gate'}],"
                   "'notify_channels':['waiting']}");
    const char *const ids[] = {"queued", "scheduled", "waiting"};
    for (int i = 0; i < 3; i++) {
        note(s, "%s", ids[i]);
        expect_state(server, ids[i], ids[i]);
        struct reply *reply = put(server, ids[i], "{\"x\":[1]}");
        expect_status(reply, 200);
        expect_text(reply, "id", ids[i]);
        expect_text(reply, "state", "succeeded");
        expect_null(reply, "error");
        expect_null(reply, "started_at");
        assert_true(json_time(reply, "finished_at") > 0);
        expect_result(server, ids[i], "{'x':[1]}");
        struct events events = channel_so_far(server, ids[i]);
        assert_int_equal(events.count, 2);
        expect_json(find_event(&events, "task.succeeded", ids[i]), "result", "{'x':[1]}");
    }
    release(s, "gate", "1");
    expect_result(server, "gate", "1");
    expect_number(task(server, "queued"), "attempt", 0);
}

/* 4: a process that runs is killed at once, with all that it started, TERM or not. */
SCENARIO(running)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1 --grace 3600");
    create(server, "{'id':'a','function':'stubborn','notify_channels':['x']}");
    create(server, "{'id':'next','function':'cat'}");
    await_progress(server, "a", 1);
    int parent = folder_pid(s, "a.pids", 0), child = folder_pid(s, "a.pids", 1);
    struct reply *reply = put(server, "a", "7");
    expect_status(reply, 200);
    expect_text(reply, "state", "succeeded");
    expect_result(server, "a", "7");
    eventually(!process_alive(parent) && !process_alive(child));
    expect_outcome(server, "next", "succeeded");
    expect_result(server, "a", "7");
    assert_string_equal(story_of(server, "x"), "created a, started a, progress a, succeeded a");
    expect_status(get(server, "/v1/tasks/a/logs"), 200);
}

/* 4: a built-in that runs, and one that backs off, end so too. */
SCENARIO(running_builtin)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'sleep','args':[3600]}");
    create(server, "{'id':'b','function':'fail','max_attempts':2,"
                   "'backoff':{'initial':3600,'max':3600}}");
    await_state(server, "a", "running");
    await_state(server, "b", "scheduled");
    expect_status(put(server, "a", "1"), 200);
    expect_status(put(server, "b", "2"), 200);
    expect_result(server, "a", "1");
    expect_result(server, "b", "2");
    expect_null(task(server, "b"), "error");
}

/* 4: a result from outside ends a dependency like one of its own. */
SCENARIO(dependency)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'t','process':'collect','args':[{'$task':{'id':'m','process':'collect',"
                   "'args':[{'$task':{'id':'d','function':'echo','delay':3600}}]}}]}");
    expect_state(server, "t", "waiting");
    expect_status(put(server, "d", "{\"x\":[1]}"), 200);
    expect_result(server, "t", "[[{'x':[1]}]]");
}

/* 4 and 5.3: a meta-task that is given its result needs nothing any more. */
SCENARIO(waiting_meta)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'mine','function':'echo','delay':3600}");
    create(server,
           "{'id':'n','process':'collect','args':[{'$task':{'id':'runs','function':'hold'}},"
           "{'$task':'mine'},{'$task':{'id':'in','process':'collect','args':["
           "{'$task':{'id':'later','function':'echo','delay':3600}}]}}]}");
    await_progress(server, "runs", 1);
    int pid = folder_pid(s, "runs.pids", 0);
    expect_status(put(server, "n", "7"), 200);
    expect_result(server, "n", "7");
    const char *const unwanted[] = {"runs", "in", "later"};
    for (int i = 0; i < 3; i++) {
        note(s, "%s", unwanted[i]);
        expect_outcome(server, unwanted[i], "cancelled");
    }
    assert_false(process_alive(pid));
    expect_state(server, "mine", "scheduled");
}

/* 4: nor does it matter then that the first of several that would do has failed. */
SCENARIO(waiting_for_any)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','wait_for':'any','args':["
                   "{'$task':{'id':'bad','function':'fail'}},"
                   "{'$task':{'id':'other','function':'echo','delay':3600}}]}");
    expect_outcome(server, "bad", "failed");
    expect_status(put(server, "m", "7"), 200);
    struct sse *sse = sse_open(server, "/v1/tasks/m/events");
    assert_null(strstr(await_event(sse, "task.succeeded", "m")->line, "caused_by"));
    expect_text(expect_outcome(server, "other", "cancelled"), "error.caused_by", "m");
}

/* 4: what has ended has its result, or its error, for good. */
SCENARIO(already_ended)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'good','function':'echo','args':[1]}");
    create(server, "{'id':'bad','function':'fail','args':['no']}");
    create(server, "{'id':'gone','function':'echo','delay':3600}");
    cancel(server, "gone", NULL);
    const char *const ids[] = {"good", "bad", "gone"};
    for (int i = 0; i < 3; i++) {
        note(s, "%s", ids[i]);
        const char *before = finished(server, ids[i])->body.text;
        expect_problem(put(server, ids[i], "7"), 409, "task-finished");
        assert_string_equal(task(server, ids[i])->body.text, before);
    }
    expect_result(server, "good", "1");
    expect_problem(put(server, "nobody", "7"), 404, "not-found");
}

/* 5.3: after it was asked to die, cancel wins, over a result from outside too. */
SCENARIO(asked_to_die)
{
    functions_standard(s);
    struct server *server = server_start(s, "--grace 3600");
    create(server, "{'id':'a','function':'stubborn'}");
    await_progress(server, "a", 1);
    expect_status(cancel(server, "a", NULL), 202);
    expect_problem(put(server, "a", "7"), 409, "task-finished");
    expect_state(server, "a", "running");
    server_kill9(server);
}

/* 4: of many writers at the same moment the first one wins, and only that one. */
SCENARIO(first_write_wins)
{
    enum { MANY = 12 };
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    static const char *const ids[] = {"later", "runs"};
    create(server, "{'id':'later','function':'echo','delay':3600,'notify_channels':['x']}");
    create(server, "{'id':'runs','function':'hold','notify_channels':['x']}");
    await_progress(server, "runs", 1);
    for (int round = 0; round < 2; round++) {
        note(s, "%s", ids[round]);
        struct request requests[MANY];
        for (int i = 0; i < MANY; i++)
            requests[i] = (struct request){.method = "PUT",
                                           .path = text(s, "/v1/tasks/%s/result", ids[round]),
                                           .body = text(s, "{\"writer\":%d}", i)};
        struct reply **replies = call_together(server, requests, MANY);
        assert_int_equal(count_status(replies, MANY, 200), 1);
        for (int i = 0; i < MANY; i++) {
            if (replies[i]->status == 200)
                expect_result(server, ids[round], text(s, "{'writer':%d}", i));
            else
                expect_problem(replies[i], 409, "task-finished");
        }
    }
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.succeeded", "later"), 1);
    assert_int_equal(count_events(&events, "task.succeeded", "runs"), 1);
}

/* 4.10: the limit is that of results, not that of bodies. */
SCENARIO(sizes)
{
    struct server *server = server_start(s, "--max-body 500 --max-result 2000");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    create(server, "{'id':'b','function':'echo','delay':3600}");
    expect_problem(put(server, "a", text(s, "\"%01999d\"", 0)), 413, "body-too-large");
    expect_state(server, "a", "scheduled");
    expect_status(put(server, "a", text(s, "\"%01998d\"", 0)), 200);
    assert_int_equal(strlen(json_text(get(server, "/v1/tasks/a/result"), "")), 1998);
    expect_status(put(server, "b", "1"), 200);
}

/* 2.2 and 4: the body is one JSON value; what is none changes nothing. */
SCENARIO(bodies)
{
    static const char *const bad[] = {"{",   "",    "01",       "[1,]",         "1 2",
                                      "nul", "'x'", "\"\377\"", "\357\273\2771"};
    static const char *const good[] = {"null",
                                       "false",
                                       "0",
                                       "\"\"",
                                       " [ ] ",
                                       "12345678901234567890",
                                       "[0.10,1E400,-0]",
                                       "{\"b\":1,\"a\":\"\\u0000\\ud800\",\"b\":2}"};
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i]);
        expect_problem(put(server, "a", bad[i]), 400, "malformed-json");
    }
    const char *open = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["; /* 32 */
    const char *shut = "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";
    const char *deep = text(s, "%s%s%s%s%s%s%s%s", open, open, open, open, shut, shut, shut, shut);
    expect_problem(put(server, "a", text(s, "[%s]", deep)), 400, NULL);
    struct reply *typed = call(server, .method = "PUT", .path = "/v1/tasks/a/result", .body = "7",
                               .type = "text/plain");
    expect_problem(typed, 415, "unsupported-media-type");
    expect_state(server, "a", "scheduled");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        note(s, "%s", good[i]);
        const char *id = create(server, "{'function':'echo','delay':3600}");
        expect_status(put(server, id, good[i]), 200);
        expect_exact(get(server, "/v1/tasks/%s/result", id), "", good[i]);
    }
    expect_status(put(server, "a", deep), 200);
    expect_result(server, "a", deep);
}

/* 3.1: such a result is read once, or not kept, as any other. */
SCENARIO(access_to_it)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600,'result_access':'once'}");
    create(server, "{'id':'b','function':'echo','delay':3600,'result_access':'discard'}");
    expect_status(put(server, "a", "7"), 200);
    expect_status(put(server, "b", "7"), 200);
    expect_result(server, "a", "7");
    expect_problem(get(server, "/v1/tasks/a/result"), 410, "result-gone");
    expect_problem(get(server, "/v1/tasks/b/result"), 410, "result-gone");
}

/* 5.7: it is there after a crash, and what ran does not run again. */
SCENARIO(across_a_crash)
{
    functions_standard(s);
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'held'}");
    await_progress(server, "a", 1);
    int pid = folder_pid(s, "a.pids", 0);
    expect_status(put(server, "a", "7"), 200);
    server_kill9(server);
    server = server_start(s, "%s", "");
    expect_result(server, "a", "7");
    eventually(!process_alive(pid));
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    assert_int_equal(count_runs(s, "a"), 1);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(not_yet_started),  RUN(running),         RUN(running_builtin), RUN(dependency),
        RUN(waiting_meta),     RUN(waiting_for_any), RUN(already_ended),   RUN(asked_to_die),
        RUN(first_write_wins), RUN(sizes),           RUN(bodies),          RUN(access_to_it),
        RUN(across_a_crash),
    };
    return RUN_SCENARIOS("outside", table);
}
