/* Section 5.4: one task for all who ask for the same, by `cache_key`: after its end. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* 5.4: a success that is still good is the answer: nothing runs, and there is nothing to leave. */
SCENARIO(hit)
{
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'work','cache_key':'k','notify_channels':['x']}");
    expect_outcome(server, "a", "succeeded");
    struct reply *reply =
        post(server, "/v1/tasks", "{'id':'b','function':'work','cache_key':'k','delay':3600}");
    expect_joined(reply, "a");
    expect_text(reply, "state", "succeeded");
    expect_absent(reply, "subscription");
    expect_absent(reply, "result");
    assert_non_null(strstr(header(reply, "Location"), "/v1/tasks/a"));
    reply = post(server, "/v1/tasks?wait=19", "{'function':'work','cache_key':'k'}");
    expect_joined(reply, "a");
    expect_text(reply, "result", "a");
    reply = post(server, "/v1/tasks", "[{'function':'work','cache_key':'k'}]");
    expect_status(reply, 201);
    expect_text(reply, "tasks.0.id", "a");
    expect_json(reply, "tasks.0.joined", "true");
    assert_int_equal(count_tasks(server, ""), 1);
    assert_int_equal(count_runs(s, NULL), 1);
    assert_string_equal(story_of(server, "x"), "created a, started a, succeeded a");
}

/* 5.4: null is a result like any other. */
SCENARIO(null_is_a_hit)
{
    function_file(s, "quiet.sh", "#!/bin/sh\necho ' x ' >>../scratch/runs\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'quiet','cache_key':'k'}");
    expect_result(server, "a", "null");
    struct reply *reply = post(server, "/v1/tasks?wait=19", "{'function':'quiet','cache_key':'k'}");
    expect_joined(reply, "a");
    expect_null(reply, "result");
    assert_int_equal(count_runs(s, NULL), 1);
}

/* 5.4: failure and cancel free the key: the next create computes anew, and is shared in turn. */
SCENARIO(ends_that_free_the_key)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'failed','function':'fail','cache_key':'f'}");
    create(server, "{'id':'cancelled','function':'echo','cache_key':'c','delay':3600}");
    create(server, "{'id':'killed','function':'hold','cache_key':'k'}");
    expect_failure(server, "failed", "function-error");
    await_progress(server, "killed", 1);
    cancel(server, "cancelled", NULL);
    cancel(server, "killed", NULL);
    expect_outcome(server, "killed", "cancelled");
    const char *const ids[] = {"failed", "cancelled", "killed"};
    for (int i = 0; i < 3; i++) {
        note(s, "%s", ids[i]);
        const char *body = json(s, "{'function':'echo','cache_key':'%.1s','delay':3600}", ids[i]);
        struct reply *anew = call(server, .path = "/v1/tasks", .body = body);
        expect_status(anew, 201);
        expect_absent(anew, "joined");
        assert_string_not_equal(json_text(anew, "id"), ids[i]);
        expect_joined(call(server, .path = "/v1/tasks", .body = body), json_text(anew, "id"));
    }
}

/* 5.4: the meta-task that fails by its dependency frees its key as well. */
SCENARIO(failed_meta_frees_its_key)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','cache_key':'k','args':["
                   "{'$task':{'function':'fail','args':['no']}}]}");
    expect_failure(server, "m", "dependency-failed");
    create(server, "{'id':'n','process':'collect','cache_key':'k'}");
    expect_result(server, "n", "[]");
}

/* Asks until a new task is made; those before have to be hits of the old one. */
static struct reply *ask_until_new(struct server *server, const char *body, const char *old)
{
    struct reply *reply = NULL;
    eventually((reply = call(server, .path = "/v1/tasks", .body = body))->status != 200 ||
               (expect_joined(reply, old), false));
    expect_status(reply, 201);
    return reply;
}

/* 3.1 and 5.4: a success is good for its cache_ttl, from its end on, and not for longer. */
SCENARIO(time_to_live)
{
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'work','cache_key':'k','cache_ttl':0.4}");
    struct reply *first = expect_outcome(server, "a", "succeeded");
    /* What later ones say of their own time changes nothing for this one. */
    const char *body = json(s, "{'function':'work','cache_key':'k','cache_ttl':3600}");
    struct reply *second = ask_until_new(server, body, "a");
    int64_t good_for = json_time(second, "created_at") - json_time(first, "finished_at");
    assert_in_range(good_for, 399, DEADLINE_MS);
    const char *id = json_text(second, "id");
    expect_outcome(server, id, "succeeded");
    const char *hurried = json(s, "{'function':'work','cache_key':'k','cache_ttl':0.001}");
    for (int i = 0; i < 5; i++)
        expect_joined(call(server, .path = "/v1/tasks", .body = hurried), id);
    assert_int_equal(count_runs(s, NULL), 2);
}

