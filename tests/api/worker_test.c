/* Section 2.3, mode `worker`: what a warm process is told, and what becomes of what it says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/kit.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* One process serves several functions, one task after the other, and stays. */
SCENARIO(stays_warm)
{
    functions_kit(s, "{'max':1}", "");
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 5; i++) {
        create(server, "{'id':'p%d','function':'pid'}", i);
        create(server, "{'id':'e%d','function':'give','args':[%d]}", i, i);
    }
    for (int i = 0; i < 5; i++) {
        expect_result(server, text(s, "p%d", i), text(s, "%d", kit_pid(s, 0)));
        expect_result(server, text(s, "e%d", i), text(s, "%d", i));
    }
    assert_int_equal(kit_starts(s), 1);
}

/* The names that the manifest gives are the functions, and the file's own is none of them. */
SCENARIO(serves_what_it_says)
{
    functions_kit(s, "{}", "");
    struct server *server = server_start(s, "%s", "");
    expect_status(post(server, "/v1/tasks", "{'function':'kit'}"), 422);
    expect_status(post(server, "/v1/tasks", "{'function':'gate'}"), 422);
    expect_status(post(server, "/v1/tasks", "{'function':'pid'}"), 201);
}

/* Without "functions" it is the one named by the file; a request is what the contract says. */
SCENARIO(request_to_the_letter)
{
    function_file(
        s, "mirror.sh",
        "#!/bin/sh\n"
        "while IFS= read -r line; do\n"
        "  id=${line#*'\"id\":\"'}\n"
        "  printf '{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"result\":%s}\\n' \"${id%%\\\"*}\" "
        "\"$line\"\n"
        "done\n");
    function_manifest(s, "mirror.json", "{'mode':'worker'}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'mirror','args':[1E400,0.10],'kwargs':{'w':'\\u0000'}}");
    expect_outcome(server, "a", "succeeded");
    expect_exact(get(server, "/v1/tasks/a/result"), "",
                 "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"mirror\",\"params\":"
                 "{\"args\":[1E400,0.10],\"kwargs\":{\"w\":\"\\u0000\"},\"attempt\":1}}");
}

/* 2.2: results come back as the worker wrote them, on one line. */
SCENARIO(results_are_kept)
{
    static const char *const rows[] = {
        "null",           "12345678901234567890",      "[0.10,1E400,-0,1.0e+5]",
        "\"\\u0000\\/\"", "{\"b\":1,\"a\":2,\"b\":3}", "\"\xc3\xa9\xf0\x9f\x98\x80\"",
    };
    function_file(s, "raw.sh",
                  "#!/bin/sh\n"
                  "while IFS= read -r line; do\n"
                  "  id=${line#*'\"id\":\"'}\n"
                  "  cat ../scratch/${id%%\\\"*}\n"
                  "done\n");
    function_manifest(s, "raw.json", "{'mode':'worker'}");
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *id = text(s, "r%zu", i);
        note(s, "%s", rows[i]);
        folder_write(
            s, text(s, "scratch/%s", id),
            text(s, " {\"id\":\"%s\" , \"jsonrpc\":\"2.0\", \"result\" :\t%s }\r\n", id, rows[i]));
        create(server, "{'id':'%s','function':'raw'}", id);
        expect_outcome(server, id, "succeeded");
        expect_exact(get(server, "/v1/tasks/%s/result", id), "", rows[i]);
        struct sse *sse = sse_open(server, "/v1/tasks/%s/events", id);
        expect_exact(await_event(sse, "task.succeeded", id), "result", rows[i]);
    }
}

/* Arguments as large as a body may be, and results as large as arguments. */
SCENARIO(large_things)
{
    enum { SIZE = 1048000 };
    functions_kit(s, "{}", "");
    struct server *server = server_start(s, "%s", "");
    char *x = keep(s, SIZE + 1);
    memset(x, 'x', SIZE);
    create(server, "{'id':'n','function':'length','args':['%s']}", x);
    create(server, "{'id':'e','function':'give','args':['%s']}", x);
    expect_result(server, "n", text(s, "%d", SIZE));
    expect_result(server, "e", text(s, "'%s'", x));
}

/* Many at once in one process, which an event loop can do; and no more than inflight times max. */
SCENARIO(inflight)
{
    enum { INFLIGHT = 32, MORE = 8 };
    functions_kit(s, "{'max':1,'inflight':32}", "");
    struct server *server = server_start(s, "--slots 1");
    for (int i = 0; i < INFLIGHT + MORE; i++)
        create(server, "{'id':'h%d','function':'hold'}", i);
    for (int i = 0; i < INFLIGHT; i++)
        await_progress(server, text(s, "h%d", i), 1);
    assert_int_equal(count_tasks(server, "state=running"), INFLIGHT);
    assert_int_equal(count_tasks(server, "state=queued"), MORE);
    for (int i = INFLIGHT + MORE - 1; i >= 0; i--)
        gate(s, text(s, "h%d", i));
    for (int i = 0; i < INFLIGHT + MORE; i++)
        expect_result(server, text(s, "h%d", i), text(s, "'h%d'", i));
    assert_int_equal(kit_starts(s), 1);
}

