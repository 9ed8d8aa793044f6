/* Event streams by the thousand, and readers that take nothing: memory stays bounded, and others
 * get what they asked for. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/scrape.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

#define SUBSCRIBE(query) "GET /v1/events" query " HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* More streams than most ever see: all get what happens, and requests do not wait. */
SCENARIO(many_streams)
{
    enum { STREAMS = 1500 };
    struct server *server = server_start(s, "%s", "");
    long before = server_rss_kb(server);
    struct http **all = flood_open(server, STREAMS, SUBSCRIBE("?channel=news"));
    eventually(metric(server, "errand_sse_subscribers") == STREAMS);
    expect_prompt(server);
    expect_growth(server, before, STREAMS * 16L);
    create(server, "{'id':'a','function':'echo','notify_channels':['news']}");
    for (int i = 0; i < STREAMS; i++) {
        note(s, "stream %d", i);
        http_await(all[i], "task.succeeded");
    }
    for (int i = 0; i < STREAMS; i++)
        http_close(all[i]);
    eventually(metric(server, "errand_sse_subscribers") == 0);
    eventually(metric(server, "errand_http_connections") <= 2);
}

/* Streams that come and go leave nothing behind. */
SCENARIO(streams_that_come_and_go)
{
    enum { ROUNDS = 10, STREAMS = 200 };
    struct server *server = server_start(s, "%s", "");
    long settled = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct http **all = flood_open(server, STREAMS, SUBSCRIBE("?task=none&logs=1"));
        eventually(metric(server, "errand_sse_subscribers") == STREAMS);
        for (int i = 0; i < STREAMS; i++)
            http_close(all[i]);
        eventually(metric(server, "errand_sse_subscribers") == 0);
        if (round == 2)
            settled = server_rss_kb(server);
    }
    expect_growth(server, settled, 4000);
    eventually(metric(server, "errand_http_connections") <= 2);
}

/* Readers that never read: what they miss is in the store and not in memory, a healthy one next to
 * them gets all of it, and in the end they are cut off. */
SCENARIO(readers_that_never_read)
{
    enum { SLOW = 50, TASKS = 1000 };
    struct server *server = server_start(s, "--heartbeat 1");
    for (int i = 0; i < SLOW; i++) {
        struct http *slow = server_connect(server);
        http_window(slow, 4096);
        http_say(slow, SUBSCRIBE(""));
    }
    struct sse *healthy = sse_open(server, "/v1/events?channel=last");
    eventually(metric(server, "errand_sse_subscribers") == SLOW + 1);
    long before = server_rss_kb(server);
    for (int i = 0; i < TASKS; i++)
        create(server, "{'function':'echo','args':['%07000d']}", i);
    create(server, "{'id':'z','function':'echo','notify_channels':['last']}");
    await_event(healthy, "task.succeeded", "z");
    expect_prompt(server);
    /* 50 times 7 MB, if each kept what it misses */
    expect_growth(server, before, 60000);
    eventually(metric(server, "errand_sse_dropped_total") == SLOW);
    expect_metric(server, "errand_sse_subscribers", 1);
}

/* All of the past, asked for by many at once. */
SCENARIO(replays_by_the_hundred)
{
    enum { READERS = 200, TASKS = 300 };
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < TASKS; i++)
        create(server, "{'id':'t%d','function':'echo','args':['%01000d']}", i, i);
    expect_outcome(server, "t299", "succeeded");
    struct http **all = flood_open(server, READERS, SUBSCRIBE("?last_event_id=0"));
    expect_prompt(server);
    for (int i = 0; i < READERS; i++) {
        note(s, "reader %d", i);
        http_await(all[i], "\"task\":\"t299\",\"type\":\"task.succeeded\"");
    }
}

/* Filters as long as the request line allows, and channels that nobody has. */
SCENARIO(wide_filters)
{
    enum { STREAMS = 100, CHANNELS = 100 };
    struct server *server = server_start(s, "%s", "");
    char *request = text_repeat(s, "GET /v1/events?channel=news", "&channel=1", CHANNELS,
                                " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct http **all = flood_open(server, STREAMS, request);
    for (int i = 0; i < STREAMS; i++)
        http_await(all[i], ": errand");
    create(server, "{'id':'a','function':'echo','notify_channels':['news','1','2','3']}");
    for (int i = 0; i < STREAMS; i++)
        http_await(all[i], "task.succeeded");
    expect_prompt(server);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(many_streams),
        RUN(streams_that_come_and_go),
        RUN(readers_that_never_read),
        RUN(replays_by_the_hundred),
        RUN(wide_filters),
    };
    return RUN_SCENARIOS("hostile_streams", table);
}
