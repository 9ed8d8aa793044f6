/* Sections 5.3 and 5.4: cancel of a task that several share: who leaves, and who ends it. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* A create that makes or joins; returns its subscription. */
static const char *subscribe(struct server *server, const char *body)
{
    struct reply *reply =
        call(server, .path = "/v1/tasks", .body = requote(text(server->scenario, "%s", body)));
    assert_true(reply->status == 201 || reply->status == 200);
    return json_text(reply, "subscription");
}

static struct reply *leave(struct server *server, const char *id, const char *subscription)
{
    return cancel(server, id, json(server->scenario, "{'subscription':'%s'}", subscription));
}

/* It went on, with so many who still want it. */
static void expect_left(const struct reply *reply, int subscribers)
{
    expect_status(reply, 200);
    expect_json(reply, "cancelled", "false");
    expect_number(reply, "subscribers", subscribers);
}

static void expect_cancelled(const struct reply *reply)
{
    assert_true(reply->status == 200 || reply->status == 202);
    expect_json(reply, "cancelled", "true");
}

/* 5.4: cancel takes one away, and leaves the task alone; the last one cancels it. */
SCENARIO(one_by_one)
{
    static const char body[] =
        "{'function':'echo','cache_key':'k','delay':3600,'notify_channels':['x']}";
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','cache_key':'k','delay':3600}");
    subscribe(server, body);
    subscribe(server, body);
    expect_left(cancel(server, "a", NULL), 2);
    expect_state(server, "a", "scheduled");
    expect_left(cancel(server, "a", "{}"), 1);
    struct reply *last = cancel(server, "a", "{'force':false}");
    expect_cancelled(last);
    expect_text(last, "state", "cancelled");
    expect_state(server, "a", "cancelled");
    assert_string_equal(story_of(server, "x"), "cancelled a");
}

/* 5.4: a subscription leaves once; again, and one that never was, changes nothing. */
SCENARIO(a_subscription_leaves_once)
{
    static const char body[] = "{'id':'a','function':'echo','cache_key':'k','delay':3600}";
    struct server *server = server_start(s, "%s", "");
    const char *first = subscribe(server, body), *second = subscribe(server, body);
    subscribe(server, body);
    const char *other = subscribe(server, "{'function':'echo','cache_key':'l','delay':3600}");
    expect_left(leave(server, "a", second), 2);
    double version = json_number(task(server, "a"), "version");
    expect_left(leave(server, "a", second), 2);
    expect_left(leave(server, "a", "nobody"), 2);
    expect_left(leave(server, "a", ""), 2);
    expect_left(leave(server, "a", other), 2);
    expect_number(task(server, "a"), "version", version);
    expect_left(leave(server, "a", first), 1);
    expect_left(leave(server, "a", first), 1);
    expect_state(server, "a", "scheduled");
}

/* 5.4: whoever comes last ends it, also the one who came first. */
SCENARIO(the_creator_comes_last)
{
    static const char body[] = "{'id':'a','function':'echo','cache_key':'k','delay':3600}";
    struct server *server = server_start(s, "%s", "");
    const char *first = subscribe(server, body), *second = subscribe(server, body);
    expect_left(leave(server, "a", second), 1);
    expect_left(leave(server, "a", second), 1);
    expect_cancelled(leave(server, "a", first));
    expect_state(server, "a", "cancelled");
    struct reply *after = leave(server, "a", first);
    expect_status(after, 200);
    expect_json(after, "cancelled", "false");
}

/* 5.4: `force` cancels, however many want it. */
SCENARIO(force)
{
    static const char body[] = "{'id':'a','function':'hold','cache_key':'k'}";
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 3; i++)
        subscribe(server, body);
    await_progress(server, "a", 1);
    int pid = folder_pid(s, "a.pids", 0);
    expect_cancelled(cancel(server, "a", "{'force':true}"));
    expect_outcome(server, "a", "cancelled");
    assert_false(process_alive(pid));
}

/* 5.4: `force` cancels, whoever asks: a subscription that has left, one that never was, a good one.
 */
SCENARIO(force_beside_a_subscription)
{
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 3; i++) {
        const char *id = text(s, "t%d", i);
        const char *body =
            text(s, "{'id':'%s','function':'echo','cache_key':'k%d','delay':3600}", id, i);
        const char *first = subscribe(server, body), *second = subscribe(server, body);
        subscribe(server, body);
        expect_left(leave(server, id, first), 2);
        const char *given[] = {first, "nobody", second};
        note(s, "subscription %s", given[i]);
        expect_cancelled(
            cancel(server, id, json(s, "{'force':true,'subscription':'%s'}", given[i])));
        expect_state(server, id, "cancelled");
    }
}

/* 5.4: one who leaves a task that runs does it no harm. */
SCENARIO(leaving_a_running_task)
{
    static const char body[] = "{'id':'a','function':'hold','cache_key':'k'}";
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    subscribe(server, body);
    const char *second = subscribe(server, body);
    await_progress(server, "a", 1);
    int pid = folder_pid(s, "a.pids", 0);
    expect_left(leave(server, "a", second), 1);
    expect_json(expect_state(server, "a", "running"), "cancel_requested", "false");
    assert_true(process_alive(pid));
    release(s, "a", "7");
    expect_result(server, "a", "7");
    struct reply *over = leave(server, "a", second);
    expect_status(over, 200);
    expect_json(over, "cancelled", "false");
}

