/* Section 5.4: one task for all who ask for the same, by `cache_key`: while it lives. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* 5.4: twenty ask at the same moment: one makes the task, one run, all are told of its end once. */
SCENARIO(twenty_at_once)
{
    enum { MANY = 20 };
    functions_standard(s);
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    struct request requests[MANY];
    for (int i = 0; i < MANY; i++)
        requests[i] = (struct request){
            .path = "/v1/tasks",
            .body = json(s, "{'function':'held','cache_key':'k','notify_channels':['c%d']}", i)};
    struct reply **replies = call_together(server, requests, MANY);
    assert_int_equal(count_status(replies, MANY, 201), 1);
    assert_int_equal(count_status(replies, MANY, 200), MANY - 1);
    const char *id = json_text(replies[0], "id");
    for (int i = 0; i < MANY; i++) {
        note(s, "answer %d", i);
        expect_text(replies[i], "id", id);
        if (replies[i]->status == 200)
            expect_joined(replies[i], id);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(json_text(replies[i], "subscription"),
                                    json_text(replies[j], "subscription"));
    }
    expect_number(task(server, id), "subscribers", MANY);
    release(s, id, "7");
    expect_result(server, id, "7");
    for (int i = 0; i < MANY; i++) {
        note(s, "channel %d", i);
        struct events events = channel_so_far(server, text(s, "c%d", i));
        assert_int_equal(count_events(&events, "task.succeeded", id), 1);
        assert_int_equal(count_events(&events, "task.created", id), replies[i]->status == 201);
    }
    assert_int_equal(count_runs(s, NULL), 1);
    expect_number(task(server, id), "attempt", 1);
}

/* 5.4 and 4.10: what makes the task says so, what joins it says so; nothing of the rest counts. */
SCENARIO(answers)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *made = post(server, "/v1/tasks",
                              "{'id':'a','function':'echo','args':[1],'cache_key':'k','delay':3600,"
                              "'priority':3,'notify_channels':['x']}");
    expect_status(made, 201);
    expect_absent(made, "joined");
    expect_text(made, "cache_key", "k");
    expect_number(made, "subscribers", 1);
    struct reply *joined = post(server, "/v1/tasks",
                                "{'id':'b','function':'collect','args':[2],'cache_key':'k',"
                                "'priority':9,'notify_channels':['y','x']}");
    expect_joined(joined, "a");
    assert_non_null(strstr(header(joined, "Location"), "/v1/tasks/a"));
    assert_string_not_equal(json_text(joined, "subscription"), json_text(made, "subscription"));
    expect_number(joined, "subscribers", 2);
    expect_number(joined, "version", json_number(made, "version") + 1);
    expect_text(joined, "function", "echo");
    expect_text(joined, "state", "scheduled");
    expect_json(joined, "args", "[1]");
    expect_number(joined, "priority", 3);
    expect_json(joined, "notify_channels", "['x','y']");
    struct reply *now = task(server, "a");
    expect_absent(now, "joined");
    expect_absent(now, "subscription");
    expect_number(now, "subscribers", 2);
    expect_status(get(server, "/v1/tasks/b"), 404);
    assert_int_equal(count_tasks(server, ""), 1);
    assert_string_equal(story_of(server, "x"), "created a");
    assert_string_equal(story_of(server, "y"), "");
}

/* 5.4: the id of a create that joins is of no account, not even when it is taken. */
SCENARIO(own_id_is_ignored)
{
    struct server *server = server_start(s, "%s", "");
    const char *body = "{'id':'a','function':'echo','cache_key':'k','delay':3600}";
    create(server, "%s", requote(text(s, "%s", body)));
    expect_joined(post(server, "/v1/tasks", "%s", requote(text(s, "%s", body))), "a");
    expect_problem(post(server, "/v1/tasks", "{'id':'a','function':'echo','cache_key':'l'}"), 409,
                   "duplicate-id");
    struct reply *minimal =
        call(server, .path = "/v1/tasks", .headers = "Prefer: return=minimal\r\n",
             .body = requote(text(s, "%s", body)));
    expect_status(minimal, 200);
    expect_json(minimal, "", "{'id':'a'}");
    expect_number(task(server, "a"), "subscribers", 3);
}

