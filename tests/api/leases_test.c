/* Section 4.9: workers elsewhere lease tasks. How leases are ended: lease_ends_test.c. */
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/sse.h"

/* 4.9, 3.3 and 5.2: a task is leased, reported on and answered; its lease shows it as it is. */
SCENARIO(from_create_to_result)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    expect_json(lease(server, "{'functions':['a']}"), "", "{'leases':[]}");
    create(server, "{'id':'x','function':'a','args':[1,12345678901234567890],'kwargs':{'k':'v'},"
                   "'metadata':{'m':1},'notify_channels':['c']}");
    struct sse *sse = sse_open(server, "/v1/tasks/x/events?last_event_id=0");
    struct reply *reply = lease(server, "{'functions':['a'],'ttl':60}");
    assert_int_equal(json_count(reply, "leases"), 1);
    expect_number(reply, "leases.0.task.attempt", 1);
    const char *shown = body_value(&reply->body, "leases.0.task", HERE);
    assert_string_equal(shown, body_value(&task(server, "x")->body, "", HERE));
    assert_in_range(json_time(reply, "leases.0.expires_at") -
                        json_time(reply, "leases.0.task.started_at"),
                    60000, 60000);
    const char *token = json_text(reply, "leases.0.lease");
    expect_no_lease(server, "a");
    expect_json(heartbeat(server, token, "{'progress':40,'message':'half'}"), "cancel", "false");
    reply = lease_result(server, token, "{'n':1.0,'big':12345678901234567890}");
    expect_status(reply, 200);
    expect_json(reply, "", "{'id':'x','state':'succeeded'}");
    expect_result(server, "x", "{'n':1.0,'big':12345678901234567890}");
    expect_story(sse, "created x, started x, progress x, succeeded x");
    expect_end(sse);
    expect_over(server, token, "x");
}

/* 2.3: no file is needed, and GET /v1/functions shows it. */
SCENARIO(shown_among_the_functions)
{
    functions_remote(s, "a", "'description':'elsewhere','concurrency':2");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    create(server, "{'id':'y','function':'a'}");
    lease_one(server, "a");
    struct reply *reply = get(server, "/v1/functions");
    expect_text(reply, "functions.0.name", "a");
    expect_text(reply, "functions.0.mode", "remote");
    expect_text(reply, "functions.0.description", "elsewhere");
    expect_number(reply, "functions.0.concurrency", 2);
    expect_number(reply, "functions.0.queued", 1);
    expect_number(reply, "functions.0.running", 1);
    expect_null(reply, "functions.0.workers");
}

/* 2.3: it runs nothing here, so a command has no place in it. */
SCENARIO(no_command)
{
    function_manifest(s, "a.json", "{'command':['/bin/true'],'mode':'remote'}");
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --functions %s",
                                 s->folder, folder_path(s, "functions"));
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "a.json"));
    assert_non_null(strstr(run->errors, "command"));
}

/* --- waiting ------------------------------------------------------------------------- */

/* 4.9: who waits is answered as soon as there is something; not at the end of its wait. */
SCENARIO(wakes_at_once)
{
    functions_remote(s, "a b", "");
    struct server *server = server_start(s, "%s", "");
    struct http *poll = poll_start(server, "{'functions':['a','b'],'wait':60}");
    create(server, "{'id':'other','function':'echo'}");
    create(server, "{'id':'x','function':'b'}");
    expect_text(poll_read(poll), "leases.0.task.id", "x");
    /* also by a task whose time comes, one that is tried again, one that waited for another */
    poll = poll_start(server, "{'functions':['a'],'wait':60}");
    create(server, "{'id':'due','function':'a','delay':0.05,'max_attempts':2,"
                   "'backoff':{'initial':0.05}}");
    struct reply *reply = poll_read(poll);
    expect_text(reply, "leases.0.task.id", "due");
    poll = poll_start(server, "{'functions':['a'],'wait':60}");
    lease_error(server, json_text(reply, "leases.0.lease"), "{}");
    reply = poll_read(poll);
    expect_number(reply, "leases.0.task.attempt", 2);
    poll = poll_start(server, "{'functions':['a'],'wait':60}");
    create(server, "{'id':'m','process':'a','args':[{'$task':'due'}]}");
    lease_result(server, json_text(reply, "leases.0.lease"), "5");
    reply = poll_read(poll);
    expect_text(reply, "leases.0.task.id", "m");
    expect_json(reply, "leases.0.task.args", "[5]");
}

