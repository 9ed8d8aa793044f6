/* Section 5.6: tasks whose failure ends the server. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/*
 *   broken  says three things and exits with 3
 *   flaky   fails at its first attempt only
 */
static void functions_that_break(struct scenario *s)
{
    functions_standard(s);
    function_file(s, "broken.sh",
                  "#!/bin/sh\n"
                  "echo the first sign >&2\n"
                  "echo the second sign >&2\n"
                  "echo out of order >&2\n"
                  "echo 7\n"
                  "exit 3\n");
    function_file(s, "flaky.sh", "#!/bin/sh\n[ $ERRAND_ATTEMPT -gt 1 ] || exit 3\necho 7\n");
}

/* The server has ended with 1, and has said why. */
static void expect_guarded_end(struct server *server, const char *words)
{
    assert_int_equal(server_wait(server), 1);
    const char *log = server_log(server);
    if (!strstr(log, text(server->scenario, "guarded task failed: %s", words)))
        fail_at(HERE, "no `guarded task failed: %s` in the log:\n%s", words, log);
}

/* 5.6: only with --allow-guard; otherwise 403 with the place, and nothing is stored. */
SCENARIO(not_allowed)
{
    static const struct {
        const char *body, *pointer;
    } rows[] = {
        {"{'function':'echo','guard':true}", "/guard"},
        {"[{'function':'echo'},{'function':'echo','guard':true}]", "/1/guard"},
        {"{'process':'collect','args':[{'$task':{'function':'echo','guard':true}}]}",
         "/args/0/$task/guard"},
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].body);
        struct reply *reply =
            call(server, .path = "/v1/tasks", .body = requote(text(s, "%s", rows[i].body)));
        expect_problem(reply, 403, "guard-disabled");
        expect_text(reply, "errors.0.pointer", rows[i].pointer);
    }
    expect_pointer(post(server, "/v1/tasks", "{'function':'echo','guard':'yes'}"), "/guard");
    assert_int_equal(count_tasks(server, ""), 0);
    create(server, "{'id':'a','function':'fail','args':['no'],'guard':false}");
    expect_failure(server, "a", "function-error");
}

/* 5.6: the failure is committed and told, the log has the last lines, the server exits with 1. */
SCENARIO(failure_ends_the_server)
{
    functions_that_break(s);
    struct server *server = server_start(s, "--allow-guard");
    struct sse *sse = sse_open(server, "/v1/events?task=a");
    create(server, "{'id':'a','function':'broken','guard':true}");
    expect_story(sse, "created a, started a");
    struct event *told = expect_event(sse, "task.failed", "a");
    expect_text(told, "error.code", "exit-status");
    expect_number(told, "error.exit_status", 3);
    expect_absent(told, "safe_exit");
    expect_end(sse);
    expect_guarded_end(server, "broken a: out of order");
    const char *log = server_log(server);
    const char *end = strstr(log, "guarded task failed:");
    static const char *const lines[] = {"the first sign", "the second sign", "out of order"};
    for (int i = 0; i < 3; i++) {
        note(s, "%s", lines[i]);
        const char *line = strstr(log, lines[i]);
        assert_non_null(line);
        assert_true(line < end);
    }
    server = server_start(s, "--allow-guard");
    struct reply *after = expect_state(server, "a", "failed");
    expect_text(after, "error.message", "out of order");
    expect_number(after, "attempt", 1);
    sse = sse_open(server, "/v1/tasks/a/events");
    expect_story(sse, "created a, started a, failed a");
    expect_end(sse);
}