/* 5.4: a task is live until it has ended for good: also while it runs, and while it backs off. */
SCENARIO(live_states)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'runs','function':'hold','cache_key':'r'}");
    await_progress(server, "runs", 1);
    create(server, "{'id':'queued','function':'hold','cache_key':'q'}");
    create(server, "{'id':'waits','process':'collect','args':[{'$task':'runs'}],'cache_key':'w'}");
    create(server, "{'id':'again','function':'fail','cache_key':'a','max_attempts':2,"
                   "'backoff':{'initial':3600,'max':3600}}");
    await_state(server, "again", "scheduled");
    const char *const ids[] = {"runs", "queued", "waits", "again"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s", ids[i]);
        expect_joined(post(server, "/v1/tasks", "{'function':'echo','cache_key':'%.1s'}", ids[i]),
                      ids[i]);
    }
    assert_int_equal(count_tasks(server, ""), 4);
    release(s, "runs", "7");
    expect_result(server, "waits", "[7]");
}

/* 5.4: one who joins and waits is answered with the result, as the one is who made it. */
SCENARIO(waiting_joiners)
{
    enum { MANY = 5 };
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    struct request request = {.path = "/v1/tasks?wait=19",
                              .body = "{\"function\":\"hold\",\"cache_key\":\"k\"}"};
    create(server, "{'id':'a','function':'hold','cache_key':'k'}");
    struct http **crowd = send_crowd(server, &request, MANY);
    eventually(json_number(task(server, "a"), "subscribers") >= MANY + 1);
    release(s, "a", "7");
    struct reply **replies = read_crowd(crowd, MANY);
    for (int i = 0; i < MANY; i++) {
        expect_joined(replies[i], "a");
        expect_text(replies[i], "state", "succeeded");
        expect_number(replies[i], "result", 7);
    }
}

/* 5.4: `force` runs anew: the new task gets the key, the live one goes on without it. */
SCENARIO(force)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','cache_key':'k','delay':3600}");
    expect_joined(post(server, "/v1/tasks", "{'function':'echo','cache_key':'k','force':false}"),
                  "a");
    struct reply *forced = post(server, "/v1/tasks",
                                "{'id':'b','function':'echo','cache_key':'k','force':true,"
                                "'delay':3600}");
    expect_status(forced, 201);
    expect_text(forced, "id", "b");
    expect_absent(forced, "joined");
    expect_text(forced, "cache_key", "k");
    json_text(forced, "subscription");
    expect_null(expect_state(server, "a", "scheduled"), "cache_key");
    expect_number(task(server, "a"), "subscribers", 2);
    expect_joined(post(server, "/v1/tasks", "{'function':'echo','cache_key':'k'}"), "b");
    /* The first one does not get it back. */
    expect_json(cancel(server, "b", "{'force':true}"), "cancelled", "true");
    create(server, "{'id':'c','function':'echo','cache_key':'k'}");
    expect_state(server, "a", "scheduled");
}

/* 3.1: an array answers 201; equal keys in it are one task. */
SCENARIO(equal_keys_in_an_array)
{
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = post(server, "/v1/tasks",
                               "[{'id':'a','function':'work','cache_key':'k','delay':0.3},"
                               "{'id':'b','function':'work','cache_key':'k'},"
                               "{'id':'c','function':'work','cache_key':'l','delay':0.3},"
                               "{'function':'work','cache_key':'k','notify_channels':['x']}]");
    expect_status(reply, 201);
    assert_int_equal(json_count(reply, "tasks"), 4);
    expect_text(reply, "tasks.0.id", "a");
    expect_absent(reply, "tasks.0.joined");
    expect_text(reply, "tasks.1.id", "a");
    expect_json(reply, "tasks.1.joined", "true");
    expect_text(reply, "tasks.2.id", "c");
    expect_absent(reply, "tasks.2.joined");
    expect_text(reply, "tasks.3.id", "a");
    expect_json(reply, "tasks.3.joined", "true");
    assert_string_not_equal(json_text(reply, "tasks.1.subscription"),
                            json_text(reply, "tasks.3.subscription"));
    assert_int_equal(count_tasks(server, ""), 2);
    expect_number(task(server, "a"), "subscribers", 3);
    expect_outcome(server, "a", "succeeded");
    expect_outcome(server, "c", "succeeded");
    assert_int_equal(count_runs(s, NULL), 2);
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.succeeded", "a"), 1);
}

