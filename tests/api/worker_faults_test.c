/* Section 2.3, mode `worker`: those that die, talk nonsense, or do not listen. */
#include <string.h>

#include "tests/api/lib/kit.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* A worker that dies fails its own tasks, all of them, and nobody else's; another one takes over.
 */
SCENARIO(death_fails_its_own)
{
    functions_kit(s, "{'max':2,'inflight':2}", "");
    struct server *server = server_start(s, "%s", "");
    const char *ids[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        create(server, "{'id':'%s','function':'hold'}", ids[i]);
        await_progress(server, ids[i], 1);
    }
    assert_int_equal(kit_starts(s), 2); /* a and b fill the first */
    create(server, "{'id':'d','function':'die','args':[3]}");
    struct reply *reply = expect_failure(server, "d", "worker-lost");
    expect_text(reply, "error.message", "the worker ended with exit status 3: last words");
    expect_failure(server, "c", "worker-lost");
    expect_state(server, "a", "running");
    expect_state(server, "b", "running");
    assert_false(process_alive(kit_pid(s, 1)));
    create(server, "{'id':'e','function':'pid'}");
    expect_result(server, "e", text(s, "%d", kit_pid(s, 2)));
    gate(s, "a");
    gate(s, "b");
    expect_result(server, "a", "'a'");
    expect_result(server, "b", "'b'");
}

/* By a signal; and what it said last is in the log of its only task. */
SCENARIO(death_by_signal)
{
    functions_kit(s, "{}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'die','args':[-9]}");
    expect_text(expect_failure(server, "a", "worker-lost"), "error.message",
                "the worker was ended by signal 9: last words");
    assert_non_null(strstr(get(server, "/v1/tasks/a/logs")->body.text, " stderr last words\n"));
}

/* What earlier tasks wrote is not the reason, nor is it in the log of the one that meets the death.
 */
SCENARIO(death_without_words)
{
    kit_write(s, "async def words(id, text): os.write(2, text.encode())\n"
                 "async def leave(id): os._exit(3)\n");
    function_manifest(
        s, "kit.json",
        "{'mode':'worker','functions':['words','leave','hold'],'workers':{'max':1,'inflight':2}}");
    struct server *server = server_start(s, "%s", "");
    static const char *const words[] = {"a line\\n", "no whole line"};
    for (int i = 0; i < 2; i++) {
        note(s, "%s", words[i]);
        const char *id = create(server, "{'function':'words','args':['%s']}", words[i]);
        expect_outcome(server, id, "succeeded");
        assert_non_null(
            strstr(get(server, "/v1/tasks/%s/logs", id)->body.text, i ? "no whole" : "a line"));
        id = create(server, "{'function':'leave'}");
        expect_text(expect_failure(server, id, "worker-lost"), "error.message",
                    "the worker ended with exit status 3");
        assert_null(strstr(get(server, "/v1/tasks/%s/logs", id)->body.text, "line"));
    }
    /* Of two at once nobody knows whose they are. */
    create(server, "{'id':'beside','function':'hold'}");
    await_progress(server, "beside", 1);
    expect_outcome(server, create(server, "{'function':'words','args':['may be\\n']}"),
                   "succeeded");
    expect_text(expect_failure(server, create(server, "{'function':'leave'}"), "worker-lost"),
                "error.message", "the worker ended with exit status 3: may be");
}

/* 3.4: `worker-lost` is a failure like others: it is tried again as often as the task may be. */
SCENARIO(death_is_tried_again)
{
    functions_kit(s, "{}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'die','args':[1],'max_attempts':2,"
                   "'backoff':{'initial':0.01}}");
    struct reply *reply = expect_failure(server, "a", "worker-lost");
    expect_number(reply, "attempt", 2);
    struct sse *sse = sse_open(server, "/v1/tasks/a/events");
    expect_story(sse, "created a, started a, retrying a, started a, failed a");
}

