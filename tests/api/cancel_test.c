/* Section 5.3: cancel. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* 5.3 and 4: what has not started is cancelled in the same commit: 200, and it never starts. */
SCENARIO(not_yet_started)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'gate','function':'hold'}");
    await_progress(server, "gate", 1);
    create(server, "{'id':'queued','function':'hold'}");
    create(server, "{'id':'scheduled','function':'hold','delay':3600}");
    create(server, "{'id':'waiting','process':'collect','args':[{'$task':'gate'}]}");
    const char *ids[] = {"queued", "scheduled", "waiting"};
    for (int i = 0; i < 3; i++) {
        note(s, "%s", ids[i]);
        expect_state(server, ids[i], ids[i]);
        struct reply *reply = cancel(server, ids[i], NULL);
        expect_status(reply, 200);
        expect_text(reply, "id", ids[i]);
        expect_text(reply, "state", "cancelled");
        expect_json(reply, "cancelled", "true");
        struct reply *over = expect_state(server, ids[i], "cancelled");
        expect_null(over, "started_at");
        assert_true(json_time(over, "finished_at") > 0);
        struct sse *sse = sse_open(server, "/v1/tasks/%s/events", ids[i]);
        expect_story(sse, text(s, "created %s, cancelled %s", ids[i], ids[i]));
        expect_end(sse);
    }
    expect_absent(task(server, "queued"), "cancelled");
    release(s, "gate", "1");
    expect_result(server, "gate", "1");
}

/* 4 and 5.3: a finished task is not changed: 200, cancelled false. */
SCENARIO(already_ended)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'good','function':'echo','args':[1]}");
    create(server, "{'id':'bad','function':'fail','args':['no']}");
    const char *ids[] = {"good", "bad"};
    for (int i = 0; i < 2; i++) {
        struct reply *before = finished(server, ids[i]);
        struct reply *reply = cancel(server, ids[i], "{}");
        expect_status(reply, 200);
        expect_json(reply, "cancelled", "false");
        expect_text(reply, "state", json_text(before, "state"));
        struct reply *after = task(server, ids[i]);
        assert_string_equal(after->body.text, before->body.text);
    }
    expect_result(server, "good", "1");
}

/* 5.3: a running one gets TERM; 202 while it dies, cancel_requested meanwhile; told when it is
 * dead. */
SCENARIO(running)
{
    functions_standard(s);
    struct server *server = server_start(s, "--grace 60");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    int pid = folder_pid(s, "a.pids", 0);
    struct sse *sse = sse_open(server, "/v1/events?task=a");
    struct reply *reply = cancel(server, "a", NULL);
    assert_true(reply->status == 202 || reply->status == 200);
    expect_json(reply, "cancelled", "true");
    expect_event(sse, "task.cancelled", "a");
    assert_false(process_alive(pid));
    struct reply *over = expect_state(server, "a", "cancelled");
    expect_text(over, "error.code", "cancelled");
    expect_problem(get(server, "/v1/tasks/a/result"), 409, "task-cancelled");
}

/* 5.3: one that ignores TERM is killed after `grace`, and its child with it; never told before. */
SCENARIO(stubborn_ones)
{
    functions_standard(s);
    struct server *server = server_start(s, "--grace 0.5");
    create(server, "{'id':'a','function':'stubborn'}");
    await_progress(server, "a", 1);
    int parent = folder_pid(s, "a.pids", 0), child = folder_pid(s, "a.pids", 1);
    struct sse *sse = sse_open(server, "/v1/events?task=a");
    int64_t begin = now_ms();
    struct reply *reply = cancel(server, "a", NULL);
    expect_status(reply, 202);
    expect_text(reply, "state", "running");
    expect_json(reply, "cancel_requested", "true");
    expect_json(reply, "cancelled", "true");
    expect_json(task(server, "a"), "cancel_requested", "true");
    expect_status(cancel(server, "a", NULL), 202);
    expect_event(sse, "task.cancelled", "a");
    assert_in_range(now_ms() - begin, 490, DEADLINE_MS);
    assert_false(process_alive(parent));
    eventually(!process_alive(child));
    expect_json(cancel(server, "a", NULL), "cancelled", "false");
}

