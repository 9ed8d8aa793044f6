/* Section 4.8: what was missed is replayed: exactly once, in order, and then on with what comes. */
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* 4.8: without an id the stream starts with what comes next; with 0 it has all that is kept. */
SCENARIO(from_now_or_from_the_beginning)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'old','function':'echo'}");
    finished(server, "old");
    struct sse *now = sse_open(server, "/v1/events");
    struct sse *all = sse_open(server, "/v1/events?last_event_id=0");
    struct sse *by_header = sse_open_from(server, "0", "/v1/events");
    create(server, "{'id':'new','function':'echo'}");
    expect_story(now, "created new, started new, succeeded new");
    const char *whole = "created old, started old, succeeded old, created new, started new, "
                        "succeeded new";
    expect_story(all, whole);
    expect_story(by_header, whole);
}

/* 4.8: from any id: what came after it, and then live; each event once. */
SCENARIO(from_any_id)
{
    enum { TASKS = 6, EVENTS = TASKS * 3 };
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < TASKS; i++)
        finished(server, create(server, "{'id':'t%d','function':'echo'}", i));
    struct sse *all = sse_open(server, "/v1/events?last_event_id=0");
    struct event *events[EVENTS];
    struct sse *from[EVENTS];
    for (int i = 0; i < EVENTS; i++) {
        events[i] = sse_next(all);
        from[i] = i % 2 ? sse_open_from(server, events[i]->id, "/v1/events")
                        : sse_open(server, "/v1/events?last_event_id=%s", events[i]->id);
    }
    create(server, "{'id':'live','function':'echo'}");
    for (int i = 0; i < EVENTS; i++) {
        note(s, "after event %s", events[i]->id);
        for (int j = i + 1; j < EVENTS; j++) {
            struct event *event = sse_next(from[i]);
            assert_string_equal(event->id, events[j]->id);
            assert_string_equal(event->line, events[j]->line);
        }
        expect_story(from[i], "created live, started live, succeeded live");
    }
}

/* 4.8: replay and live meet without a gap and without a double, while much is going on. */
SCENARIO(no_gap_while_it_pours)
{
    enum { ROUNDS = 12, BATCH = 40, TASKS = ROUNDS * BATCH };
    struct server *server = server_start(s, "%s", "");
    struct sse *readers[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        const char *batch = "";
        for (int i = 0; i < BATCH; i++)
            batch = json(s, "%s%s{'function':'echo'}", batch, i ? "," : "");
        expect_status(post(server, "/v1/tasks", "[%s]", batch), 201);
        readers[round] = sse_open(server, "/v1/events?last_event_id=0");
    }
    create(server, "{'id':'end','function':'echo'}");
    for (int round = 0; round < ROUNDS; round++) {
        note(s, "reader %d", round);
        long long last = 0;
        for (int i = 0; i < TASKS * 3 + 3; i++) {
            struct event *event = sse_next(readers[round]);
            assert_non_null(event);
            assert_true(event->number > last);
            last = event->number;
        }
    }
}

/* 4.10: Last-Event-ID beats ?last_event_id. */
SCENARIO(header_beats_query)
{
    struct server *server = server_start(s, "%s", "");
    finished(server, create(server, "{'id':'a','function':'echo'}"));
    struct sse *all = sse_open(server, "/v1/events?last_event_id=0");
    struct event *first = expect_event(all, "task.created", "a");
    struct sse *sse = sse_open_from(server, first->id, "/v1/events?last_event_id=0");
    expect_story(sse, "started a, succeeded a");
}

/* 4.10: a header that is no id of ours, or newer than the newest: `event: reset`, then live. */
SCENARIO(reset)
{
    static const char *const strange[] = {"abc", "999999999", "-3",
                                          "12x", "1.5",       "99999999999999999999999999"};
    struct server *server = server_start(s, "%s", "");
    finished(server, create(server, "{'id':'old','function':'echo'}"));
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        note(s, "Last-Event-ID: %s", strange[i]);
        struct sse *sse = sse_open_from(server, strange[i], "/v1/events");
        struct event *event = sse_next(sse);
        assert_non_null(event);
        assert_string_equal(event->type, "reset");
        assert_null(event->id);
        assert_true(json_number(event, "oldest") >= 0);
        finished(server, create(server, "{'id':'new%zu','function':'echo'}", i));
        expect_event(sse, "task.created", text(s, "new%zu", i));
    }
}

static void expect_reset(struct sse *sse)
{
    struct event *event = sse_next(sse);
    assert_non_null(event);
    assert_string_equal(event->type, "reset");
    assert_null(event->id);
    assert_true(json_number(event, "oldest") >= 1);
}

/* 4.8, 4.10: the same on the stream of one task: then its events from its creation on, and live, or
 * the end of the stream. */
SCENARIO(reset_of_a_task)
{
    static const char *const strange[] = {"abc", "999999999", "-3", "99999999999999999999999999"};
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    finished(server, create(server, "{'id':'over','function':'echo'}"));
    create(server, "{'id':'live','function':'hold'}");
    await_progress(server, "live", 1);
    struct sse *live[4];
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        note(s, "Last-Event-ID: %s", strange[i]);
        struct sse *over = sse_open_from(server, strange[i], "/v1/tasks/over/events");
        expect_reset(over);
        expect_story(over, "created over, started over, succeeded over");
        expect_end(over);
        live[i] = sse_open_from(server, strange[i], "/v1/tasks/live/events");
        expect_reset(live[i]);
        expect_story(live[i], "created live, started live, progress live");
    }
    struct sse *by_query = sse_open(server, "/v1/tasks/over/events?last_event_id=999999999");
    expect_reset(by_query);
    expect_event(by_query, "task.created", "over");
    release(s, "live", "7");
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        expect_event(live[i], "task.succeeded", "live");
        expect_end(live[i]);
    }
}