/* An answer that was written before the death counts. */
SCENARIO(last_answer_counts)
{
    function_file(s, "once.sh",
                  "#!/bin/sh\n"
                  "read -r line\n"
                  "printf '{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":7}\\n'\n"
                  "exit 1\n");
    function_manifest(s, "once.json", "{'mode':'worker'}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'once'}");
    expect_result(server, "a", "7");
}

/* Those that keep dying are started again after pauses that grow. */
SCENARIO(crash_loop)
{
    functions_kit(s, "{'min':1,'max':1}", "");
    kit_write(s, "sys.exit(1)\n");
    struct server *server = server_start(s, "%s", "");
    eventually(kit_starts(s) >= 6);
    /* The second start is at once; then at least 100, 200, 400 and 800 ms, 1 ms lost to rounding.
     */
    for (int i = 2, pause = 100; i < 6; i++, pause *= 2)
        assert_true(kit_time(s, i) - kit_time(s, i - 1) >= pause - 1);
    assert_non_null(strstr(server_log(server), "workers of kit keep dying"));
    kit_write(s, "# mended\n");
    kit_reload(server, 1);
    create(server, "{'id':'a','function':'pid'}");
    expect_outcome(server, "a", "succeeded");
}

/* Tasks that wait for the next one to start can be cancelled, and go back to the queue when the
 * server ends. */
SCENARIO(waiting_in_a_crash_loop)
{
    functions_kit(s, "{'min':1,'max':1}", "");
    kit_write(s, "sys.exit(1)\n");
    struct server *server = server_start(s, "%s", "");
    eventually(kit_starts(s) >= 7);
    create(server, "{'id':'a','function':'pid','max_attempts':100}");
    await_state(server, "a", "running");
    expect_json(cancel(server, "a", NULL), "cancelled", "true");
    expect_outcome(server, "a", "cancelled");
    create(server, "{'id':'b','function':'pid','max_attempts':100}");
    await_state(server, "b", "running");
    kit_write(s, "# mended\n");
    assert_int_equal(server_stop(server), 0);
    server = server_start(s, "%s", "");
    expect_outcome(server, "b", "succeeded");
}

/* A task of a worker that cannot start fails, as that of a process does. */
SCENARIO(cannot_start)
{
    function_file(s, "lost.sh", "#!/no/such/program\n");
    function_manifest(s, "lost.json", "{'mode':'worker','workers':{'min':1}}");
    function_file(s, "idle.sh", "#!/no/such/program\n");
    function_manifest(s, "idle.json", "{'mode':'worker'}");
    struct server *server = server_start(s, "%s", "");
    eventually(strstr(server_log(server), "cannot start"));
    create(server, "{'id':'a','function':'idle'}");
    create(server, "{'id':'b','function':'idle'}");
    assert_non_null(
        strstr(json_text(expect_failure(server, "a", "start-failed"), "error.message"), "idle.sh"));
    expect_failure(server, "b", "start-failed");
}

#define ANSWER(members) "{\\\"jsonrpc\\\":\\\"2.0\\\"," members "}"

/* What a worker must not say: it is killed for it, and told as lost. */
SCENARIO(nonsense)
{
    static const struct {
        const char *line, *why;
    } rows[] = {
        {"hello", "it is no JSON"},
        {"[]", "it is no JSON-RPC message"},
        {"{\\\"id\\\":\\\"ID\\\",\\\"result\\\":1}", "\"jsonrpc\""},
        {ANSWER("\\\"id\\\":\\\"ID\\\""), "either \"result\" or \"error\""},
        {ANSWER("\\\"id\\\":\\\"other\\\",\\\"result\\\":1"), "it answered what it was not asked"},
        {ANSWER("\\\"id\\\":7,\\\"result\\\":1"), "\"id\""},
        {ANSWER("\\\"id\\\":\\\"ID\\\",\\\"error\\\":\\\"no\\\""), "\"error\""},
        {ANSWER("\\\"id\\\":\\\"ID\\\",\\\"result\\\":01"), "it is no JSON"},
    };
    functions_kit(s, "{'max':1}", "");
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *id = text(s, "n%zu", i);
        note(s, "%s", rows[i].line);
        create(server, "{'id':'%s','function':'say','args':['%s']}", id, rows[i].line);
        struct reply *reply = expect_failure(server, id, "worker-lost");
        assert_non_null(strstr(json_text(reply, "error.message"), rows[i].why));
        assert_false(process_alive(kit_pid(s, (int)i)));
        id = create(server, "{'function':'pid'}");
        expect_result(server, id, text(s, "%d", kit_pid(s, (int)i + 1)));
    }
}

