/* Section 4.7 and 4.8: a log as it grows, as text and as events. */
#include <string.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* A log that is read while it grows. */
struct follower {
    struct scenario *scenario;
    struct http *http;
    const char *all;
};

static struct follower follow(struct server *server, const char *id)
{
    struct follower follower = {.scenario = server->scenario, .all = ""};
    follower.http = server_connect(server);
    http_say(follower.http,
             text(server->scenario,
                  "GET /v1/tasks/%s/logs?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", id));
    struct reply *reply = http_read_head(follower.http, false);
    assert_non_null(reply);
    expect_status(reply, 200);
    return follower;
}

/* Reads on until the words have come; NULL: until the end. */
static void read_until(struct follower *follower, const char *words)
{
    char some[65536];
    long got = 1;
    while ((!words || !strstr(follower->all, words)) &&
           (got = http_read_some(follower->http, some, sizeof some, DEADLINE_MS)) > 0)
        follower->all = text(follower->scenario, "%s%.*s", follower->all, (int)got, some);
    assert_false(http_timed_out(follower->http));
    assert_true((got > 0) == (words != NULL));
}

/* Says early, and late when it is told to go on. */
static void function_talk(struct scenario *s)
{
    function_file(s, "talk.sh",
                  "#!/bin/sh\n"
                  "echo early >&2\n"
                  "until [ -e ../scratch/go ]; do sleep 0.01; done\n"
                  "echo late >&2\n"
                  "printf last >&2\n");
}

/* The log comes while the task runs, all of it, once, and then the end. */
SCENARIO(scrolls)
{
    function_talk(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'talk'}");
    struct follower first = follow(server, "a");
    read_until(&first, "early\n");
    struct follower second = follow(server, "a"); /* comes later, and misses nothing */
    read_until(&second, "early\n");
    expect_state(server, "a", "running");
    folder_write(s, "scratch/go", "");
    read_until(&first, NULL);
    read_until(&second, NULL);
    const char *whole = get(server, "/v1/tasks/a/logs")->body.text;
    assert_string_equal(first.all, whole);
    assert_string_equal(second.all, whole);
    assert_non_null(strstr(whole, " stderr last\n"));
    struct follower late = follow(server, "a");
    read_until(&late, NULL);
    assert_string_equal(late.all, whole);
}

/* A task that writes nothing, or is not started: the end comes with its end. */
SCENARIO(ends_without_a_line)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    struct follower follower = follow(server, "a");
    cancel(server, "a", "{'notify':false}"); /* nobody is told, and still it ends */
    read_until(&follower, NULL);
    assert_string_equal(follower.all, "");
}

/* A long log: who follows from the start gets it whole while it is written, and who comes when the
 * middle is gone is told how much is missing. */
SCENARIO(long_log)
{
    function_file(s, "much.sh",
                  "#!/bin/sh\n"
                  "i=0\n"
                  "while [ $i -lt 30000 ]; do i=$((i + 1)); echo \"line $i of a long log that goes "
                  "on and on, well past what is kept of it\" >&2; done\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'much'}");
    struct follower follower = follow(server, "a");
    read_until(&follower, NULL);
    assert_non_null(strstr(follower.all, " line 1 of"));
    assert_non_null(strstr(follower.all, " line 30000 of"));
    struct follower late = follow(server, "a");
    read_until(&late, NULL);
    assert_non_null(strstr(late.all, "left out here"));
    assert_string_equal(late.all, get(server, "/v1/tasks/a/logs")->body.text);
}

/* What a worker elsewhere says with its heartbeat is followed like any other log. */
SCENARIO(log_from_elsewhere)
{
    functions_remote(s, "far", "");
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?task=a&logs=1");
    create(server, "{'id':'a','function':'far'}");
    const char *token = lease_one(server, "far");
    struct follower follower = follow(server, "a");
    expect_status(heartbeat(server, token, "{'log':['one']}"), 200);
    read_until(&follower, " log one\n");
    expect_text(await_event(sse, "task.log", "a"), "line", "one");
    expect_status(heartbeat(server, token, "{'log':['two']}"), 200);
    expect_status(lease_result(server, token, "1"), 200);
    read_until(&follower, NULL);
    assert_string_equal(follower.all, get(server, "/v1/tasks/a/logs")->body.text);
    assert_non_null(strstr(follower.all, " log two\n"));
}

