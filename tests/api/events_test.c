/* Section 4.8: the streams: headers, events, filters, heartbeat, the stream of one task. */
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* 4.8: the headers of a stream; at once `retry: 3000` and a comment. */
SCENARIO(opening)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    const char *paths[] = {"/v1/events", "/v1/events?channel=x", "/v1/tasks/a/events"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        note(s, "%s", paths[i]);
        struct sse *sse = sse_open(server, "%s", paths[i]);
        const char *type = header(sse->reply, "Content-Type");
        assert_int_equal(strncmp(type, "text/event-stream", 17), 0);
        expect_header(sse->reply, "Cache-Control", "no-store");
        expect_header(sse->reply, "X-Accel-Buffering", "no");
        sse_await_comment(sse);
        assert_string_equal(sse->retry, "3000");
    }
}

/* 4.8: without a filter everything is told, in order, under ids that only grow. */
SCENARIO(everything)
{
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events");
    create(server, "{'id':'a','function':'echo'}");
    expect_story(sse, "created a, started a, succeeded a");
    create(server, "{'id':'b','function':'fail','args':['no']}");
    expect_story(sse, "created b, started b, failed b");
    create(server, "{'id':'c','function':'echo','delay':3600}");
    expect_story(sse, "created c");
    cancel(server, "c", NULL);
    expect_story(sse, "cancelled c");
    struct sse *again = sse_open(server, "/v1/events?last_event_id=0");
    long long last = 0;
    for (int i = 0; i < 8; i++) {
        struct event *event = sse_next(again);
        assert_non_null(event->id);
        assert_true(event->number > last);
        last = event->number;
    }
}