/* 5.3: one that is stopped cannot hear TERM; KILL reaches it. */
SCENARIO(stopped_one)
{
    function_file(s, "frozen.sh",
                  "#!/bin/sh\n"
                  "echo $$ >../scratch/a.pids\n"
                  "echo '{\"progress\":1}' >&3\n"
                  "kill -STOP $$\n");
    struct server *server = server_start(s, "--grace 0.1");
    create(server, "{'id':'a','function':'frozen'}");
    await_progress(server, "a", 1);
    int pid = folder_pid(s, "a.pids", 0);
    cancel(server, "a", NULL);
    expect_outcome(server, "a", "cancelled");
    assert_false(process_alive(pid));
}

/* 2 and 5.3: the manifest's `grace` is that of its function. */
SCENARIO(grace_of_a_function)
{
    functions_standard(s);
    function_manifest(s, "stubborn.json", "{'grace':0.05}");
    struct server *server = server_start(s, "--grace 3600");
    create(server, "{'id':'a','function':'stubborn'}");
    await_progress(server, "a", 1);
    expect_status(cancel(server, "a", NULL), 202);
    expect_outcome(server, "a", "cancelled");
}

/* 5.3: after the process was asked to die, cancel wins over its result. */
SCENARIO(cancel_wins_over_a_late_result)
{
    function_file(s, "polite.sh",
                  "#!/bin/sh\n"
                  "trap 'echo 42; exit 0' TERM\n"
                  "mkfifo ../scratch/never\n"
                  "echo '{\"progress\":1}' >&3\n"
                  "read -r x <../scratch/never\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'polite'}");
    await_progress(server, "a", 1);
    cancel(server, "a", NULL);
    expect_outcome(server, "a", "cancelled");
    expect_problem(get(server, "/v1/tasks/a/result"), 409, "task-cancelled");
}

/* 5.3: a cancelled attempt is not tried again. */
SCENARIO(no_further_attempts)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold','max_attempts':5,'backoff':{'initial':0}}");
    await_progress(server, "a", 1);
    cancel(server, "a", NULL);
    expect_number(expect_outcome(server, "a", "cancelled"), "attempt", 1);
}

/* 5.3: a built-in that runs is cancelled too. */
SCENARIO(running_builtin)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'sleep','args':[3600]}");
    await_state(server, "a", "running");
    struct reply *reply = cancel(server, "a", NULL);
    assert_true(reply->status == 200 || reply->status == 202);
    expect_json(reply, "cancelled", "true");
    expect_outcome(server, "a", "cancelled");
}

/* 5.3: cancelling a meta-task cancels its dependencies that nobody else wants; shared ones go on.
 */
SCENARIO(meta_cancels_the_unwanted)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 4");
    create(server, "{'id':'mine','function':'hold'}");
    create(server,
           "{'id':'m','process':'collect','args':[{'$task':{'id':'runs','function':'hold'}},"
           "{'$task':{'id':'in','process':'collect','args':["
           "{'$task':{'id':'deep','function':'echo','delay':3600}}]}},"
           "{'$task':{'id':'shared','function':'echo','delay':3600}},{'$task':'mine'}]}");
    create(server, "{'id':'o','process':'collect','args':[{'$task':'shared'}]}");
    await_progress(server, "runs", 1);
    await_progress(server, "mine", 1);
    struct reply *reply = cancel(server, "m", NULL);
    assert_true(reply->status == 200 || reply->status == 202);
    expect_json(reply, "cancelled", "true");
    const char *unwanted[] = {"m", "runs", "in", "deep"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s", unwanted[i]);
        expect_outcome(server, unwanted[i], "cancelled");
    }
    expect_text(task(server, "deep"), "error.caused_by", "m");
    expect_state(server, "shared", "scheduled");
    expect_state(server, "o", "waiting");
    release(s, "mine", "1");
    expect_result(server, "mine", "1");
    cancel(server, "o", NULL);
    expect_outcome(server, "shared", "cancelled");
}

/* 5.3: cancelling a dependency ends the meta-tasks that need it, and what only they wanted. */
SCENARIO(dependency_ends_its_metas)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'echo','delay':3600}");
    create(server, "{'id':'l','process':'collect','args':[{'$task':'d'},"
                   "{'$task':{'id':'sister','function':'echo','delay':3600}}]}");
    create(server, "{'id':'r','process':'collect','args':[{'$task':'d'}]}");
    create(server, "{'id':'t','process':'collect','args':[{'$task':'l'}]}");
    struct reply *reply = cancel(server, "d", NULL);
    expect_status(reply, 200);
    expect_json(reply, "cancelled", "true");
    const char *ended[] = {"l", "r", "t"};
    for (int i = 0; i < 3; i++) {
        note(s, "%s", ended[i]);
        expect_text(expect_state(server, ended[i], "cancelled"), "error.caused_by", "d");
    }
    expect_state(server, "sister", "cancelled");
}