/* Workers take no slots: a process runs beside them with one slot, and they beside it. */
SCENARIO(no_slots)
{
    function_file(s, "cat.sh", "#!/bin/sh\nexec cat\n");
    functions_kit(s, "{'max':2}", "");
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'a','function':'deaf'}");
    create(server, "{'id':'b','function':'deaf'}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    create(server, "{'id':'c','function':'cat'}");
    expect_outcome(server, "c", "succeeded");
    expect_number(get(server, "/v1/stats"), "slots.used", 0);
    gate(s, "a");
    gate(s, "b");
    expect_result(server, "a", "'a'");
    expect_result(server, "b", "'b'");
}

/* Of the functions of a file the best queued task goes first; and "concurrency" is a function's. */
SCENARIO(order_and_concurrency)
{
    functions_kit(s, "{'max':1}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'first','function':'hold'}");
    await_progress(server, "first", 1);
    create(server, "{'id':'low','function':'give','priority':-1,'notify_channels':['x']}");
    create(server, "{'id':'old','function':'pid','notify_channels':['x']}");
    create(server, "{'id':'new','function':'give','notify_channels':['x']}");
    create(server, "{'id':'high','function':'env','priority':1,'notify_channels':['x']}");
    struct sse *sse = sse_open(server, "/v1/events?channel=x&type=task.started");
    gate(s, "first");
    expect_story(sse, "started high, started old, started new, started low");
}

SCENARIO(concurrency)
{
    functions_kit(s, "{'max':1,'inflight':4}", ",'concurrency':2");
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 3; i++)
        create(server, "{'id':'h%d','function':'hold'}", i);
    create(server, "{'id':'e','function':'give'}");
    await_progress(server, "h0", 1);
    await_progress(server, "h1", 1);
    expect_outcome(server, "e", "succeeded");
    expect_state(server, "h2", "queued");
    gate(s, "h0");
    await_progress(server, "h2", 1);
    gate(s, "h1");
    gate(s, "h2");
    expect_result(server, "h2", "'h2'");
}

/* Progress, log lines and standard error of a task. */
SCENARIO(talk)
{
    functions_kit(s, "{}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'talk'}");
    expect_result(server, "a", "null");
    expect_json(task(server, "a"), "progress", "{'value':50,'message':'half'}");
    const char *log = get(server, "/v1/tasks/a/logs")->body.text;
    assert_non_null(strstr(log, " stderr from stderr\n"));
    assert_non_null(strstr(log, " log a line\n"));
    assert_non_null(strstr(log, " log and another\n"));
    struct sse *sse = sse_open(server, "/v1/tasks/a/events");
    expect_story(sse, "created a, started a, progress a, succeeded a");
}

