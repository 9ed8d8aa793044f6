/* Sections 3.2 and 3.3: the task as JSON, its times, its version. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 3.3: all members are there, those that do not apply as null. */
SCENARIO(every_member)
{
    static const char *const members[] = {
        "id",
        "kind",
        "function",
        "state",
        "args",
        "kwargs",
        "notify_channels",
        "cache_key",
        "priority",
        "attempt",
        "max_attempts",
        "progress",
        "cancel_requested",
        "subscribers",
        "restarts",
        "dependencies",
        "error",
        "result_access",
        "metadata",
        "version",
        "created_at",
        "run_at",
        "started_at",
        "finished_at",
        "expires_at",
    };
    struct server *server = server_start(s, "%s", "");
    struct reply *made = post(server, "/v1/tasks", "{'id':'a','function':'echo','delay':3600}");
    expect_status(made, 201);
    struct reply *read = task(server, "a");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        note(s, "%s", members[i]);
        assert_true(json_has(made, members[i]));
        assert_true(json_has(read, members[i]));
    }
    expect_absent(read, "process");
    expect_json(read, "progress", "null");
    expect_json(read, "error", "null");
    expect_json(read, "started_at", "null");
    expect_json(read, "finished_at", "null");
    expect_json(read, "cancel_requested", "false");
    expect_json(read, "dependencies", "[]");
    expect_text(read, "result_access", "many");
    expect_number(read, "restarts", 0);
    expect_number(read, "attempt", 0);
    assert_string_equal(header(made, "Content-Type"), "application/json");
}

/* 3.3: what was asked for is what is shown. */
SCENARIO(as_asked)
{
    struct server *server = server_start(s, "%s", "");
    create(server,
           "{'id':'a','function':'echo','args':[1,{'x':null}],'kwargs':{'k':'v'},"
           "'notify_channels':['c','b'],'priority':-7,'max_attempts':5,'metadata':{'m':[1]},"
           "'run_at':'2099-01-02T03:04:05.678Z'}");
    struct reply *reply = task(server, "a");
    expect_text(reply, "id", "a");
    expect_text(reply, "kind", "task");
    expect_text(reply, "function", "echo");
    expect_text(reply, "state", "scheduled");
    expect_json(reply, "args", "[1,{'x':null}]");
    expect_json(reply, "kwargs", "{'k':'v'}");
    expect_json(reply, "notify_channels", "['c','b']");
    expect_number(reply, "priority", -7);
    expect_number(reply, "max_attempts", 5);
    expect_json(reply, "metadata", "{'m':[1]}");
    expect_text(reply, "run_at", "2099-01-02T03:04:05.678Z");
}

/* 3.1: a default id is a UUIDv7; later ones sort later. */
SCENARIO(default_ids)
{
    static const char form[] = "xxxxxxxx-xxxx-7xxx-yxxx-xxxxxxxxxxxx";
    struct server *server = server_start(s, "%s", "");
    const char *before = "";
    for (int round = 0; round < 20; round++) {
        const char *id = create(server, "{'function':'echo'}");
        note(s, "%s", id);
        assert_int_equal(strlen(id), strlen(form));
        for (size_t i = 0; form[i]; i++) {
            bool fits = form[i] == 'x'   ? isxdigit((unsigned char)id[i]) && !isupper(id[i])
                        : form[i] == 'y' ? strchr("89ab", id[i]) != NULL
                                         : id[i] == form[i];
            assert_true(fits);
        }
        int64_t made = (int64_t)strtoull(text(s, "%.8s%.4s", id, id + 9), NULL, 16);
        assert_in_range(made, wall_ms() - 60000, wall_ms() + 1000);
        assert_true(strncmp(before, id, 13) <= 0);
        before = id;
    }
}

/* 3.3: times are RFC 3339 in UTC with milliseconds, in the order of life. */
SCENARIO(times_of_a_life)
{
    struct server *server = server_start(s, "%s", "");
    int64_t begin = wall_ms();
    create(server, "{'id':'a','function':'sleep','args':[0.05]}");
    struct reply *reply = expect_outcome(server, "a", "succeeded");
    int64_t end = wall_ms();
    int64_t made = json_time(reply, "created_at"), started = json_time(reply, "started_at"),
            over = json_time(reply, "finished_at");
    assert_true(begin - 1 <= made && made <= started && started <= over && over <= end + 1);
    assert_true(over - started >= 49);
    assert_true(json_time(reply, "expires_at") > over);
    expect_number(reply, "attempt", 1);
}

/* 3.3: a failed task has its error, a succeeded one has null. */
SCENARIO(errors)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'good','function':'echo'}");
    create(server, "{'id':'bad','function':'fail','args':['no']}");
    expect_json(expect_outcome(server, "good", "succeeded"), "error", "null");
    struct reply *reply = expect_failure(server, "bad", "function-error");
    expect_text(reply, "error.message", "no");
    expect_number(reply, "error.attempt", 1);
}

/* 3.1 and 3.3: a meta-task has `process` and not `function`, and lists its dependencies with their
 * place. */