static double oldest_event(struct server *server)
{
    struct sse *sse = sse_open(server, "/v1/events?last_event_id=0");
    struct event *event = sse_next(sse);
    assert_non_null(event);
    sse_close(sse);
    return (double)event->number;
}

/* 4.8: older than what is kept: the same. */
SCENARIO(reset_of_a_task_by_age)
{
    struct server *server = server_start(s, "--retain 0.2s");
    finished(server, create(server, "{'id':'gone','function':'echo'}"));
    eventually(oldest_event(server) > 2);
    server_stop(server);
    server = server_start(s, "%s", "");
    create(server, "{'id':'live','function':'echo','delay':3600}");
    finished(server, create(server, "{'id':'over','function':'echo'}"));
    struct sse *sse = sse_open_from(server, "1", "/v1/tasks/over/events");
    expect_reset(sse);
    expect_story(sse, "created over, started over, succeeded over");
    expect_end(sse);
    sse = sse_open_from(server, "1", "/v1/tasks/live/events");
    expect_reset(sse);
    expect_story(sse, "created live");
    cancel(server, "live", NULL);
    expect_story(sse, "cancelled live");
    expect_end(sse);
    sse = sse_open_from(server, "1", "/v1/events");
    expect_reset(sse);
    await_event(sse, "task.cancelled", "live");
}

/* 4.8: exactly once across a restart of the server, and ids go on growing. */
SCENARIO(across_a_restart)
{
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?channel=x");
    create(server, "{'id':'a','function':'echo','notify_channels':['x']}");
    expect_story(sse, "created a, started a");
    struct event *seen = expect_event(sse, "task.succeeded", "a");
    finished(server, create(server, "{'id':'b','function':'echo','notify_channels':['x']}"));
    server_kill9(server);
    server = server_start(s, "%s", "");
    sse = sse_open_from(server, seen->id, "/v1/events?channel=x");
    create(server, "{'id':'c','function':'echo','notify_channels':['x']}");
    long long last = seen->number;
    const char *story[] = {"task.created", "task.started", "task.succeeded"};
    for (int i = 0; i < 6; i++) {
        struct event *event = expect_event(sse, story[i % 3], i < 3 ? "b" : "c");
        assert_true(event->number > last);
        last = event->number;
    }
}

/* 4.8: the stream of a task goes on across a restart. */
SCENARIO(task_stream_across_a_restart)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    struct sse *sse = sse_open(server, "/v1/tasks/a/events");
    expect_story(sse, "created a, started a");
    struct event *seen = expect_event(sse, "task.progress", "a");
    server_kill9(server);
    server = server_start(s, "%s", "");
    sse = sse_open_from(server, seen->id, "/v1/tasks/a/events");
    release(s, "a", "7");
    await_event(sse, "task.succeeded", "a");
    expect_end(sse);
}

/* 4.8: a reader that is too slow costs the others nothing, and loses nothing itself. */
SCENARIO(slow_reader)
{
    enum { BATCHES = 12, BATCH = 100 };
    struct server *server = server_start(s, "%s", "");
    struct sse *slow = sse_open(server, "/v1/events?type=task.succeeded");
    http_window(slow->http, 65536);
    struct sse *quick = sse_open(server, "/v1/events?type=task.succeeded");
    const char *item = json(s, ",{'function':'echo','args':['%08000d']}", 0);
    char *batch = calloc(BATCH, strlen(item) + 1);
    assert_non_null(batch);
    for (size_t i = 0, at = 0; i < BATCH; i++, at += strlen(item))
        memcpy(batch + at, item, strlen(item));
    batch[0] = '[';
    batch[strlen(item) * BATCH] = ']';
    for (int round = 0; round < BATCHES; round++) {
        struct reply *reply = call(server, .path = "/v1/tasks", .body = batch,
                                   .headers = "Prefer: return=minimal\r\n");
        expect_status(reply, 201);
        for (int i = 0; i < BATCH; i++)
            assert_non_null(sse_next(quick));
    }
    free(batch);
    http_window(slow->http, 4 << 20);
    long long last = 0;
    for (int seen = 0; seen < BATCHES * BATCH;) {
        struct event *event = sse_next(slow);
        if (!event) { /* disconnected at worst: then it resumes by id */
            slow = sse_open_from(server, text(s, "%lld", last), "/v1/events?type=task.succeeded");
            continue;
        }
        assert_true(event->number > last);
        last = event->number;
        seen++;
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(from_now_or_from_the_beginning),
        RUN(from_any_id),
        RUN(no_gap_while_it_pours),
        RUN(header_beats_query),
        RUN(reset),
        RUN(reset_of_a_task),
        RUN(reset_of_a_task_by_age),
        RUN(across_a_restart),
        RUN(task_stream_across_a_restart),
        RUN(slow_reader),
    };
    return RUN_SCENARIOS("replay", table);
}