/* Notifications that mean nothing, or are not what they should be, cost nobody anything: a line in
 * the log of their task, or in that of the server if they have none. */
SCENARIO(notifications_of_no_meaning)
{
    static const char *const members[] = {
        "\\\"method\\\":\\\"dance\\\",\\\"params\\\":{\\\"id\\\":\\\"ID\\\"}",
        "\\\"method\\\":\\\"log\\\",\\\"params\\\":{\\\"id\\\":\\\"ID\\\",\\\"line\\\":7}",
        "\\\"method\\\":\\\"progress\\\",\\\"params\\\":{\\\"id\\\":\\\"ID\\\",\\\"progress\\\":"
        "\\\"half\\\"}",
    };
    functions_kit(s, "{'max':1,'inflight':9}", "");
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const char *id = text(s, "n%zu", i);
        note(s, "%s", members[i]);
        create(server, "{'id':'%s','function':'say','args':['{\\\"jsonrpc\\\":\\\"2.0\\\",%s}']}",
               id, members[i]);
        eventually(strstr(get(server, "/v1/tasks/%s/logs", id)->body.text, " report {"));
        expect_state(server, id, "running");
    }
    create(server, "{'function':'say','args':['%s']}", ANSWER("\\\"method\\\":\\\"to-nobody\\\""));
    eventually(strstr(server_log(server), "to-nobody"));
    assert_int_equal(kit_starts(s), 1);
}