/* With several tasks in a worker, what nobody signed is the server's to log. */
SCENARIO(whose_line_it_is)
{
    functions_kit(s, "{'max':1,'inflight':2}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    create(server, "{'id':'t','function':'talk'}");
    expect_result(server, "t", "null");
    assert_null(strstr(get(server, "/v1/tasks/t/logs")->body.text, "from stderr"));
    assert_null(strstr(get(server, "/v1/tasks/h/logs")->body.text, "from stderr"));
    assert_non_null(strstr(get(server, "/v1/tasks/t/logs")->body.text, "a line"));
    eventually(strstr(server_log(server), ": from stderr"));
    gate(s, "h");
    expect_result(server, "h", "'h'");
}

/* A JSON-RPC error is `function-error` with its message; its data goes to the log. */
SCENARIO(errors)
{
    functions_kit(s, "{'max':1}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'error','args':[{'code':-32000,'message':'no \\u00e9',"
                   "'data':'Traceback\\n  line 2\\n'}]}");
    struct reply *reply = expect_failure(server, "a", "function-error");
    expect_json(reply, "error.message", "'no \\u00e9'");
    expect_absent(reply, "error.exit_status");
    const char *log = get(server, "/v1/tasks/a/logs")->body.text;
    assert_non_null(strstr(log, " Traceback\n"));
    assert_non_null(strstr(log, "   line 2\n"));
    create(server,
           "{'id':'b','function':'error','args':[{'code':1,'message':'m','data':{'k':[1]}}],"
           "'max_attempts':2,'backoff':{'initial':0.01}}");
    expect_number(expect_failure(server, "b", "function-error"), "attempt", 2);
    assert_non_null(strstr(get(server, "/v1/tasks/b/logs")->body.text, " {\"k\":[1]}\n"));
    create(server, "{'id':'c','function':'pid'}");
    expect_result(server, "c", text(s, "%d", kit_pid(s, 0)));
}

/* 5.6: the error code -32099 is a safe exit, for guarded tasks too. */
SCENARIO(safe_exit)
{
    functions_kit(s, "{}", "");
    struct server *server = server_start(s, "--allow-guard");
    create(server, "{'id':'a','guard':true,'function':'error',"
                   "'args':[{'code':-32099,'message':'enough'}]}");
    expect_result(server, "a", "null");
    struct sse *sse = sse_open(server, "/v1/tasks/a/events");
    expect_json(await_event(sse, "task.succeeded", "a"), "safe_exit", "true");
}

/* A result larger or deeper than results may be fails its task, and the worker goes on. */
SCENARIO(results_out_of_bounds)
{
    functions_kit(s, "{'max':1}", "");
    struct server *server = server_start(s, "--max-result 1000");
    char *x = keep(s, 500001);
    memset(x, 'x', 500000);
    create(server, "{'id':'fits','function':'give','args':['%.998s']}", x);
    create(server, "{'id':'large','function':'give','args':['%.999s']}", x);
    create(server, "{'id':'huge','function':'give','args':['%s']}", x);
    expect_outcome(server, "fits", "succeeded");
    expect_failure(server, "large", "result-too-large");
    expect_failure(server, "huge", "result-too-large");
    for (int levels = 128; levels <= 129; levels++) {
        char deep[2 * 129 + 1] = "";
        for (int i = 0; i < levels; i++)
            deep[i] = '[', deep[levels + i] = ']';
        const char *id = text(s, "deep%d", levels);
        create(server,
               "{'id':'%s','function':'say','args':['{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":"
               "\\\"ID\\\",\\\"result\\\":%s}']}",
               id, deep);
        if (levels == 128)
            expect_outcome(server, id, "succeeded");
        else
            expect_failure(server, id, "invalid-result");
    }
    assert_int_equal(kit_starts(s), 1);
}

/* 2.1: the environment is that of a process, but a worker has no task of its own. */
SCENARIO(environment)
{
    functions_kit(s, "{}", ",'env':{'MINE':'1'}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'env'}");
    expect_outcome(server, "a", "succeeded");
    const char *all = get(server, "/v1/tasks/a/result")->body.text;
    const char *there[] = {
        "\"ERRAND_FUNCTION\"", "\"PATH\"", "\"HOME\"", "\"LANG\"", "\"TZ\"", "\"MINE\""};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        note(s, "%s in %s", there[i], all);
        assert_non_null(strstr(all, there[i]));
    }
    assert_null(strstr(all, "ERRAND_TASK_ID"));
    assert_null(strstr(all, "ERRAND_ATTEMPT"));
}

/* A process step may be a worker's function, and a worker's result a dependency. */
SCENARIO(in_a_meta_task)
{
    functions_kit(s, "{'max':1}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'give','args':[[{'$task':{'function':'length',"
                   "'args':['abc']}},{'$task':{'process':'length','args':['four']}}]]}");
    expect_result(server, "m", "[3,4]");
}

/* A file of the project; the tests run in its folder. */
static const char *project_file(struct scenario *s, const char *name)
{
    enum { ROOM = 65536 };
    char *all = keep(s, ROOM);
    FILE *file = fopen(name, "re");
    if (!file)
        fail_at(HERE, "there is no %s here", name);
    all[fread(all, 1, ROOM - 1, file)] = 0;
    fclose(file);
    return all;
}

/* The example of docs/functions.md is the one in examples/, and does what it says. */
SCENARIO(example)
{
    const char *page = project_file(s, "docs/functions.md");
    assert_non_null(strstr(page, project_file(s, "examples/workers/loop.py")));
    assert_non_null(strstr(page, project_file(s, "examples/workers/loop.json")));
    char *here = getcwd(NULL, 0);
    at_end(s, free, here);
    struct server *server = server_start(s, "--grace 3600 --functions %s/examples/workers", here);
    for (int i = 0; i < 32; i++)
        create(server, "{'id':'s%d','function':'slow','args':[0.1]}", i);
    create(server, "{'id':'a','function':'add','args':[1,2]}");
    create(server, "{'id':'long','function':'slow','args':[3600]}");
    expect_result(server, "a", "3");
    for (int i = 0; i < 32; i++)
        expect_result(server, text(s, "s%d", i), "0.1");
    assert_non_null(strstr(get(server, "/v1/tasks/s0/logs")->body.text, " log waited 0.1 s\n"));
    create(server, "{'id':'wrong','function':'add','args':['x']}");
    expect_failure(server, "wrong", "function-error");
    assert_non_null(strstr(get(server, "/v1/tasks/wrong/logs")->body.text, "Traceback"));
    await_progress(server, "long", 0);
    cancel(server, "long", NULL);
    expect_outcome(server, "long", "cancelled");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(stays_warm),
        RUN(serves_what_it_says),
        RUN(request_to_the_letter),
        RUN(results_are_kept),
        RUN(large_things),
        RUN(inflight),
        RUN(no_slots),
        RUN(order_and_concurrency),
        RUN(concurrency),
        RUN(talk),
        RUN(whose_line_it_is),
        RUN(errors),
        RUN(safe_exit),
        RUN(results_out_of_bounds),
        RUN(environment),
        RUN(in_a_meta_task),
        RUN(example),
    };
    return RUN_SCENARIOS("worker", table);
}