/* 3.1: an id in a request that stands for a task which joins another stands for that other. */
SCENARIO(reference_to_a_joiner)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = post(server, "/v1/tasks",
                               "[{'id':'m','process':'collect','args':[{'$task':'b'}]},"
                               "{'id':'a','function':'echo','args':[7],'cache_key':'k'},"
                               "{'id':'b','function':'echo','args':[8],'cache_key':'k'}]");
    expect_status(reply, 201);
    expect_text(reply, "tasks.2.id", "a");
    expect_result(server, "m", "[7]");
    expect_text(task(server, "m"), "dependencies.0.id", "a");
}

/* 5.4: an array that joins what was there before answers 201 all the same. */
SCENARIO(array_that_joins)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','cache_key':'k','delay':3600}");
    struct reply *reply = post(server, "/v1/tasks", "[{'function':'echo','cache_key':'k'}]");
    expect_status(reply, 201);
    expect_text(reply, "tasks.0.id", "a");
    expect_json(reply, "tasks.0.joined", "true");
    struct reply *minimal =
        call(server, .path = "/v1/tasks", .headers = "Prefer: return=minimal\r\n",
             .body = json(s, "[{'function':'echo','cache_key':'k'},"
                             "{'id':'n','function':'echo'}]"));
    expect_status(minimal, 201);
    expect_json(minimal, "", "{'ids':['a','n']}");
    /* All or none: no one has joined if one of them is wrong. */
    expect_problem(
        post(server, "/v1/tasks", "[{'function':'echo','cache_key':'k'},{'function':'nope'}]"), 422,
        NULL);
    expect_number(task(server, "a"), "subscribers", 3);
}

/* 3.1 and 5.4: equal keys can close a circle that the ids alone do not show: 422, at once. */
SCENARIO(circles_through_keys)
{
    static const char *const bodies[] = {
        "[{'id':'a','process':'collect','cache_key':'k','args':[{'$task':'b'}]},"
        "{'id':'b','process':'collect','cache_key':'k'}]",
        "[{'id':'x','process':'collect','args':[{'$task':'z'}],'cache_key':'k'},"
        "{'id':'y','process':'collect','args':[{'$task':'x'}],'cache_key':'l'},"
        "{'id':'z','process':'collect','cache_key':'l'}]",
        "{'id':'m','process':'collect','cache_key':'k','args':["
        "{'$task':{'process':'collect','cache_key':'k'}}]}",
        "{'id':'m','process':'collect','cache_key':'k','args':[{'$task':{'process':'collect',"
        "'args':[{'$task':{'function':'echo','cache_key':'k'}}]}}]}",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        note(s, "%s", bodies[i]);
        const char *body = requote(text(s, "%s", bodies[i]));
        expect_problem(call(server, .path = "/v1/tasks", .body = body), 422, "cycle");
    }
    assert_int_equal(count_tasks(server, ""), 0);
    expect_result(server, create(server, "{'function':'echo','args':[7],'cache_key':'k'}"), "7");
}

/* 5.4 and 5.7: who shares what is on disk: a key that is live, one that is good, one that is free.
 */