/* 5.4: twenty leave at the same moment: one of them is the last, and it is cancelled once. */
SCENARIO(all_leave_at_once)
{
    enum { MANY = 20 };
    static const char body[] =
        "{'id':'a','function':'hold','cache_key':'k','notify_channels':['x']}";
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    struct request requests[MANY];
    for (int i = 0; i < MANY; i++)
        requests[i] =
            (struct request){.method = "POST",
                             .path = "/v1/tasks/a/cancel",
                             .body = json(s, "{'subscription':'%s'}", subscribe(server, body))};
    await_progress(server, "a", 1);
    struct reply **replies = call_together(server, requests, MANY);
    int cancelled = 0;
    for (int i = 0; i < MANY; i++)
        cancelled += cJSON_IsTrue(body_at(&replies[i]->body, "cancelled"));
    assert_int_equal(cancelled, 1);
    expect_outcome(server, "a", "cancelled");
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.cancelled", "a"), 1);
}

/* 5.4: one subscription on many connections leaves once. */
SCENARIO(one_leaves_many_times)
{
    enum { MANY = 10 };
    static const char body[] = "{'id':'a','function':'echo','cache_key':'k','delay':3600}";
    struct server *server = server_start(s, "%s", "");
    subscribe(server, body);
    subscribe(server, body);
    const char *last = subscribe(server, body);
    struct request request = {.path = "/v1/tasks/a/cancel",
                              .body = json(s, "{'subscription':'%s'}", last)};
    struct reply **replies = call_crowd(server, &request, MANY);
    for (int i = 0; i < MANY; i++)
        expect_left(replies[i], 2);
    expect_state(server, "a", "scheduled");
}

/* 5.3: a task without a key has no subscriptions: a made-up one does nothing, cancel ends it. */
SCENARIO(without_a_key)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *made = post(server, "/v1/tasks", "{'id':'a','function':'echo','delay':3600}");
    expect_status(made, 201);
    expect_absent(made, "subscription");
    expect_left(leave(server, "a", "nobody"), 1);
    expect_state(server, "a", "scheduled");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'a'}]}");
    expect_cancelled(cancel(server, "a", NULL));
    expect_text(expect_state(server, "m", "cancelled"), "error.caused_by", "a");
}

/* 5.3 and 5.4: a meta-task that waits wants it too: the last subscriber goes, the task stays. */
SCENARIO(a_meta_wants_it_too)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','cache_key':'k','delay':3600}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'a'}]}");
    expect_number(task(server, "a"), "subscribers", 1);
    expect_left(cancel(server, "a", NULL), 0);
    expect_state(server, "a", "scheduled");
    expect_state(server, "m", "waiting");
    /* Now it is the meta-task's alone. */
    expect_cancelled(cancel(server, "m", NULL));
    expect_state(server, "a", "cancelled");
}

/* 5.3: the meta-task ends; what a subscriber still wants goes on. */
SCENARIO(the_meta_leaves_first)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','cache_key':'k','delay':3600}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'a'}]}");
    expect_cancelled(cancel(server, "m", NULL));
    expect_state(server, "a", "scheduled");
    expect_cancelled(cancel(server, "a", NULL));
    expect_state(server, "a", "cancelled");
}

/* 5.1 and 5.3: forced, it takes the meta-tasks that need it along. */
SCENARIO(force_ends_the_metas)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','cache_key':'k','delay':3600}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'a'}]}");
    expect_cancelled(cancel(server, "a", "{'force':true}"));
    expect_state(server, "a", "cancelled");
    expect_text(expect_state(server, "m", "cancelled"), "error.caused_by", "a");
}

/* 5.3 and 5.4: an inline dependency that a client has joined goes on without its meta-task. */
SCENARIO(subscribed_dependency_goes_on)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':["
                   "{'$task':{'id':'bad','function':'hold'}},"
                   "{'$task':{'id':'joined','function':'echo','args':[1],'delay':3600,"
                   "'cache_key':'k'}},"
                   "{'$task':{'id':'lonely','function':'echo','delay':3600,'cache_key':'l'}}]}");
    expect_number(task(server, "joined"), "subscribers", 0);
    struct reply *reply =
        post(server, "/v1/tasks", "{'function':'echo','args':[1],'cache_key':'k'}");
    expect_joined(reply, "joined");
    expect_number(reply, "subscribers", 1);
    await_progress(server, "bad", 1);
    release(s, "bad", "\377");
    expect_failure(server, "m", "dependency-failed");
    expect_outcome(server, "lonely", "cancelled");
    expect_state(server, "joined", "scheduled");
    expect_cancelled(cancel(server, "joined", NULL));
    expect_state(server, "joined", "cancelled");
}

/* 5.4 and 5.7: who has left stays away, also after a crash. */
SCENARIO(left_before_a_crash)
{
    static const char body[] = "{'id':'a','function':'echo','cache_key':'k','delay':3600}";
    struct server *server = server_start(s, "%s", "");
    const char *first = subscribe(server, body), *second = subscribe(server, body);
    expect_left(leave(server, "a", first), 1);
    server_kill9(server);
    server = server_start(s, "%s", "");
    expect_left(leave(server, "a", first), 1);
    expect_cancelled(leave(server, "a", second));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(one_by_one),
        RUN(a_subscription_leaves_once),
        RUN(the_creator_comes_last),
        RUN(force),
        RUN(force_beside_a_subscription),
        RUN(leaving_a_running_task),
        RUN(all_leave_at_once),
        RUN(one_leaves_many_times),
        RUN(without_a_key),
        RUN(a_meta_wants_it_too),
        RUN(the_meta_leaves_first),
        RUN(force_ends_the_metas),
        RUN(subscribed_dependency_goes_on),
        RUN(left_before_a_crash),
    };
    return RUN_SCENARIOS("subscribers", table);
}