/* 5.6 and 5.7: it is a shutdown in order: nothing else is lost, and it is no interruption. */
SCENARIO(others_go_on_later)
{
    functions_that_break(s);
    struct server *server = server_start(s, "--allow-guard --slots 2 --drain 0");
    create(server, "{'id':'runs','function':'stubborn'}");
    await_progress(server, "runs", 1);
    int parent = folder_pid(s, "runs.pids", 0), child = folder_pid(s, "runs.pids", 1);
    expect_status(post(server, "/v1/tasks",
                       "[{'id':'a','function':'broken','guard':true,'priority':1},"
                       "{'id':'later','function':'echo','args':[7],'delay':1}]"),
                  201);
    expect_guarded_end(server, "broken a: out of order");
    assert_false(process_alive(parent));
    eventually(!process_alive(child));
    server = server_start(s, "--allow-guard --slots 2 --grace 0.1");
    expect_state(server, "a", "failed");
    expect_result(server, "later", "7");
    await_state(server, "runs", "running");
    cancel(server, "runs", NULL);
    expect_outcome(server, "runs", "cancelled");
}

/* 5.6: what fails without a guard, and what succeeds with one, ends nothing. */
SCENARIO(what_does_not_count)
{
    functions_that_break(s);
    struct server *server = server_start(s, "--allow-guard");
    create(server, "{'id':'a','function':'broken'}");
    create(server, "{'id':'b','function':'echo','args':[7],'guard':true}");
    expect_failure(server, "a", "exit-status");
    expect_result(server, "b", "7");
    expect_result(server, create(server, "{'function':'echo','args':[8]}"), "8");
    expect_status(get(server, "/readyz"), 200);
    assert_int_equal(server_stop(server), 0);
    assert_null(strstr(server_log(server), "guarded task failed"));
}

/* 5.6: cancel does not count, whoever was cancelled first. */
SCENARIO(cancel_does_not_count)
{
    functions_that_break(s);
    struct server *server = server_start(s, "--allow-guard");
    create(server, "{'id':'runs','function':'stubborn','guard':true}");
    create(server, "{'id':'later','function':'echo','guard':true,'delay':3600}");
    create(server, "{'id':'m','process':'collect','guard':true,'args':[{'$task':"
                   "{'id':'d','function':'echo','delay':3600}}]}");
    await_progress(server, "runs", 1);
    static const char *const ids[] = {"later", "d", "runs"};
    for (int i = 0; i < 3; i++)
        expect_json(cancel(server, ids[i], NULL), "cancelled", "true");
    expect_outcome(server, "runs", "cancelled");
    expect_outcome(server, "m", "cancelled");
    expect_outcome(server, create(server, "{'function':'echo'}"), "succeeded");
    assert_int_equal(server_stop(server), 0);
    assert_null(strstr(server_log(server), "guarded task failed"));
}

/* 5.6: an exit status that the manifest calls safe is a success without a result. */
SCENARIO(safe_exits)
{
    functions_that_break(s);
    function_manifest(s, "broken.json", "{'safe_exit_codes':[2,3]}");
    struct server *server = server_start(s, "--allow-guard");
    struct sse *sse = sse_open(server, "/v1/events?type=task.succeeded&type=task.retrying");
    static const char *const guards[] = {"true", "false"};
    for (int i = 0; i < 2; i++) {
        note(s, "guard %s", guards[i]);
        const char *id =
            create(server, "{'function':'broken','guard':%s,'max_attempts':3}", guards[i]);
        struct event *told = expect_event(sse, "task.succeeded", id);
        expect_json(told, "safe_exit", "true");
        expect_null(told, "result");
        expect_result(server, id, "null");
        expect_number(expect_state(server, id, "succeeded"), "attempt", 1);
        expect_null(task(server, id), "error");
    }
    create(server, "{'id':'m','process':'collect','args':["
                   "{'$task':{'id':'d','function':'broken'}}]}");
    expect_json(expect_event(sse, "task.succeeded", "d"), "safe_exit", "true");
    expect_absent(expect_event(sse, "task.succeeded", "m"), "safe_exit");
    expect_result(server, "m", "[null]");
}