SCENARIO(after_a_crash)
{
    functions_standard(s);
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'runs','function':'held','cache_key':'r'}");
    create(server, "{'id':'later','function':'echo','cache_key':'l','delay':3600}");
    struct reply *second = post(server, "/v1/tasks", "{'function':'echo','cache_key':'l'}");
    create(server, "{'id':'good','function':'work','cache_key':'g'}");
    create(server, "{'id':'bad','function':'fail','cache_key':'b'}");
    expect_outcome(server, "good", "succeeded");
    expect_failure(server, "bad", "function-error");
    await_progress(server, "runs", 1);
    server_kill9(server);
    server = server_start(s, "%s", "");
    expect_joined(post(server, "/v1/tasks", "{'function':'work','cache_key':'r'}"), "runs");
    expect_joined(post(server, "/v1/tasks", "{'function':'work','cache_key':'g'}"), "good");
    create(server, "{'id':'anew','function':'echo','cache_key':'b'}");
    struct reply *third = post(server, "/v1/tasks", "{'function':'echo','cache_key':'l'}");
    expect_joined(third, "later");
    expect_number(third, "subscribers", 3);
    struct reply *left = cancel(
        server, "later", json(s, "{'subscription':'%s'}", json_text(second, "subscription")));
    expect_json(left, "cancelled", "false");
    expect_number(left, "subscribers", 2);
    release(s, "runs", "7");
    expect_result(server, "runs", "7");
    assert_int_equal(count_runs(s, "runs"), 2);
    assert_int_equal(count_runs(s, "good"), 1);
}

/* 3.1 and 4.10: what a key may be, and what goes only with one; the pointer says where. */
SCENARIO(bad_input)
{
    const char *a256 = text(s, "%0256d", 0);
    const struct {
        const char *fields, *pointer; /* NULL: fine */
    } rows[] = {
        {"'cache_key':5", "/cache_key"},
        {"'cache_key':['k']", "/cache_key"},
        {"'cache_key':''", "/cache_key"},
        {text(s, "'cache_key':'1%s'", a256), "/cache_key"},
        {text(s, "'cache_key':'\303\251%s'", a256 + 1), "/cache_key"},
        {"'cache_key':'t','cache_ttl':'1'", "/cache_ttl"},
        {"'cache_key':'t','cache_ttl':-1", "/cache_ttl"},
        {"'cache_key':'t','cache_ttl':true", "/cache_ttl"},
        {"'cache_ttl':1", "/cache_ttl"},
        {"'cache_key':null,'cache_ttl':1", "/cache_ttl"},
        {"'cache_key':'t','force':'yes'", "/force"},
        {"'cache_key':'t','force':1", "/force"},
        {"'force':true", "/force"},
        {text(s, "'cache_key':'%s'", a256), NULL},
        {text(s, "'cache_key':'\303\251%s'", a256 + 2), NULL},
        {"'cache_key':'k'", NULL},
        {"'cache_key':'K','cache_ttl':0.5,'force':true", NULL},
        {"'cache_key':null,'cache_ttl':null,'force':null", NULL},
        {"'force':false", NULL},
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].fields);
        const char *fields = requote(text(s, "%s", rows[i].fields));
        struct reply *reply = post(server, "/v1/tasks", "{'function':'echo',%s}", fields);
        if (!rows[i].pointer) {
            expect_status(reply, 201);
            continue;
        }
        expect_pointer(reply, rows[i].pointer);
        expect_pointer(post(server, "/v1/tasks",
                            "{'process':'collect','args':[{'$task':{'function':'echo',%s}}]}",
                            fields),
                       text(s, "/args/0/$task%s", rows[i].pointer));
    }
    assert_int_equal(count_tasks(server, ""), 6);
    /* The bytes after a NUL are part of a key, if such a key is taken at all. */
    create(server, "{'function':'echo','cache_key':'n'}");
    struct reply *longer = post(server, "/v1/tasks", "{'function':'echo','cache_key':'n\\u0000'}");
    assert_int_not_equal(longer->status, 200);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(twenty_at_once),         RUN(answers),
        RUN(own_id_is_ignored),      RUN(live_states),
        RUN(waiting_joiners),        RUN(force),
        RUN(equal_keys_in_an_array), RUN(reference_to_a_joiner),
        RUN(array_that_joins),       RUN(circles_through_keys),
        RUN(after_a_crash),          RUN(bad_input),
    };
    return RUN_SCENARIOS("sharing", table);
}
