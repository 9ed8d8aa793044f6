/* Who runs when: slots, priorities (3.1), process_as_task, --max-queued (4). */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* The order in which tasks started, up to and with the last of them: "a b c". */
static const char *order_of_starts(struct sse *sse, const char *last)
{
    struct scenario *s = sse->server->scenario;
    struct events events = collect_until(sse, "task.started", last);
    const char *order = "";
    for (int i = 0; i < events.count; i++) {
        const char *id = json_text(events.at[i], "task");
        order = text(s, "%s%s%s", order, *order ? " " : "", id);
    }
    return order;
}

/* 1: --slots is how many child processes run at once. */
SCENARIO(slots)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'b','function':'hold'}");
    create(server, "{'id':'c','function':'hold'}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    expect_state(server, "c", "queued");
    release(s, "b", "2");
    await_progress(server, "c", 1);
    release(s, "c", "3");
    release(s, "a", "1");
    expect_result(server, "a", "1");
    expect_result(server, "b", "2");
    expect_result(server, "c", "3");
}

/* 3.1: priority: higher first, then oldest first. */
SCENARIO(priorities)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'gate','function':'hold'}");
    await_progress(server, "gate", 1);
    struct sse *sse = sse_open(server, "/v1/events?type=task.started");
    create(server, "{'id':'low','function':'cat','priority':-100}");
    create(server, "{'id':'plain1','function':'cat'}");
    create(server, "{'id':'high','function':'cat','priority':100}");
    create(server, "{'id':'plain2','function':'cat','priority':0}");
    create(server, "{'id':'some1','function':'cat','priority':1}");
    create(server, "{'id':'some2','function':'cat','priority':1}");
    release(s, "gate", "1");
    assert_string_equal(order_of_starts(sse, "low"), "high some1 some2 plain1 plain2 low");
}

/* 3.1: among more than one transaction starts, those of high priority are not behind others that
 * take no slot: neither what takes one, nor another built-in function. */
SCENARIO(priorities_across_kinds)
{
    enum { MANY = 600 };
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    finished(server, create(server, "{'function':'sum','args':[1]}"));
    struct sse *sse = sse_open(server, "/v1/events?type=task.started");
    char *body = text(s, "[");
    for (int i = 0; i < MANY; i++)
        body = json(s, "%s{'function':'echo','priority':-100},", body);
    expect_status(post(server, "/v1/tasks",
                       "%s{'id':'built_in','function':'sum','args':[1],'priority':99},"
                       "{'id':'process','function':'cat','priority':100}]",
                       body),
                  201);
    assert_string_equal(order_of_starts(sse, "built_in"), "process built_in");
}

static struct sse *make_meta_behind_a_gate(struct server *server, const char *as_task)
{
    create(server, "{'id':'gate','function':'hold'}");
    await_progress(server, "gate", 1);
    struct sse *sse = sse_open(server, "/v1/events?type=task.started");
    create(server, "{'id':'q1','function':'cat'}");
    create(server, "{'id':'q2','function':'cat','priority':50}");
    create(server, "{'id':'dep','function':'echo','args':[1]}");
    create(server, "{'id':'meta','process':'cat','args':[{'$task':'dep'}],'process_as_task':%s}",
           as_task);
    create(server, "{'id':'q3','function':'cat'}");
    expect_story(sse, "started dep");
    await_state(server, "meta", "queued");
    release(server->scenario, "gate", "1");
    return sse;
}

/* 3.1: process_as_task false: the process step runs ahead of queued work, under the meta-task's id.
 */
SCENARIO(process_step_goes_ahead)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    struct sse *sse = make_meta_behind_a_gate(server, "false");
    expect_story(sse, "started meta, started q2, started q1, started q3");
    struct reply *reply = get(server, "/v1/tasks/meta/result?wait=20");
    expect_text(reply, "id", "meta");
    expect_json(reply, "args", "[1]");
    assert_int_equal(count_tasks(server, ""), 6);
}

/* 3.1: process_as_task true: it queues like any task. */
SCENARIO(process_step_queues)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    struct sse *sse = make_meta_behind_a_gate(server, "true");
    expect_story(sse, "started q2, started q1, started meta, started q3");
    expect_text(get(server, "/v1/tasks/meta/result?wait=20"), "id", "meta");
}