/* 5.4: the time begins with the end: while it lives, a task is joined, however long ago it began.
 */
SCENARIO(time_begins_at_the_end)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold','cache_key':'k','cache_ttl':0.05}");
    await_progress(server, "a", 1);
    int64_t begin = now_ms();
    eventually(now_ms() - begin > 60);
    const char *body = json(s, "{'function':'echo','cache_key':'k'}");
    expect_joined(call(server, .path = "/v1/tasks", .body = body), "a");
    release(s, "a", "7");
    expect_result(server, "a", "7");
    ask_until_new(server, body, "a");
}

/* 5.4: without cache_ttl it is good for as long as it is kept. */
SCENARIO(as_long_as_it_is_kept)
{
    struct server *server = server_start(s, "--retain 1s");
    create(server, "{'id':'a','function':'echo','cache_key':'k'}");
    expect_outcome(server, "a", "succeeded");
    ask_until_new(server, json(s, "{'function':'echo','cache_key':'k','delay':3600}"), "a");
    eventually(get(server, "/v1/tasks/a")->status == 404);
}

/* 5.4: what was deleted is no longer the answer. */
SCENARIO(deleted)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','cache_key':'k'}");
    expect_outcome(server, "a", "succeeded");
    expect_status(call(server, .method = "DELETE", .path = "/v1/tasks/a"), 204);
    create(server, "{'id':'b','function':'echo','args':[7],'cache_key':'k'}");
    expect_result(server, "b", "7");
    expect_joined(post(server, "/v1/tasks", "{'function':'echo','cache_key':'k'}"), "b");
}

/* 5.4: `force` runs anew also where there is a good success, and the new one is the answer then. */
SCENARIO(force_past_a_success)
{
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'work','cache_key':'k'}");
    expect_outcome(server, "a", "succeeded");
    create(server, "{'id':'b','function':'work','cache_key':'k','force':true}");
    expect_result(server, "b", "'b'");
    expect_joined(post(server, "/v1/tasks", "{'function':'work','cache_key':'k'}"), "b");
    /* A forced one that fails leaves no answer behind, not even the older one. */
    create(server, "{'id':'c','function':'fail','cache_key':'k','force':true}");
    expect_failure(server, "c", "function-error");
    create(server, "{'id':'d','function':'work','cache_key':'k'}");
    expect_result(server, "a", "'a'");
}

/* 5.4: a success whose result is gone answers nobody, but those who do not want the result. */
SCENARIO(result_that_is_gone)
{
    struct server *server = server_start(s, "%s", "");
    create(server,
           "{'id':'a','function':'echo','args':[7],'cache_key':'o','result_access':'once'}");
    expect_outcome(server, "a", "succeeded");
    const char *ask = json(s, "{'id':'b','function':'echo','cache_key':'o'}");
    expect_joined(call(server, .path = "/v1/tasks", .body = ask), "a");
    struct reply *taken = call(server, .path = "/v1/tasks?wait=19", .body = ask);
    expect_joined(taken, "a");
    expect_number(taken, "result", 7);
    expect_status(call(server, .path = "/v1/tasks", .body = ask), 201);
    const char *drop = json(s, "{'function':'echo','cache_key':'d','result_access':'discard'}");
    const char *first = json_text(call(server, .path = "/v1/tasks", .body = drop), "id");
    expect_outcome(server, first, "succeeded");
    expect_joined(call(server, .path = "/v1/tasks", .body = drop), first);
    create(server, "{'id':'c','function':'echo','cache_key':'d'}");
}

/* 4 and 5.4: a result from outside is a success like any other. */
SCENARIO(result_from_outside)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','cache_key':'k','delay':3600}");
    expect_status(call(server, .method = "PUT", .path = "/v1/tasks/a/result", .body = "[7]"), 200);
    struct reply *reply = post(server, "/v1/tasks?wait=19", "{'function':'echo','cache_key':'k'}");
    expect_joined(reply, "a");
    expect_json(reply, "result", "[7]");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(hit),
        RUN(null_is_a_hit),
        RUN(ends_that_free_the_key),
        RUN(failed_meta_frees_its_key),
        RUN(time_to_live),
        RUN(time_begins_at_the_end),
        RUN(as_long_as_it_is_kept),
        RUN(deleted),
        RUN(force_past_a_success),
        RUN(result_that_is_gone),
        RUN(result_from_outside),
    };
    return RUN_SCENARIOS("cache", table);
}