/* An answer given twice: the first one counts, the other tasks of the worker are lost. */
SCENARIO(answers_twice)
{
    functions_kit(s, "{'max':1,'inflight':2}", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    create(server, "{'id':'a','function':'say','args':['%s\\n%s']}",
           ANSWER("\\\"id\\\":\\\"ID\\\",\\\"result\\\":1"),
           ANSWER("\\\"id\\\":\\\"ID\\\",\\\"result\\\":2"));
    expect_result(server, "a", "1");
    expect_failure(server, "h", "worker-lost");
}

/* A line that never ends is not read for ever. */
SCENARIO(endless_line)
{
    function_file(s, "endless.sh", "#!/bin/sh\nread -r line\nexec tr '\\0' x </dev/zero\n");
    function_manifest(s, "endless.json", "{'mode':'worker'}");
    struct server *server = server_start(s, "--max-result 1000");
    create(server, "{'id':'a','function':'endless'}");
    expect_text(expect_failure(server, "a", "worker-lost"), "error.message",
                "the worker was killed: a line of it is too long");
}

/* One that closes its output can never answer; it has a moment to end by itself. */
SCENARIO(closed_output)
{
    function_file(s, "mute.sh", "#!/bin/sh\nread -r line\nexec sleep 3600 >&-\n");
    function_manifest(s, "mute.json", "{'mode':'worker'}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'mute'}");
    expect_text(expect_failure(server, "a", "worker-lost"), "error.message",
                "the worker was killed: it closed its standard input or output");
}

/* --- cancel and time limits ------------------------------------------------------------ */

/* One that listens ends the task, and stays; the others in it notice nothing. */
SCENARIO(cancel_is_asked_for)
{
    functions_kit(s, "{'max':1,'inflight':4}", "");
    struct server *server = server_start(s, "--grace 3600");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'b','function':'hold'}");
    create(server, "{'id':'c','function':'late'}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    await_progress(server, "c", 1);
    expect_status(cancel(server, "a", NULL), 202);
    expect_outcome(server, "a", "cancelled");
    expect_status(cancel(server, "c", NULL), 202);
    await_progress(server, "c", 2);
    expect_json(expect_state(server, "c", "running"), "cancel_requested", "true");
    gate(s, "c"); /* its result comes too late to win */
    expect_outcome(server, "c", "cancelled");
    gate(s, "b");
    expect_result(server, "b", "'b'");
    assert_int_equal(kit_starts(s), 1);
}

/* One that does not is killed after the grace, and what else was in it runs again. */
SCENARIO(cancel_is_ignored)
{
    functions_kit(s, "{'max':1,'inflight':4}", "");
    struct server *server = server_start(s, "--grace 0.2");
    create(server, "{'id':'a','function':'deaf'}");
    create(server, "{'id':'b','function':'hold','max_attempts':1}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    cancel(server, "a", NULL);
    expect_outcome(server, "a", "cancelled");
    assert_false(process_alive(kit_pid(s, 0)));
    gate(s, "b");
    expect_result(server, "b", "'b'");
    struct reply *reply = task(server, "b");
    expect_number(reply, "attempt", 2);
    expect_null(reply, "error");
    assert_int_equal(kit_starts(s), 2);
    create(server, "{'id':'c','function':'pid'}");
    expect_result(server, "c", text(s, "%d", kit_pid(s, 1)));
}

/* What may not run twice fails instead. */
SCENARIO(not_twice)
{
    functions_kit(s, "{'max':1,'inflight':2}", ",'on_interrupt':'fail'");
    struct server *server = server_start(s, "--grace 0.1");
    create(server, "{'id':'a','function':'deaf'}");
    create(server, "{'id':'b','function':'hold'}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    cancel(server, "a", NULL);
    expect_outcome(server, "a", "cancelled");
    expect_failure(server, "b", "interrupted");
}

/* A time limit asks and kills in the same way, and counts as a failure of its task only. */
SCENARIO(time_limit)
{
    functions_kit(s, "{'max':1,'inflight':2}", "");
    struct server *server = server_start(s, "--grace 0.2");
    create(server, "{'id':'b','function':'hold'}");
    await_progress(server, "b", 1);
    create(server, "{'id':'a','function':'hold','timeout':0.1}");
    expect_failure(server, "a", "timeout");
    assert_int_equal(kit_starts(s), 1);
    create(server, "{'id':'c','function':'deaf','timeout':0.1}");
    expect_failure(server, "c", "timeout");
    gate(s, "b");
    expect_result(server, "b", "'b'");
    expect_number(task(server, "b"), "attempt", 2);
}

/* A task that is ended from outside is asked to end too: its result stays, the others go on. */
SCENARIO(ended_from_outside)
{
    functions_kit(s, "{'max':1,'inflight':2}", "");
    struct server *server = server_start(s, "--grace 3600");
    create(server, "{'id':'a','function':'late'}");
    create(server, "{'id':'b','function':'hold'}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    struct reply *reply =
        call(server, .method = "PUT", .path = "/v1/tasks/a/result", .body = "\"outside\"");
    expect_status(reply, 200);
    /* It has its place in the worker until it has ended there. */
    create(server, "{'id':'c','function':'give','args':[7]}");
    expect_state(server, "c", "queued");
    gate(s, "a");
    expect_result(server, "c", "7");
    expect_result(server, "a", "'outside'");
    gate(s, "b");
    expect_result(server, "b", "'b'");
    assert_int_equal(kit_starts(s), 1);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(death_fails_its_own),
        RUN(death_by_signal),
        RUN(death_without_words),
        RUN(death_is_tried_again),
        RUN(last_answer_counts),
        RUN(crash_loop),
        RUN(waiting_in_a_crash_loop),
        RUN(cannot_start),
        RUN(nonsense),
        RUN(notifications_of_no_meaning),
        RUN(answers_twice),
        RUN(endless_line),
        RUN(closed_output),
        RUN(cancel_is_asked_for),
        RUN(cancel_is_ignored),
        RUN(not_twice),
        RUN(time_limit),
        RUN(ended_from_outside),
    };
    return RUN_SCENARIOS("worker_faults", table);
}