SCENARIO(bad_requests)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo'}");
    expect_status(get(server, "/v1/tasks/a/logs?follow=2"), 422);
    expect_status(get(server, "/v1/tasks/a/logs?follow="), 422);
    expect_status(get(server, "/v1/tasks/a/logs?follow=1&follow=1"), 422);
    expect_status(get(server, "/v1/tasks/nobody/logs?follow=1"), 404);
    expect_status(get(server, "/v1/events?logs=yes"), 422);
    finished(server, "a");
    expect_status(get(server, "/v1/tasks/a/logs?follow=0"), 200);
    expect_status(call(server, .method = "HEAD", .path = "/v1/tasks/a/logs?follow=1"), 200);
}

/* The lines are told on streams that ask for them, before the end, without an id; others hear
 * nothing of them. */
SCENARIO(lines_as_events)
{
    function_talk(s);
    folder_write(s, "scratch/go", "");
    struct server *server = server_start(s, "%s", "");
    struct sse *with = sse_open(server, "/v1/events?channel=c&logs=1");
    struct sse *without = sse_open(server, "/v1/events?channel=c");
    create(server, "{'id':'a','function':'talk','notify_channels':['c']}");
    struct events heard = collect_until(with, "task.succeeded", "a");
    assert_int_equal(count_events(&heard, "task.log", "a"), 3);
    struct event *event = find_event(&heard, "task.log", "a");
    assert_null(event->id);
    expect_text(event, "line", "early");
    expect_text(event, "stream", "stderr");
    heard = collect_until(without, "task.succeeded", "a");
    assert_int_equal(count_events(&heard, "task.log", NULL), 0);
    assert_int_equal(heard.count, 3);
    struct events own =
        collect_until(sse_open(server, "/v1/tasks/a/events?logs=1"), "task.succeeded", "a");
    assert_int_equal(count_events(&own, "task.log", NULL), 0); /* they are not stored */
}

/* A line comes once, however many words of the filter it fits. */
SCENARIO(lines_come_once)
{
    static const char *const filters[] = {"task=a&task=a", "channel=c&channel=d", "channel=c",
                                          "channel=d&channel=c&channel=d",
                                          "channel=c&task=a&task=a&task=b"};
    enum { FILTERS = sizeof filters / sizeof *filters };
    struct sse *all[FILTERS];
    function_talk(s);
    folder_write(s, "scratch/go", "");
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < FILTERS; i++)
        all[i] = sse_open(server, "/v1/events?logs=1&%s", filters[i]);
    create(server, "{'id':'a','function':'talk','notify_channels':['c','d']}");
    for (int i = 0; i < FILTERS; i++) {
        note(s, "%s", filters[i]);
        struct events heard = collect_until(all[i], "task.succeeded", "a");
        assert_int_equal(count_events(&heard, "task.log", "a"), 3);
        assert_int_equal(heard.count, 6);
    }
}

/* What is written at once is kept in small pieces: whoever follows and takes nothing holds one. */
SCENARIO(small_pieces)
{
    function_file(s, "much.sh",
                  "#!/bin/sh\n"
                  "head -c 900000 /dev/zero | tr '\\0' x | fold -w 500 >&2\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'much'}");
    struct follower follower = follow(server, "a");
    read_until(&follower, NULL);
    assert_string_equal(follower.all, get(server, "/v1/tasks/a/logs")->body.text);
    server_stop(server);
    assert_string_equal(
        database_ask(s, "data/errand.db", "SELECT max(length(text)) <= 65536 FROM logs"), "1");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(scrolls),      RUN(ends_without_a_line), RUN(long_log),        RUN(log_from_elsewhere),
        RUN(bad_requests), RUN(lines_as_events),     RUN(lines_come_once), RUN(small_pieces),
    };
    return RUN_SCENARIOS("follow", table);
}
