/* Section 2.3, mode `worker`: how many there are, when they come and when they go. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/kit.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/tasks.h"

/* What GET /v1/functions says of a function: the value of "workers" (4.10). */
static const char *workers_of(struct server *server, const char *name)
{
    struct scenario *s = server->scenario;
    struct reply *reply = get(server, "/v1/functions");
    for (int i = 0; i < json_count(reply, "functions"); i++) {
        if (!strcmp(json_text(reply, text(s, "functions.%d.name", i)), name))
            return body_value(&reply->body, text(s, "functions.%d.workers", i), HERE);
    }
    fail_at(HERE, "no function %s: %s", name, reply->body.text);
}

static bool workers_are(struct server *server, int alive, int idle)
{
    return !strcmp(workers_of(server, "pid"),
                   json(server->scenario, "{'alive':%d,'idle':%d}", alive, idle));
}

/* So many at work at the same moment, each in a worker of its own. */
static void hold_together(struct server *server, int count)
{
    struct scenario *s = server->scenario;
    const char **ids = keep(s, sizeof(*ids) * (size_t)count);
    for (int i = 0; i < count; i++)
        ids[i] = create(server, "{'function':'hold'}");
    for (int i = 0; i < count; i++)
        await_progress(server, ids[i], 1);
    for (int i = 0; i < count; i++)
        gate(s, ids[i]);
    for (int i = 0; i < count; i++)
        expect_outcome(server, ids[i], "succeeded");
}

/* Those of "min" are there before any task; others come when they are wanted, up to "max". */
SCENARIO(started_ahead)
{
    functions_kit(s, "{'min':2,'max':3}", "");
    struct server *server = server_start(s, "%s", "");
    eventually(kit_starts(s) == 2);
    eventually(workers_are(server, 2, 2));
    hold_together(server, 3);
    assert_int_equal(kit_starts(s), 3);
    eventually(workers_are(server, 3, 3));
}

/* None without "min", and null for what is no worker's. */
SCENARIO(counts)
{
    functions_kit(s, "{}", "");
    struct server *server = server_start(s, "%s", "");
    assert_true(workers_are(server, 0, 0));
    assert_string_equal(workers_of(server, "echo"), "null");
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    assert_true(workers_are(server, 1, 0));
    gate(s, "h");
    expect_outcome(server, "h", "succeeded");
    eventually(workers_are(server, 1, 1));
}

/* Those above "min" that have nothing to do for "idle" seconds are let go. */
SCENARIO(let_go)
{
    functions_kit(s, "{'min':1,'max':3,'idle':0.2}", "");
    struct server *server = server_start(s, "%s", "");
    hold_together(server, 3);
    eventually(workers_are(server, 1, 1));
    int gone = 0;
    eventually((gone = !process_alive(kit_pid(s, 0)) + !process_alive(kit_pid(s, 1)) +
                       !process_alive(kit_pid(s, 2))) == 2);
    hold_together(server, 1);
    assert_int_equal(kit_starts(s), 3);
}

/* Its input is closed and it gets TERM; one that ignores both is killed after the grace. */
SCENARIO(let_go_the_hard_way)
{
    functions_kit(s, "{'max':1,'idle':0}", ",'grace':0.2");
    kit_write(s, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                 "import atexit\n"
                 "atexit.register(time.sleep, 3600)\n"
                 "child = os.fork()\n"
                 "if not child: time.sleep(3600)\n"
                 "with open('../scratch/child', 'w') as file: file.write(str(child))\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'pid'}");
    expect_outcome(server, "a", "succeeded");
    int child = folder_pid(s, "child", 0);
    eventually(!process_alive(kit_pid(s, 0)));
    eventually(!process_alive(child));
    create(server, "{'id':'b','function':'pid'}");
    expect_outcome(server, "b", "succeeded");
    assert_int_equal(kit_starts(s), 2);
}

/* 5.7: at the end of the server nothing of them is left, whatever they do. */
SCENARIO(shutdown_leaves_none)
{
    functions_kit(s, "{'min':2,'max':2,'inflight':2}", "");
    kit_write(s, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'b','function':'deaf'}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    int pids[] = {kit_pid(s, 0), kit_pid(s, 1)};
    assert_int_equal(server_stop(server), 0);
    assert_false(process_alive(pids[0]));
    assert_false(process_alive(pids[1]));
    assert_non_null(
        strstr(server_log(server), "shutdown: 2 running and 0 not started are left unfinished"));
    server = server_start(s, "%s", "");
    gate(s, "a");
    gate(s, "b");
    expect_result(server, "a", "'a'");
    expect_result(server, "b", "'b'");
    expect_number(task(server, "a"), "attempt", 2);
}

/* What ends within the drain is done. */
SCENARIO(shutdown_waits)
{
    functions_kit(s, "{}", "");
    struct server *server = server_start(s, "--drain 15");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    server_signal(server, SIGTERM);
    eventually(get(server, "/readyz")->status == 503);
    gate(s, "a");
    assert_int_equal(server_wait(server), 0);
    assert_false(process_alive(kit_pid(s, 0)));
    server = server_start(s, "%s", "");
    expect_result(server, "a", "'a'");
    expect_number(task(server, "a"), "attempt", 1);
}

/* 5.7: workers of a server that was killed are killed by the next one, and their tasks run again.
 */