/* 5.3: a meta-task whose process step runs. */
SCENARIO(running_process_step)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'m','process':'hold','args':["
                   "{'$task':{'id':'d','function':'echo','args':[1]}}]}");
    await_progress(server, "m", 1);
    int pid = folder_pid(s, "m.pids", 0);
    cancel(server, "m", NULL);
    expect_outcome(server, "m", "cancelled");
    assert_false(process_alive(pid));
    expect_state(server, "d", "succeeded");
}

/* 5.3: notify false: no event, the state still shows it. */
SCENARIO(without_notice)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':3600,'notify_channels':['x']}");
    create(server, "{'id':'runs','function':'hold','notify_channels':['x']}");
    await_progress(server, "runs", 1);
    expect_status(cancel(server, "later", "{'notify':false}"), 200);
    expect_json(cancel(server, "runs", "{'notify':false}"), "cancelled", "true");
    expect_state(server, "later", "cancelled");
    expect_outcome(server, "runs", "cancelled");
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.cancelled", NULL), 0);
    assert_int_equal(count_events(&events, "task.created", NULL), 2);
}

/* 4.10: parents that end because of a cancel with notify false are told as usual. */
SCENARIO(parents_are_told_all_the_same)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'echo','delay':3600,'notify_channels':['d']}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'d'}],'notify_channels':['m']}");
    expect_status(cancel(server, "d", "{'notify':false}"), 200);
    struct events of_d = channel_so_far(server, "d"), of_m = channel_so_far(server, "m");
    assert_int_equal(count_events(&of_d, "task.cancelled", NULL), 0);
    assert_int_equal(count_events(&of_m, "task.cancelled", "m"), 1);
}

/* 4 and 4.10: the body is optional; a wrong one is 422 (or 400) and cancels nothing. */
SCENARIO(bodies)
{
    static const struct {
        const char *body;
        int status;
    } wrong[] = {
        {"{'notifi':false}", 422},
        {"{'notify':'no'}", 422},
        {"{'force':1}", 422},
        {"{'subscription':5}", 422},
        {"[]", 422},
        {"{'notify':true,'notify':true}", 422},
        {"{", 400},
        {"{'notify':true} x", 400},
    };
    static const char *const right[] = {
        NULL,
        "{}",
        "{'notify':true}",
        "{'force':true}",
        "{'notify':null,'force':null}",
        "{'notify':true,'force':false}",
    };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        note(s, "%s", wrong[i].body);
        expect_problem(cancel(server, "a", wrong[i].body), wrong[i].status, NULL);
        expect_state(server, "a", "scheduled");
    }
    expect_pointer(cancel(server, "a", "{'colour':1}"), "/colour");
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        note(s, "%s", right[i] ? right[i] : "no body");
        const char *id = create(server, "{'function':'echo','delay':3600}");
        struct reply *reply = cancel(server, id, right[i]);
        expect_status(reply, 200);
        expect_json(reply, "cancelled", "true");
    }
}

/* 5.3: a slot is free again when its task is dead. */
SCENARIO(slot_is_free_again)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1 --grace 0.05");
    create(server, "{'id':'a','function':'stubborn'}");
    create(server, "{'id':'b','function':'cat'}");
    await_progress(server, "a", 1);
    expect_state(server, "b", "queued");
    cancel(server, "a", NULL);
    expect_outcome(server, "b", "succeeded");
    expect_state(server, "a", "cancelled");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(not_yet_started),
        RUN(already_ended),
        RUN(running),
        RUN(stubborn_ones),
        RUN(stopped_one),
        RUN(grace_of_a_function),
        RUN(cancel_wins_over_a_late_result),
        RUN(no_further_attempts),
        RUN(running_builtin),
        RUN(meta_cancels_the_unwanted),
        RUN(dependency_ends_its_metas),
        RUN(running_process_step),
        RUN(without_notice),
        RUN(parents_are_told_all_the_same),
        RUN(bodies),
        RUN(slot_is_free_again),
    };
    return RUN_SCENARIOS("cancel", table);
}