/* 4.10: empty when the wait is over. */
SCENARIO(wait_is_over)
{
    functions_remote(s, "a b", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'not_asked_for','function':'b'}");
    int64_t begin = now_ms();
    struct reply *reply = lease(server, "{'functions':['a'],'wait':0.3}");
    expect_json(reply, "", "{'leases':[]}");
    assert_in_range(now_ms() - begin, 299, DEADLINE_MS);
    expect_state(server, "not_asked_for", "queued");
}

/* t0, t1 and so on, in one transaction. */
static void create_many(struct server *server, int count)
{
    struct scenario *s = server->scenario;
    char *body = json(s, "[{'id':'t0','function':'a'}");
    for (int i = 1; i < count; i++)
        body = text(s, "%s,%s", body, json(s, "{'id':'t%d','function':'a'}", i));
    body = text(s, "%s]", body);
    expect_status(call(server, .path = "/v1/tasks", .body = body), 201);
}

/* 4.9: those who wait get one each in turn; none is leased twice. */
SCENARIO(shared_fairly)
{
    enum { POLLS = 8, TASKS = 100 };
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    struct http *polls[POLLS];
    for (int i = 0; i < POLLS; i++)
        polls[i] = poll_start(server, "{'functions':['a'],'wait':60,'max':100}");
    create_many(server, TASKS);
    bool seen[TASKS] = {false};
    int total = 0;
    for (int i = 0; i < POLLS; i++) {
        struct reply *reply = poll_read(polls[i]);
        int count = json_count(reply, "leases");
        note(s, "poll %d got %d", i, count);
        assert_in_range(count, TASKS / POLLS, TASKS / POLLS + 1);
        for (int k = 0; k < count; k++) {
            int number = atoi(json_text(reply, text(s, "leases.%d.task.id", k)) + 1);
            assert_false(seen[number]);
            seen[number] = true;
        }
        total += count;
    }
    assert_int_equal(total, TASKS);
}

/* 4.9: many at once who do not wait: each task is leased once, each lease can be answered. */
SCENARIO(none_twice)
{
    enum { CROWD = 40, TASKS = 100 };
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create_many(server, TASKS);
    const struct request poll = {.path = "/v1/leases",
                                 .body = json(s, "{'functions':['a'],'max':3}")};
    struct reply **replies = call_crowd(server, &poll, CROWD);
    int total = 0;
    for (int i = 0; i < CROWD; i++) {
        int count = json_count(replies[i], "leases");
        total += count;
        for (int k = 0; k < count; k++) {
            const char *token = json_text(replies[i], text(s, "leases.%d.lease", k));
            expect_number(replies[i], text(s, "leases.%d.task.attempt", k), 1);
            expect_status(lease_result(server, token, "1"), 200); /* 409 if it were leased twice */
        }
    }
    assert_int_equal(total, TASKS);
    assert_int_equal(count_tasks(server, "state=succeeded"), TASKS);
}

/* 4.9: a worker that has left does not take a task along. */
SCENARIO(poller_that_left)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    struct http *gone = poll_start(server, "{'functions':['a'],'wait':60}");
    struct http *here = poll_start(server, "{'functions':['a'],'wait':60}");
    http_close(gone);
    create(server, "{'id':'x','function':'a'}");
    struct reply *reply = poll_read(here);
    expect_text(reply, "leases.0.task.id", "x");
    expect_number(reply, "leases.0.task.attempt", 1);
}

/* --- which tasks ----------------------------------------------------------------------- */