SCENARIO(server_killed)
{
    functions_kit(s, "{'min':2,'max':2,'inflight':2}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'b','function':'hold'}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    int pids[] = {kit_pid(s, 0), kit_pid(s, 1)};
    server_kill9(server);
    server = server_start(s, "%s", "");
    assert_false(process_alive(pids[0]));
    assert_false(process_alive(pids[1]));
    gate(s, "a");
    gate(s, "b");
    expect_result(server, "a", "'a'");
    expect_result(server, "b", "'b'");
}

/* A changed manifest: the old worker ends its task and goes, the new ones do what comes. */
SCENARIO(changed_manifest)
{
    functions_kit(s, "{'min':1,'max':1,'inflight':2}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    functions_kit(s, "{'min':1,'max':1,'inflight':2}", ",'env':{'MINE':'1'}");
    kit_reload(server, 1);
    create(server, "{'id':'p','function':'pid'}");
    expect_result(server, "p", text(s, "%d", kit_pid(s, 1)));
    expect_state(server, "a", "running");
    assert_true(process_alive(kit_pid(s, 0)));
    gate(s, "a");
    expect_result(server, "a", "'a'");
    eventually(!process_alive(kit_pid(s, 0)));
    assert_int_equal(kit_starts(s), 2);
}

/* Nothing changed: nobody goes. The script changed: those that run the old one do. */
SCENARIO(changed_file)
{
    functions_kit(s, "{'min':1,'max':1}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'pid'}");
    expect_result(server, "a", text(s, "%d", kit_pid(s, 0)));
    kit_reload(server, 1);
    create(server, "{'id':'b','function':'pid'}");
    expect_result(server, "b", text(s, "%d", kit_pid(s, 0)));
    kit_write(s, "# another one\n");
    kit_reload(server, 2);
    eventually(!process_alive(kit_pid(s, 0)));
    create(server, "{'id':'c','function':'pid'}");
    expect_result(server, "c", text(s, "%d", kit_pid(s, 1)));
}

/* The functions went away: so do their workers, when they are done. */
SCENARIO(vanished)
{
    functions_kit(s, "{'min':1,'max':1}", "");
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    unlink(folder_path(s, "functions/kit.py"));
    unlink(folder_path(s, "functions/kit.json"));
    function_file(s, "cat.sh", "#!/bin/sh\nexec cat\n");
    kit_reload(server, 1);
    gate(s, "a");
    expect_result(server, "a", "'a'");
    eventually(!process_alive(kit_pid(s, 0)));
    create(server, "{'id':'c','function':'cat'}");
    expect_outcome(server, "c", "succeeded");
}

/* Manifests that contradict themselves: the server does not start, and says which and why. */
SCENARIO(broken_manifests)
{
    static const struct {
        const char *manifest, *key;
    } rows[] = {
        {"{'mode':'worker','workers':2}", "\"workers\""},
        {"{'mode':'worker','workers':{'min':3,'max':2}}", "\"workers\""},
        {"{'mode':'worker','workers':{'max':0}}", "\"max\""},
        {"{'mode':'worker','workers':{'max':1025}}", "\"max\""},
        {"{'mode':'worker','workers':{'max':1.5}}", "\"max\""},
        {"{'mode':'worker','workers':{'min':-1}}", "\"min\""},
        {"{'mode':'worker','workers':{'min':'1'}}", "\"min\""},
        {"{'mode':'worker','workers':{'inflight':0}}", "\"inflight\""},
        {"{'mode':'worker','workers':{'inflight':1e300}}", "\"inflight\""},
        {"{'mode':'worker','workers':{'idle':-1}}", "\"idle\""},
        {"{'mode':'worker','workers':{'most':1}}", "\"most\""},
        {"{'mode':'worker','functions':[]}", "\"functions\""},
        {"{'mode':'worker','functions':'add'}", "\"functions\""},
        {"{'mode':'worker','functions':['a','a']}", "\"functions\""},
        {"{'mode':'worker','functions':['a b']}", "\"functions\""},
        {"{'mode':'worker','functions':[1]}", "\"functions\""},
        {"{'mode':'worker','functions':['sum']}", "built-in"},
        {"{'mode':'worker','functions':['other']}", "other"},
        {"{'functions':['a']}", "\"functions\""},
        {"{'workers':{'max':1},'mode':'process'}", "\"workers\""},
    };
    function_file(s, "crooked.py", "#!/bin/sh\n");
    function_file(s, "other.py", "#!/bin/sh\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].manifest);
        function_manifest(s, "crooked.json", rows[i].manifest);
        struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s --functions %s",
                                     folder_path(s, "data"), folder_path(s, "functions"));
        assert_int_equal(run->exit_status, 1);
        assert_non_null(strstr(run->errors, "crooked"));
        assert_non_null(strstr(run->errors, rows[i].key));
    }
}

/* All files together may not have more workers than the server has room for. */
SCENARIO(too_many_in_all)
{
    for (int i = 0; i < 2; i++) {
        function_file(s, text(s, "f%d.sh", i), "#!/bin/sh\n");
        function_manifest(s, text(s, "f%d.json", i), "{'mode':'worker','workers':{'max':513}}");
    }
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s --functions %s",
                                 folder_path(s, "data"), folder_path(s, "functions"));
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "f1.json"));
    assert_non_null(strstr(run->errors, "1024"));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(started_ahead),
        RUN(counts),
        RUN(let_go),
        RUN(let_go_the_hard_way),
        RUN(shutdown_leaves_none),
        RUN(shutdown_waits),
        RUN(server_killed),
        RUN(changed_manifest),
        RUN(changed_file),
        RUN(vanished),
        RUN(broken_manifests),
        RUN(too_many_in_all),
    };
    return RUN_SCENARIOS("workers", table);
}
