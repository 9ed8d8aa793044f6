/* Sections 5.1 and 5.4: `cache_key` on meta-tasks and on what they depend on. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* 5.4: an inline dependency with a key joins a live task: no subscriber more, but its channels. */
SCENARIO(dependency_joins)
{
    functions_standard(s);
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'held','cache_key':'k','notify_channels':['x']}");
    await_progress(server, "a", 1);
    create(server, "{'id':'m','process':'collect','notify_channels':['m'],'args':[{'$task':"
                   "{'id':'b','function':'held','cache_key':'k','notify_channels':['y']}}]}");
    struct reply *shared = task(server, "a");
    expect_number(shared, "subscribers", 1);
    expect_json(shared, "notify_channels", "['x','y']");
    expect_json(task(server, "m"), "dependencies", "[{'id':'a','state':'running','at':'/args/0'}]");
    expect_status(get(server, "/v1/tasks/b"), 404);
    release(s, "a", "7");
    expect_result(server, "m", "[7]");
    assert_int_equal(count_runs(s, NULL), 1);
    assert_string_equal(story_of(server, "x"), "created a, started a, progress a, succeeded a");
    assert_string_equal(story_of(server, "y"), "succeeded a");
    assert_string_equal(story_of(server, "m"), "created m, succeeded a, started m, succeeded m");
}

/* 5.4: and a success that is still good is used as it is. */
SCENARIO(dependency_hits)
{
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'work','cache_key':'k'}");
    expect_outcome(server, "a", "succeeded");
    create(server, "{'id':'m','process':'collect','args':["
                   "{'$task':{'function':'work','cache_key':'k'}},"
                   "{'$task':{'process':'collect','args':["
                   "{'$task':{'function':'work','cache_key':'k'}}]}}]}");
    expect_result(server, "m", "['a',['a']]");
    assert_int_equal(count_runs(s, NULL), 1);
    assert_int_equal(count_tasks(server, "kind=task"), 1);
}

/* 5.4: a dependency that failed is no answer: the next meta-task computes it anew. */
SCENARIO(failed_dependency_is_made_anew)
{
    function_file(s, "later.sh",
                  "#!/bin/sh\n[ -e ../scratch/ready ] || exit 1\necho $ERRAND_TASK_ID\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':["
                   "{'$task':{'id':'d','function':'later','cache_key':'k'}}]}");
    expect_failure(server, "m", "dependency-failed");
    folder_write(s, "scratch/ready", "");
    create(server, "{'id':'n','process':'collect','args':["
                   "{'$task':{'id':'e','function':'later','cache_key':'k'}}]}");
    expect_result(server, "n", "['e']");
}

/* 5.1 and 5.4: two places with one key in one request are one task, which fills both. */
SCENARIO(equal_keys_in_one_tree)
{
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':["
                   "{'$task':{'id':'a','function':'work','cache_key':'k'}},'x'],"
                   "'kwargs':{'deep':{'$task':{'process':'collect','args':["
                   "{'$task':{'function':'work','cache_key':'k'}}]}}}}");
    create(server, "{'id':'n','process':'collect','args':["
                   "{'$task':{'id':'c','function':'work','cache_key':'l'}},"
                   "{'$task':{'id':'d','function':'work','cache_key':'l'}}]}");
    expect_result(server, "m", "['a','x']");
    expect_result(server, "n", "['c','c']");
    assert_int_equal(count_runs(s, NULL), 2);
    expect_number(task(server, "c"), "subscribers", 0);
    expect_text(task(server, "n"), "dependencies.1.id", "c");
}

/* 5.4: many meta-tasks at the same moment share one dependency: it runs once, all have its result.
 */
SCENARIO(many_metas_at_once)
{
    enum { MANY = 20 };
    functions_standard(s);
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    struct request request = {.path = "/v1/tasks",
                              .body = json(s, "{'process':'collect','args':["
                                              "{'$task':{'function':'held','cache_key':'k'}}]}")};
    struct reply **replies = call_crowd(server, &request, MANY);
    assert_int_equal(count_status(replies, MANY, 201), MANY);
    const char *id = json_text(task(server, json_text(replies[0], "id")), "dependencies.0.id");
    release(s, id, "7");
    for (int i = 0; i < MANY; i++)
        expect_result(server, json_text(replies[i], "id"), "[7]");
    assert_int_equal(count_runs(s, NULL), 1);
    assert_int_equal(count_tasks(server, ""), MANY + 1);
}

/* 5.4: a meta-task that joins, or that hits, makes none of its dependencies. */
SCENARIO(shared_meta)
{
    functions_standard(s);
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    const char *body = json(s, "{'id':'m','process':'collect','cache_key':'k','args':["
                               "{'$task':{'id':'d','function':'held'}},"
                               "{'$task':{'process':'collect','args':["
                               "{'$task':{'id':'e','function':'work','cache_key':'e'}}]}}]}");
    create(server, "%s", body);
    int made = count_tasks(server, "");
    expect_joined(call(server, .path = "/v1/tasks", .body = body), "m");
    assert_int_equal(count_tasks(server, ""), made);
    expect_number(task(server, "e"), "subscribers", 0);
    release(s, "d", "7");
    expect_result(server, "m", "[7,['e']]");
    expect_joined(call(server, .path = "/v1/tasks", .body = body), "m");
    assert_int_equal(count_tasks(server, ""), made);
    assert_int_equal(count_runs(s, "d"), 1);
    assert_int_equal(count_runs(s, "e"), 1);
}

/* 5.4: two meta-tasks that share one by key: it goes on until both have gone. */
SCENARIO(wanted_by_two_metas)
{
    struct server *server = server_start(s, "%s", "");
    const char *body = json(s, "{'process':'collect','args':[{'$task':"
                               "{'function':'echo','cache_key':'k','delay':3600}}]}");
    const char *first = create(server, "%s", body), *second = create(server, "%s", body);
    const char *shared = json_text(task(server, first), "dependencies.0.id");
    expect_text(task(server, second), "dependencies.0.id", shared);
    expect_json(cancel(server, first, NULL), "cancelled", "true");
    expect_state(server, shared, "scheduled");
    expect_state(server, second, "waiting");
    expect_json(cancel(server, second, NULL), "cancelled", "true");
    expect_state(server, shared, "cancelled");
}

/* 5.4: a meta-task that has its winner wants no other: the last subscriber's cancel is a cancel. */
SCENARIO(loser_of_any_is_nobodys)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'l','function':'echo','delay':3600,'cache_key':'k'}");
    create(server, "{'id':'m','process':'hold','wait_for':'any','args':["
                   "{'$task':{'function':'sleep','args':[0.2]}},"
                   "{'$task':{'function':'echo','delay':3600,'cache_key':'k'}}]}");
    await_progress(server, "m", 1);
    expect_state(server, "l", "scheduled");
    expect_json(cancel(server, "l", NULL), "cancelled", "true");
    expect_state(server, "l", "cancelled");
    release(s, "m", "1");
    expect_result(server, "m", "1");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(dependency_joins),
        RUN(dependency_hits),
        RUN(failed_dependency_is_made_anew),
        RUN(equal_keys_in_one_tree),
        RUN(many_metas_at_once),
        RUN(shared_meta),
        RUN(wanted_by_two_metas),
        RUN(loser_of_any_is_nobodys),
    };
    return RUN_SCENARIOS("sharing_meta", table);
}