/* 3.1 and 4.9: at most `max`; higher priority first, then oldest first, over all functions. */
SCENARIO(order_and_max)
{
    functions_remote(s, "a b c", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a0','function':'a'}");
    create(server, "{'id':'b0','function':'b'}");
    create(server, "{'id':'c9','function':'c','priority':9}");
    create(server, "{'id':'b5','function':'b','priority':5}");
    create(server, "{'id':'a5','function':'a','priority':5}");
    struct reply *reply = lease(server, "{'functions':['a','b'],'max':3}");
    assert_int_equal(json_count(reply, "leases"), 3);
    expect_text(reply, "leases.0.task.id", "b5");
    expect_text(reply, "leases.1.task.id", "a5");
    expect_text(reply, "leases.2.task.id", "a0");
    reply = lease(server, "{'functions':['b','c'],'max':100}");
    assert_int_equal(json_count(reply, "leases"), 2);
    expect_text(reply, "leases.0.task.id", "c9");
    expect_text(reply, "leases.1.task.id", "b0");
}

/* 2: `concurrency` of the manifest; an end makes room for one who waits. */
SCENARIO(concurrency)
{
    functions_remote(s, "a", "'concurrency':2");
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 4; i++)
        create(server, "{'id':'t%d','function':'a'}", i);
    struct reply *reply = lease(server, "{'functions':['a'],'max':4}");
    assert_int_equal(json_count(reply, "leases"), 2);
    expect_no_lease(server, "a");
    struct http *poll = poll_start(server, "{'functions':['a'],'wait':60,'max':4}");
    lease_result(server, json_text(reply, "leases.0.lease"), "1");
    reply = poll_read(poll);
    assert_int_equal(json_count(reply, "leases"), 1);
    expect_text(reply, "leases.0.task.id", "t2");
}

/* 2.3: what runs elsewhere takes no slot, and none is needed for it. */
SCENARIO(no_slots)
{
    functions_standard(s);
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'x','function':'a'}");
    create(server, "{'id':'y','function':'a'}");
    const char *x = lease_one(server, "a");
    expect_number(get(server, "/v1/stats"), "slots.used", 0);
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    const char *y = lease_one(server, "a");
    expect_number(get(server, "/v1/stats"), "slots.used", 1);
    create(server, "{'id':'i','function':'hold'}");
    lease_result(server, x, "1");
    lease_result(server, y, "1");
    expect_state(server, "i", "queued");
    release(s, "h", "1");
    await_progress(server, "i", 1);
    release(s, "i", "1");
    expect_result(server, "i", "1");
}

/* 4.9: a lease may be shorter than a second: it is over when it is, a heartbeat is good for as long
 * again, and the third that is lost is the last. */
SCENARIO(short_ones)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    struct reply *reply = lease(server, "{'functions':['a'],'ttl':0.75}");
    int64_t started = json_time(reply, "leases.0.task.started_at");
    assert_int_equal(json_time(reply, "leases.0.expires_at") - started, 750);
    reply = lease(server, "{'functions':['a'],'wait':60,'ttl':20.25}");
    expect_number(reply, "leases.0.task.attempt", 2);
    assert_true(json_time(reply, "leases.0.task.started_at") - started >= 750);
    const char *token = json_text(reply, "leases.0.lease");
    int64_t before = json_time(reply, "leases.0.expires_at");
    reply = heartbeat(server, token, "{'progress':5}");
    expect_status(reply, 200);
    assert_true(json_time(reply, "expires_at") >= before);
    expect_status(lease_result(server, token, "1"), 200);
    create(server, "{'id':'y','function':'a'}");
    for (int i = 0; i < 3; i++)
        lease(server, "{'functions':['a'],'wait':60,'ttl':0.02}");
    expect_failure(server, "y", "interrupted");
}

/* --- what is refused ----------------------------------------------------------------------- */

