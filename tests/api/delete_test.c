/* Section 4: DELETE /v1/tasks/{id}. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

static struct reply *drop(struct server *server, const char *id)
{
    return call(server, .method = "DELETE", .path = text(server->scenario, "/v1/tasks/%s", id));
}

/* 4: what has ended can go, however it ended: 204, and from then on there is no such task. */
SCENARIO(ended)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'good','function':'echo','args':[1]}");
    create(server, "{'id':'bad','function':'fail','args':['no']}");
    create(server, "{'id':'gone','function':'echo','delay':3600}");
    create(server, "{'id':'stays','function':'echo','args':[1]}");
    cancel(server, "gone", NULL);
    static const char *const ids[] = {"good", "bad", "gone"};
    static const char *const below[] = {"", "/result", "/logs", "/events"};
    for (int i = 0; i < 3; i++) {
        note(s, "%s", ids[i]);
        finished(server, ids[i]);
        struct reply *reply = drop(server, ids[i]);
        expect_status(reply, 204);
        assert_int_equal(reply->body.length, 0);
        for (int j = 0; j < 4; j++)
            expect_problem(get(server, "/v1/tasks/%s%s", ids[i], below[j]), 404, "not-found");
        expect_problem(cancel(server, ids[i], NULL), 404, "not-found");
        expect_problem(drop(server, ids[i]), 404, "not-found");
    }
    struct reply *list = get(server, "/v1/tasks");
    assert_int_equal(json_count(list, "tasks"), 1);
    expect_text(list, "tasks.0.id", "stays");
    expect_result(server, "stays", "1");
    server_kill9(server);
    server = server_start(s, "%s", "");
    expect_problem(get(server, "/v1/tasks/good"), 404, "not-found");
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 4: a live one stays: cancel it first. */
SCENARIO(live)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'running','function':'hold'}");
    await_progress(server, "running", 1);
    create(server, "{'id':'queued','function':'cat'}");
    create(server, "{'id':'scheduled','function':'echo','delay':3600}");
    create(server, "{'id':'waiting','process':'collect','args':[{'$task':'scheduled'}]}");
    static const char *const ids[] = {"running", "queued", "waiting", "scheduled"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s", ids[i]);
        expect_problem(drop(server, ids[i]), 409, "task-live");
        expect_state(server, ids[i], ids[i]);
    }
    release(s, "running", "7");
    expect_result(server, "running", "7");
    expect_status(drop(server, "running"), 204);
}

/* 4: what a live task needs cannot be deleted; after that it can. */
SCENARIO(needed_is_not_deleted)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'echo','args':[7]}");
    finished(server, "d");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'d'},"
                   "{'$task':{'id':'later','function':'echo','delay':3600}}]}");
    expect_problem(drop(server, "d"), 409, "task-needed");
    expect_problem(drop(server, "m"), 409, "task-live");
    expect_result(server, "d", "7");
    expect_status(cancel(server, "m", NULL), 200);
    expect_status(drop(server, "d"), 204);
    expect_problem(get(server, "/v1/tasks/d"), 404, "not-found");
    expect_state(server, "m", "cancelled");
}

/* 4: a meta-task that has ended needs nothing: it and its dependencies go in any order. */
SCENARIO(parts_of_a_tree)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':["
                   "{'$task':{'id':'d','function':'echo','args':[1]}},"
                   "{'$task':{'id':'e','function':'echo','args':[2]}}]}");
    expect_result(server, "m", "[1,2]");
    expect_status(drop(server, "d"), 204);
    expect_result(server, "m", "[1,2]");
    expect_status(drop(server, "m"), 204);
    expect_result(server, "e", "2");
    create(server, "{'id':'n','process':'collect','args':[{'$task':'e'}]}");
    expect_result(server, "n", "[2]");
    expect_problem(post(server, "/v1/tasks", "{'process':'collect','args':[{'$task':'d'}]}"), 422,
                   "unknown-task");
}

/* 4.10: the id is free again; the new task has nothing of the old one but its id. */
SCENARIO(id_again)
{
    function_file(s, "talk.sh", "#!/bin/sh\necho old >&2\necho 1\n");
    struct server *server = server_start(s, "%s", "");
    for (int round = 0; round < 3; round++) {
        note(s, "round %d", round);
        create(server, "{'id':'a','function':'talk','cache_key':'k','metadata':{'old':1}}");
        expect_result(server, "a", "1");
        expect_status(drop(server, "a"), 204);
    }
    create(server, "{'id':'a','function':'echo','delay':3600}");
    struct reply *reply = expect_state(server, "a", "scheduled");
    expect_null(reply, "cache_key");
    expect_null(reply, "finished_at");
    expect_number(reply, "attempt", 0);
    expect_status(get(server, "/v1/tasks/a/result"), 202);
    assert_string_equal(get(server, "/v1/tasks/a/logs")->body.text, "");
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 4.10: the old events stay until they expire: history is not rewritten. */
SCENARIO(events_stay)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[1],'notify_channels':['x']}");
    expect_result(server, "a", "1");
    expect_status(drop(server, "a"), 204);
    assert_string_equal(story_of(server, "x"), "created a, started a, succeeded a");
}

/* 4: of many who delete it at the same moment one has done so. */
SCENARIO(deleted_once)
{
    enum { MANY = 10 };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo'}");
    finished(server, "a");
    struct request request = {.method = "DELETE", .path = "/v1/tasks/a"};
    struct reply **replies = call_crowd(server, &request, MANY);
    assert_int_equal(count_status(replies, MANY, 204), 1);
    assert_int_equal(count_status(replies, MANY, 404), MANY - 1);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(ended),    RUN(live),        RUN(needed_is_not_deleted), RUN(parts_of_a_tree),
        RUN(id_again), RUN(events_stay), RUN(deleted_once),
    };
    return RUN_SCENARIOS("delete", table);
}