/* 5.1: a waiting task holds no slot: one slot is enough for a meta-task of three levels. */
SCENARIO(one_slot_is_enough)
{
    functions_standard(s);
    function_file(s, "one.sh", "#!/bin/sh\necho 1\n");
    struct server *server = server_start(s, "--slots 1");
    create(server,
           "{'id':'top','process':'cat','args':["
           "{'$task':{'id':'l','process':'cat','args':["
           "{'$task':{'id':'ll','function':'one'}},{'$task':{'id':'lr','function':'one'}}]}},"
           "{'$task':{'id':'r','process':'cat','args':["
           "{'$task':{'id':'rl','function':'one'}},{'$task':'lr'}]}}]}");
    struct reply *reply = get(server, "/v1/tasks/top/result?wait=19");
    expect_status(reply, 200);
    expect_text(reply, "id", "top");
    expect_text(reply, "args.0.id", "l");
    expect_json(reply, "args.0.args", "[1,1]");
    expect_text(reply, "args.1.id", "r");
    expect_json(reply, "args.1.args", "[1,1]");
}

/* 2.1: many short lives side by side, that end well, badly and without a word. */
SCENARIO(short_lives)
{
    enum { EACH = 100 };
    function_file(s, "good.sh", "#!/bin/sh\necho 1\necho log >&2\necho '{\"progress\":9}' >&3\n");
    function_file(s, "bad.sh", "#!/bin/sh\nexit 7\n");
    function_manifest(s, "mute.json", "{'command':['/bin/true']}");
    struct server *server = server_start(s, "--slots 8");
    for (int i = 0; i < EACH; i++)
        expect_status(post(server, "/v1/tasks",
                           "[{'id':'g%d','function':'good'},{'id':'b%d','function':'bad'},"
                           "{'id':'m%d','function':'mute'}]",
                           i, i, i),
                      201);
    for (int i = 0; i < EACH; i++) {
        expect_result(server, text(s, "g%d", i), "1");
        expect_failure(server, text(s, "b%d", i), "exit-status");
        expect_result(server, text(s, "m%d", i), "null");
        expect_number(task(server, text(s, "g%d", i)), "progress.value", 9);
    }
}

/* 4 and 4.10: past --max-queued (queued, scheduled and waiting): 503 queue-full with Retry-After.
 */
SCENARIO(queue_full)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1 --max-queued 3");
    create(server, "{'id':'gate','function':'hold'}");
    await_progress(server, "gate", 1);
    create(server, "{'id':'q','function':'cat'}");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'q'}]}");
    struct reply *full = post(server, "/v1/tasks", "{'id':'x','function':'echo'}");
    expect_problem(full, 503, "queue-full");
    assert_non_null(header(full, "Retry-After"));
    expect_status(get(server, "/v1/tasks/x"), 404);
    expect_status(cancel(server, "later", NULL), 200);
    expect_problem(post(server, "/v1/tasks", "[{'function':'cat'},{'function':'cat'}]"), 503,
                   "queue-full");
    create(server, "{'id':'y','function':'cat'}");
    expect_problem(post(server, "/v1/tasks", "{'function':'cat'}"), 503, "queue-full");
    release(s, "gate", "1");
    expect_outcome(server, "m", "succeeded");
    expect_outcome(server, "y", "succeeded");
    create(server, "{'function':'cat'}");
}

/* 4: an inline dependency counts too. */
SCENARIO(queue_full_by_dependencies)
{
    struct server *server = server_start(s, "--max-queued 2");
    expect_problem(post(server, "/v1/tasks",
                        "{'process':'collect','args':[{'$task':{'function':'echo','delay':9}},"
                        "{'$task':{'function':'echo','delay':9}}]}"),
                   503, "queue-full");
    assert_int_equal(count_tasks(server, ""), 0);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(slots),
        RUN(priorities),
        RUN(priorities_across_kinds),
        RUN(process_step_goes_ahead),
        RUN(process_step_queues),
        RUN(one_slot_is_enough),
        RUN(short_lives),
        RUN(queue_full),
        RUN(queue_full_by_dependencies),
    };
    return RUN_SCENARIOS("queue", table);
}