/* 4.9: 422 with the place; nothing is leased. */
SCENARIO(bad_polls)
{
    static const struct {
        const char *body, *pointer;
    } rows[] = {
        {"{}", "/functions"},
        {"[]", ""},
        {"{'functions':[]}", "/functions"},
        {"{'functions':null}", "/functions"},
        {"{'functions':'a'}", "/functions"},
        {"{'functions':['a',1]}", "/functions/1"},
        {"{'functions':['a','echo']}", "/functions/1"},
        {"{'functions':['cat']}", "/functions/0"},
        {"{'functions':['a'],'max':0}", "/max"},
        {"{'functions':['a'],'max':101}", "/max"},
        {"{'functions':['a'],'max':1.5}", "/max"},
        {"{'functions':['a'],'max':'1'}", "/max"},
        {"{'functions':['a'],'wait':-1}", "/wait"},
        {"{'functions':['a'],'wait':'1'}", "/wait"},
        {"{'functions':['a'],'ttl':0}", "/ttl"},
        {"{'functions':['a'],'ttl':0.0004}", "/ttl"},
        {"{'functions':['a'],'ttl':-0.5}", "/ttl"},
        {"{'functions':['a'],'ttl':3601}", "/ttl"},
        {"{'functions':['a'],'ttl':1E400}", "/ttl"},
        {"{'functions':['a'],'ttl':true}", "/ttl"},
        {"{'functions':['a'],'worker':'w'}", "/worker"},
        {"{'functions':['a'],'max':1,'max':1}", "/max"},
    };
    functions_standard(s);
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].body);
        struct reply *reply =
            call(server, .path = "/v1/leases", .body = requote(text(s, "%s", rows[i].body)));
        expect_pointer(reply, rows[i].pointer);
    }
    struct reply *reply = post(server, "/v1/leases", "{'functions':['nope']}");
    expect_problem(reply, 422, "unknown-function");
    expect_text(reply, "errors.0.pointer", "/functions/0");
    expect_problem(post(server, "/v1/leases?wait=1", "{'functions':['a']}"), 422,
                   "invalid-request");
    expect_status(get(server, "/v1/leases"), 405);
    expect_state(server, "x", "queued");
    expect_json(lease(server, "{'functions':['a'],'max':null,'wait':null,'ttl':null}"),
                "leases.0.task.id", "'x'");
}

/* 4.9: a token that was never given is 404, whatever it looks like. */
SCENARIO(unknown_leases)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    const char *token = lease_one(server, "a");
    char *forged = text(s, "%s", token);
    char *last = forged + strlen(forged) - 1;
    *last = *last == '0' ? '1' : '0';
    const char *tokens[] = {"nope", "1-1-", "1-1", "1", "x-1-0", "9-1-00", "1-2-00", forged};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        note(s, "%s", tokens[i]);
        expect_problem(heartbeat(server, tokens[i], "{}"), 404, "not-found");
        expect_problem(lease_result(server, tokens[i], "1"), 404, "not-found");
        expect_problem(lease_error(server, tokens[i], "{}"), 404, "not-found");
    }
    expect_state(server, "x", "running");
    lease_result(server, token, "1");
    expect_over(server, token, "x");
    expect_status(call(server, .method = "DELETE", .path = "/v1/tasks/x"), 204);
    expect_problem(lease_result(server, token, "1"), 404, "not-found");
}

/* 4.10: a result may be as large as --max-result; other bodies as --max-body. */
SCENARIO(sizes_of_bodies)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "--max-body 1000 --max-result 5000");
    create(server, "{'id':'x','function':'a'}");
    const char *token = lease_one(server, "a");
    char *fits = text(s, "'%*s'", 4998, "x"), *large = text(s, "'%*s'", 4999, "x");
    expect_problem(lease_result(server, token, large), 413, "body-too-large");
    expect_problem(lease_error(server, token, text(s, "{'message':%s}", fits)), 413,
                   "body-too-large");
    expect_problem(call(server, .method = "PUT", .path = text(s, "/v1/leases/%s/result", token),
                        .body = "[1,]"),
                   400, "malformed-json");
    expect_state(server, "x", "running");
    expect_status(lease_result(server, token, fits), 200);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(short_ones),
        RUN(from_create_to_result),
        RUN(shown_among_the_functions),
        RUN(no_command),
        RUN(wakes_at_once),
        RUN(wait_is_over),
        RUN(shared_fairly),
        RUN(none_twice),
        RUN(poller_that_left),
        RUN(order_and_max),
        RUN(concurrency),
        RUN(no_slots),
        RUN(bad_polls),
        RUN(unknown_leases),
        RUN(sizes_of_bodies),
    };
    return RUN_SCENARIOS("leases", table);
}