/* 4.8: the members of an event; those that do not apply are left out. */
SCENARIO(members)
{
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events");
    create(server, "{'id':'a','function':'echo','args':[{'x':1}],'notify_channels':['p','q']}");
    struct event *made = expect_event(sse, "task.created", "a");
    expect_text(made, "type", "task.created");
    expect_text(made, "task", "a");
    expect_text(made, "kind", "task");
    expect_text(made, "function", "echo");
    assert_true(json_time(made, "at") > 0);
    expect_json(made, "channels", "['p','q']");
    const char *absent[] = {"progress", "error", "result", "origin", "caused_by"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        expect_absent(made, absent[i]);
    struct event *started = expect_event(sse, "task.started", "a");
    expect_text(started, "state", "running");
    expect_number(started, "attempt", 1);
    struct event *over = expect_event(sse, "task.succeeded", "a");
    expect_text(over, "state", "succeeded");
    expect_json(over, "result", "{'x':1}");
    expect_absent(over, "error");
    create(server, "{'id':'b','function':'fail','args':['no']}");
    struct event *failed = await_event(sse, "task.failed", "b");
    expect_text(failed, "state", "failed");
    expect_text(failed, "error.code", "function-error");
    expect_text(failed, "error.message", "no");
    expect_absent(failed, "result");
}

/* 4.8 and 4.10: `result` up to 8 KiB; `null` is written out. */
SCENARIO(results_in_events)
{
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?type=task.succeeded");
    create(server, "{'id':'null','function':'echo','args':[null]}");
    expect_null(expect_event(sse, "task.succeeded", "null"), "result");
    create(server, "{'id':'fits','function':'echo','args':['%08190d']}", 0);
    struct event *fits = expect_event(sse, "task.succeeded", "fits");
    assert_int_equal(strlen(json_text(fits, "result")), 8190);
    create(server, "{'id':'over','function':'echo','args':['%08191d']}", 0);
    expect_absent(expect_event(sse, "task.succeeded", "over"), "result");
}

/* 4.8: progress. */
SCENARIO(progress)
{
    function_file(s, "steps.sh",
                  "#!/bin/sh\n"
                  "echo '{\"progress\":10}' >&3\n"
                  "echo '{\"progress\":55.5,\"message\":\"more than half\"}' >&3\n"
                  "echo '{\"progress\":100}' >&3\n");
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?task=a&type=task.progress&type=task.succeeded");
    create(server, "{'id':'a','function':'steps'}");
    expect_json(expect_event(sse, "task.progress", "a"), "progress.value", "10");
    struct event *half = expect_event(sse, "task.progress", "a");
    expect_number(half, "progress.value", 55.5);
    expect_text(half, "progress.message", "more than half");
    expect_absent(half, "origin");
    expect_number(expect_event(sse, "task.progress", "a"), "progress.value", 100);
    expect_story(sse, "succeeded a");
}

/* 5.2: more than 50 a second are thinned; they are in order, and the last one before the end is
 * kept. */
SCENARIO(progress_is_thinned)
{
    function_file(s, "flood.sh",
                  "#!/bin/sh\n"
                  "i=0\n"
                  "while [ $i -lt 3000 ]; do i=$((i + 1)); echo \"{\\\"progress\\\":$((i / 40)),"
                  "\\\"message\\\":\\\"$i\\\"}\"; done >&3\n");
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?task=a");
    int64_t begin = now_ms();
    create(server, "{'id':'a','function':'flood'}");
    struct events events = collect_until(sse, "task.succeeded", "a");
    double seconds = (double)(now_ms() - begin) / 1000;
    int last = 0, count = count_events(&events, "task.progress", "a");
    for (int i = 0; i < events.count; i++) {
        if (strcmp(events.at[i]->type, "task.progress") != 0)
            continue;
        int here = atoi(json_text(events.at[i], "progress.message"));
        assert_true(here > last);
        last = here;
    }
    assert_int_equal(last, 3000);
    note(s, "%d events in %g seconds", count, seconds);
    assert_true(count <= 50 * (seconds + 1) + 1);
    expect_text(task(server, "a"), "progress.message", "3000");
}

/* 4.8: filters: any of the same name, all of the different names. */
SCENARIO(filters)
{
    static const struct {
        const char *query, *story;
    } rows[] = {
        {"channel=x", "created a, started a, succeeded a, created end"},
        {"channel=x&channel=y",
         "created a, started a, succeeded a, created b, started b, failed b, created end"},
        {"task=b", "created b, started b, failed b"},
        {"task=b&task=c", "created b, started b, failed b, created c, cancelled c"},
        {"type=task.failed&type=task.cancelled", "failed b, cancelled c"},
        {"function=fail", "created b, started b, failed b"},
        {"function=fail&function=sum", "created b, started b, failed b, created c, cancelled c"},
        {"channel=y&type=task.failed", "failed b"},
        {"channel=y&task=a&task=b&type=task.created&function=fail&function=echo", "created b"},
        {"channel=x&type=task.created", "created a, created end"},
        {"channel=%78", "created a, started a, succeeded a, created end"},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    struct server *server = server_start(s, "%s", "");
    struct sse *live[ROWS];
    for (int i = 0; i < ROWS; i++)
        live[i] = sse_open(server, "/v1/events?%s", rows[i].query);
    create(server, "{'id':'a','function':'echo','notify_channels':['x']}");
    finished(server, "a");
    create(server, "{'id':'b','function':'fail','args':['no'],'notify_channels':['y']}");
    finished(server, "b");
    create(server, "{'id':'c','function':'sum','delay':3600,'notify_channels':['z']}");
    cancel(server, "c", NULL);
    create(server, "{'id':'end','function':'sum','delay':3600,'notify_channels':['x','y']}");
    for (int i = 0; i < ROWS; i++) {
        note(s, "%s", rows[i].query);
        expect_story(live[i], rows[i].story);
        struct sse *replayed = sse_open(server, "/v1/events?last_event_id=0&%s", rows[i].query);
        expect_story(replayed, rows[i].story);
    }
}

/* 4.8: a subscriber to two channels gets an event that goes to both of them once (5.2). */
SCENARIO(once_for_all_channels)
{
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?channel=x&channel=y");
    create(server, "{'id':'a','function':'echo','notify_channels':['x','y']}");
    finished(server, "a");
    create(server, "{'id':'b','function':'echo','notify_channels':['y','x','y']}");
    expect_story(sse, "created a, started a, succeeded a, created b, started b, succeeded b");
}

/* 4.10: wrong filters are 422 with the parameter. */
SCENARIO(wrong_filters)
{
    static const struct {
        const char *query, *parameter;
    } rows[] = {
        {"colour=red", "colour"},
        {"type=nonsense", "type"},
        {"type=task.created&type=x", "type"},
        {"last_event_id=abc", "last_event_id"},
        {"last_event_id=-1", "last_event_id"},
        {"last_event_id=1x", "last_event_id"},
        {"last_event_id=", "last_event_id"},
        {"last_event_id=99999999999999999999999", "last_event_id"},
    };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo'}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].query);
        struct reply *reply = get(server, "/v1/events?%s", rows[i].query);
        expect_problem(reply, 422, "invalid-request");
        expect_parameter(reply, rows[i].parameter);
    }
    expect_parameter(get(server, "/v1/tasks/a/events?last_event_id=x"), "last_event_id");
}

/* 4.8: a comment each heartbeat. */
SCENARIO(heartbeat)
{
    struct server *server = server_start(s, "--heartbeat 0.1");
    struct sse *sse = sse_open(server, "/v1/events");
    int64_t begin = now_ms();
    for (int i = 0; i < 6; i++)
        sse_await_comment(sse);
    assert_in_range(now_ms() - begin, 300, DEADLINE_MS);
    create(server, "{'id':'a','function':'echo'}");
    expect_story(sse, "created a, started a, succeeded a");
}

/* 4.8: each of many subscribers has every event. */
SCENARIO(many_subscribers)
{
    enum { MANY = 300 };
    struct server *server = server_start(s, "%s", "");
    struct sse *subscribers[MANY];
    for (int i = 0; i < MANY; i++)
        subscribers[i] = sse_open(server, i % 2 ? "/v1/events" : "/v1/events?channel=x");
    for (int i = 0; i < MANY; i += 3)
        sse_close(subscribers[i]);
    create(server, "{'id':'a','function':'echo','notify_channels':['x']}");
    create(server, "{'id':'b','function':'fail','args':['no'],'notify_channels':['x']}");
    for (int i = 0; i < MANY; i++) {
        if (i % 3 == 0)
            continue;
        note(s, "subscriber %d", i);
        struct events events = collect_until(subscribers[i], "task.failed", "b");
        assert_int_equal(count_events(&events, "task.started", NULL), 2);
    }
}

/* 4.8: the stream of a task: all its events from its creation on, then the end. */
SCENARIO(stream_of_a_task)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'other','function':'echo'}");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    struct sse *sse = sse_open(server, "/v1/tasks/a/events");
    expect_story(sse, "created a, started a, progress a");
    release(s, "a", "7");
    struct event *last = expect_event(sse, "task.succeeded", "a");
    expect_number(last, "result", 7);
    expect_end(sse);
    struct sse *late = sse_open(server, "/v1/tasks/a/events");
    expect_story(late, "created a, started a, progress a, succeeded a");
    expect_end(late);
}