SCENARIO(meta_task)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    create(server, "{'id':'m','process':'collect','args':[0,{'$task':'later'}],"
                   "'kwargs':{'k':[{'x/y':{'$task':'later'}}]}}");
    struct reply *reply = task(server, "m");
    expect_text(reply, "kind", "meta");
    expect_text(reply, "process", "collect");
    expect_absent(reply, "function");
    expect_text(reply, "state", "waiting");
    expect_json(reply, "args.1", "{'$task':'later'}");
    assert_int_equal(json_count(reply, "dependencies"), 2);
    const char *all = body_value(&reply->body, "dependencies", HERE);
    assert_non_null(strstr(all, "\"id\":\"later\""));
    assert_non_null(strstr(all, "\"state\":\"scheduled\""));
    assert_non_null(strstr(all, "\"/args/1\""));
    assert_non_null(strstr(all, "\"/kwargs/k/0/x~1y\""));
}

/* 4.10: a task created on its own has one subscriber, an inline dependency none. */
SCENARIO(subscribers)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':"
                   "[{'$task':{'id':'d','function':'echo','delay':3600}}]}");
    expect_number(task(server, "m"), "subscribers", 1);
    expect_number(task(server, "d"), "subscribers", 0);
}

/* 3.2 and 3.3: each change makes the version one more. */
SCENARIO(version_counts_changes)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    double first = json_number(task(server, "a"), "version");
    expect_number(task(server, "a"), "version", first);
    expect_status(cancel(server, "a", NULL), 200);
    expect_number(task(server, "a"), "version", first + 1);
    expect_status(cancel(server, "a", NULL), 200);
    expect_number(task(server, "a"), "version", first + 1);
}

static struct reply *if_none_match(struct server *server, const char *tags)
{
    return call(server, .path = "/v1/tasks/a",
                .headers = text(server->scenario, "If-None-Match: %s\r\n", tags));
}

/* The task a now, which is shown in another version than before: not 304, and a higher one. */
static struct reply *expect_changed(struct server *server, const struct reply *before)
{
    struct reply *now = if_none_match(server, header(before, "ETag"));
    expect_status(now, 200);
    assert_true(json_number(now, "version") > json_number(before, "version"));
    expect_header(now, "ETag", text(server->scenario, "\"%.0f\"", json_number(now, "version")));
    expect_number(get(server, "/v1/tasks?kind=meta"), "tasks.0.version",
                  json_number(now, "version"));
    expect_status(if_none_match(server, header(now, "ETag")), 304);
    return now;
}

/* 3.3, 4: what a task shows of its dependencies changes its version, too: their states, and that
 * one is gone. */
SCENARIO(version_of_dependencies)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'first','function':'hold'}");
    await_progress(server, "first", 1);
    struct reply *made = post(server, "/v1/tasks",
                              "{'id':'a','process':'collect','args':[{'$task':{'id':'d',"
                              "'function':'hold'}},{'$task':'d'},{'$task':{'id':'e','function':"
                              "'echo','delay':3600}}]}");
    expect_status(made, 201);
    expect_number(made, "version", 1);
    struct reply *queued = if_none_match(server, "\"0\"");
    expect_number(queued, "version", 1);
    expect_header(queued, "ETag", "\"1\"");
    expect_status(if_none_match(server, "\"1\""), 304);
    release(s, "first", "1");
    await_progress(server, "d", 1);
    struct reply *running = expect_changed(server, queued);
    expect_text(running, "dependencies.1.state", "running");
    release(s, "d", "1");
    expect_outcome(server, "d", "succeeded");
    struct reply *waiting = expect_changed(server, running);
    expect_text(waiting, "state", "waiting");
    struct reply *cancelled = cancel(server, "a", NULL);
    struct reply *over = expect_changed(server, waiting);
    expect_text(over, "dependencies.2.state", "cancelled");
    expect_number(cancelled, "version", json_number(over, "version"));

    expect_status(call(server, .method = "DELETE", .path = "/v1/tasks/d"), 204);
    struct reply *less = expect_changed(server, over);
    assert_int_equal(json_count(less, "dependencies"), 1);
    expect_number(less, "version", json_number(over, "version") + 1);
    expect_status(call(server, .method = "DELETE", .path = "/v1/tasks/e"), 204);
    expect_number(expect_changed(server, less), "version", json_number(less, "version") + 1);
}

/* The same for one that is deleted because it is old. */
SCENARIO(version_of_an_old_dependency)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','process':'collect','args':[{'$task':{'id':'d','function':'echo',"
                   "'args':[1]}},2]}");
    expect_result(server, "a", "[1,2]");
    struct reply *over = task(server, "a");
    server_kill9(server);
    database_run(s, "data/errand.db", "UPDATE tasks SET finished_at = 1 WHERE id = 'd'");
    server = server_start(s, "%s", "");
    eventually(get(server, "/v1/tasks/d")->status == 404);
    struct reply *less = expect_changed(server, over);
    expect_number(less, "version", json_number(over, "version") + 1);
    expect_json(less, "dependencies", "[]");
}