/* 5.6: any other exit status is what it was; a signal is none. */
SCENARIO(unsafe_exits)
{
    functions_that_break(s);
    function_file(s, "killed.sh", "#!/bin/sh\nkill -9 $$\n");
    function_manifest(s, "killed.json", "{'safe_exit_codes':[9,137]}");
    function_manifest(s, "broken.json", "{'safe_exit_codes':[2,4]}");
    function_manifest(s, "cat.json", "{'safe_exit_codes':[2,4]}");
    struct server *server = server_start(s, "--allow-guard");
    struct sse *sse = sse_open(server, "/v1/events?type=task.succeeded");
    create(server, "{'id':'k','function':'killed'}");
    create(server, "{'id':'c','function':'cat'}");
    expect_failure(server, "k", "signal");
    expect_absent(expect_event(sse, "task.succeeded", "c"), "safe_exit");
    create(server, "{'id':'b','function':'broken','guard':true}");
    expect_guarded_end(server, "broken b: out of order");
}

/* 3.4 and 5.6: only the last failure is one for good. */
SCENARIO(attempts_come_first)
{
    functions_that_break(s);
    struct server *server = server_start(s, "--allow-guard");
    create(server, "{'id':'a','function':'flaky','guard':true,'max_attempts':2,"
                   "'backoff':{'initial':0.01}}");
    expect_result(server, "a", "7");
    struct sse *sse = sse_open(server, "/v1/events?task=b");
    create(server, "{'id':'b','function':'broken','guard':true,'max_attempts':3,"
                   "'backoff':{'initial':0.01}}");
    expect_story(sse, "created b, started b, retrying b, started b, retrying b, started b, "
                      "failed b");
    expect_end(sse);
    expect_guarded_end(server, "broken b: out of order");
    server = server_start(s, "--allow-guard");
    expect_number(expect_state(server, "b", "failed"), "attempt", 3);
}

/* 5.1 and 5.6: a guarded meta-task fails with its dependency, which is not guarded itself. */
SCENARIO(meta)
{
    functions_that_break(s);
    struct server *server = server_start(s, "--allow-guard");
    struct sse *sse = sse_open(server, "/v1/events?task=m");
    create(server, "{'id':'m','process':'collect','guard':true,'args':[{'$task':"
                   "{'process':'collect','args':[{'$task':{'id':'d','function':'broken'}}]}}]}");
    expect_story(sse, "created m");
    expect_text(expect_event(sse, "task.failed", "m"), "caused_by", "d");
    expect_end(sse);
    expect_guarded_end(server, "collect m: ");
    server = server_start(s, "--allow-guard");
    expect_failure(server, "m", "dependency-failed");
    expect_failure(server, "d", "exit-status");
}

/* 5.6: a dependency is guarded for itself, whatever its meta-task makes of it. */
SCENARIO(dependency)
{
    functions_that_break(s);
    struct server *server = server_start(s, "--allow-guard");
    create(server, "{'id':'m','process':'collect','wait_for':'all_settled','args':[{'$task':"
                   "{'id':'d','function':'broken','guard':true}}]}");
    expect_guarded_end(server, "broken d: out of order");
    server = server_start(s, "--allow-guard");
    expect_failure(server, "d", "exit-status");
    expect_outcome(server, "m", "succeeded");
}

/* 5.6: a built-in, and a time-out, fail like anything else. */
SCENARIO(other_failures)
{
    static const struct {
        const char *fields, *words;
    } rows[] = {
        {"'function':'fail','args':['the reason']", "fail a0: the reason"},
        {"'function':'hold','timeout':0.1", "hold a1: "},
    };
    functions_that_break(s);
    for (int i = 0; i < 2; i++) {
        note(s, "%s", rows[i].fields);
        struct server *server = server_start(s, "--allow-guard");
        create(server, "{'id':'a%d','guard':true,%s}", i, requote(text(s, "%s", rows[i].fields)));
        expect_guarded_end(server, rows[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(not_allowed),         RUN(failure_ends_the_server), RUN(others_go_on_later),
        RUN(what_does_not_count), RUN(cancel_does_not_count),   RUN(safe_exits),
        RUN(unsafe_exits),        RUN(attempts_come_first),     RUN(meta),
        RUN(dependency),          RUN(other_failures),
    };
    return RUN_SCENARIOS("guard", table);
}