/* 4.8: asked again with the last id it answers 204, which stops an EventSource. */
SCENARIO(stream_that_has_ended)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo'}");
    finished(server, "a");
    create(server, "{'id':'b','function':'echo'}");
    finished(server, "b");
    struct sse *sse = sse_open(server, "/v1/tasks/a/events");
    struct event *made = expect_event(sse, "task.created", "a");
    struct event *last = await_event(sse, "task.succeeded", "a");
    expect_end(sse);
    struct reply *again = call(server, .path = "/v1/tasks/a/events",
                               .headers = text(s, "Last-Event-ID: %s\r\n", last->id));
    expect_status(again, 204);
    expect_status(get(server, "/v1/tasks/a/events?last_event_id=%s", last->id), 204);
    struct sse *rest = sse_open_from(server, made->id, "/v1/tasks/a/events");
    expect_story(rest, "started a, succeeded a");
    expect_end(rest);
    rest = sse_open(server, "/v1/tasks/a/events?last_event_id=%s", made->id);
    expect_story(rest, "started a, succeeded a");
    expect_end(rest);
}

/* 4.8: whoever sees task.succeeded can get the result: the commit comes first. A thousand times in
 * a row, the moment that the event is there; nobody waits for the answer to the create before. */
SCENARIO(commit_comes_first)
{
    enum { TIMES = 1000 };
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?type=task.succeeded");
    struct http *creator = server_connect(server);
    for (int i = 0; i < TIMES; i++) {
        note(s, "time %d", i);
        const char *body = json(s, "{'id':'t%d','function':'echo','args':[%d]}", i, i);
        size_t length;
        const char *bytes =
            request_bytes(server, &(struct request){.path = "/v1/tasks", .body = body}, &length);
        assert_true(http_write(creator, bytes, length));
        struct event *event = expect_event(sse, "task.succeeded", text(s, "t%d", i));
        struct reply *reply = get(server, "/v1/tasks/t%d/result", i);
        expect_status(reply, 200);
        expect_number(reply, "", i);
        expect_number(event, "result", i);
        struct reply *made = http_read(creator, false);
        assert_non_null(made);
        expect_status(made, 201);
    }
}

/* 1: a stream for a page elsewhere says that it may be read there, as any other answer does. 4.8: a
 * name that no channel can have is refused. */
SCENARIO(stream_of_an_allowed_origin)
{
    struct server *server = server_start(s, "--cors-origin http://a.example");
    struct sse *sse = sse_open_with(server, "Origin: http://a.example\r\n", "/v1/events");
    expect_header(sse->reply, "Access-Control-Allow-Origin", "http://a.example");
    sse = sse_open_with(server, "Origin: http://b.example\r\n", "/v1/events");
    assert_null(header(sse->reply, "Access-Control-Allow-Origin"));
    expect_parameter(get(server, "/v1/events?channel="), "channel");
    expect_parameter(get(server, "/v1/events?channel=x&channel=%%ff"), "channel");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(opening),
        RUN(everything),
        RUN(members),
        RUN(results_in_events),
        RUN(progress),
        RUN(progress_is_thinned),
        RUN(filters),
        RUN(once_for_all_channels),
        RUN(wrong_filters),
        RUN(heartbeat),
        RUN(many_subscribers),
        RUN(stream_of_a_task),
        RUN(stream_that_has_ended),
        RUN(commit_comes_first),
        RUN(stream_of_an_allowed_origin),
    };
    return RUN_SCENARIOS("events", table);
}