/* 3.3: a create answers with the version that a GET has, whatever it is made of. */
SCENARIO(version_of_a_create)
{
    struct server *server = server_start(s, "%s", "");
    const char *shared = "{'id':'old','function':'echo','delay':3600,'cache_key':'k'}";
    const char *joins = "{'function':'echo','delay':3600,'cache_key':'k'}";
    create(server, "%s", requote(text(s, "%s", shared)));
    expect_status(post(server, "/v1/tasks", "%s", requote(text(s, "%s", joins))), 200);
    const char *const bodies[] = {
        "{'id':'m0','process':'collect','cache_key':'m','args':[{'$task':'old'},{'$task':'old'}]}",
        "{'process':'collect','cache_key':'m','args':[]}",
        "{'id':'m1','process':'collect','args':[{'$task':{'function':'echo','delay':3600,"
        "'cache_key':'k','notify_channels':['c']}}]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        note(s, "%s", bodies[i]);
        struct reply *made = post(server, "/v1/tasks", "%s", requote(text(s, "%s", bodies[i])));
        assert_true(json_number(made, "version") > 1);
        expect_number(task(server, json_text(made, "id")), "version", json_number(made, "version"));
    }
}

/* 4: the version is the ETag; If-None-Match gives 304 without a body. */
SCENARIO(etag)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    struct reply *reply = task(server, "a");
    const char *tag = header(reply, "ETag");
    assert_non_null(tag);
    assert_non_null(strstr(tag, text(s, "\"%.0f\"", json_number(reply, "version"))));
    struct reply *same = if_none_match(server, tag);
    expect_status(same, 304);
    expect_header(same, "ETag", tag);
    assert_int_equal(same->body.length, 0);
    expect_status(if_none_match(server, text(s, "\"other\", %s", tag)), 304);
    expect_status(if_none_match(server, text(s, "W/%s", tag)), 304);
    expect_status(if_none_match(server, "*"), 304);
    expect_status(if_none_match(server, "\"other\""), 200);
    expect_status(cancel(server, "a", NULL), 200);
    struct reply *changed = if_none_match(server, tag);
    expect_status(changed, 200);
    assert_string_not_equal(header(changed, "ETag"), tag);
}

/* 3.1: run_at and delay: not before; a time that has passed is now. */
SCENARIO(not_before)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'past','function':'echo','run_at':'2001-01-01T00:00:00Z'}");
    expect_outcome(server, "past", "succeeded");
    const char *old[] = {"1969-07-20T20:17:40.500Z", "0001-01-01T00:00:00.000Z"};
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        note(s, "%s", old[i]);
        const char *id = create(server, "{'function':'echo','run_at':'%s'}", old[i]);
        expect_text(expect_outcome(server, id, "succeeded"), "run_at", old[i]);
    }
    struct reply *made = post(server, "/v1/tasks", "{'id':'a','function':'echo','delay':0.4}");
    expect_text(made, "state", "scheduled");
    int64_t ahead = json_time(made, "run_at") - json_time(made, "created_at");
    assert_in_range(ahead, 100, 400); /* from when it was read, a moment before it was stored */
    struct reply *reply = expect_outcome(server, "a", "succeeded");
    assert_true(json_time(reply, "started_at") >= json_time(reply, "run_at"));
}

/* 3.1: a time that is very far away is a time all the same, and others do not wait for it. */
SCENARIO(far_away)
{
    const char *times[] = {"2262-04-11T23:47:17Z", "2300-01-01T00:00:00Z", "2400-01-01T00:00:00Z",
                           "9999-12-31T23:59:59.999Z"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        note(s, "%s", times[i]);
        struct server *server = server_start(s, "--data %s/data%zu", s->folder, i);
        create(server, "{'id':'far','function':'echo','run_at':'%s'}", times[i]);
        create(server, "{'id':'near','function':'echo','delay':0.05}");
        expect_outcome(server, "near", "succeeded");
        expect_state(server, "far", "scheduled");
        assert_int_equal(server_stop(server), 0);
    }
}

/* 3.1: run_at with an offset is shown in UTC. */
SCENARIO(offsets)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','run_at':'2099-01-01T01:30:00+02:00'}");
    expect_text(task(server, "a"), "run_at", "2098-12-31T23:30:00.000Z");
}

/* 4: POST answers with the Location of the task. */
SCENARIO(location)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *made = post(server, "/v1/tasks", "{'id':'a','function':'echo'}");
    const char *location = header(made, "Location");
    assert_non_null(location);
    assert_non_null(strstr(location, "/v1/tasks/a"));
    assert_null(strstr(location, "/v1/tasks/a/"));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(every_member),
        RUN(as_asked),
        RUN(default_ids),
        RUN(times_of_a_life),
        RUN(errors),
        RUN(meta_task),
        RUN(subscribers),
        RUN(version_counts_changes),
        RUN(etag),
        RUN(not_before),
        RUN(far_away),
        RUN(offsets),
        RUN(location),
        RUN(version_of_dependencies),
        RUN(version_of_a_create),
        RUN(version_of_an_old_dependency),
    };
    return RUN_SCENARIOS("task_json", table);
}
