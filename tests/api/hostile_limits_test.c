/* Limits on how many: connections in all and by address, event streams, and the memory that
 * requests hold together. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/scrape.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

#define GET_LIST "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void get_list(struct http *http)
{
    http_say(http, GET_LIST);
    struct reply *reply = http_read(http, false);
    assert_non_null(reply);
    expect_status(reply, 200);
}

/* At the limit who asks nothing makes room, the one who has been silent for longest first. */
SCENARIO(the_silent_make_room)
{
    enum { LIMIT = 20 };
    struct server *server = server_start(s, "--max-connections %d", LIMIT);
    struct http *busy = server_connect(server);
    get_list(busy);
    struct http **silent = flood_open(server, LIMIT - 1, "");
    struct http **halves = flood_open(server, 5, "GET /v1/ta");
    eventually(flood_closed(silent, LIMIT - 1) == 5 - 1); /* and before them: */
    assert_true(http_is_closed(busy));
    assert_int_equal(flood_closed(silent, 4), 4);
    assert_int_equal(flood_closed(halves, 5), 0);
    get_list(server_connect(server));
    expect_prompt(server);
    assert_true(metric(server, "errand_http_connections") <= LIMIT);
    assert_true(metric(server, "errand_http_evictions_total") >= 5);
    expect_metric(server, "errand_http_refused_total{reason='all'}", 0);
}

/* Who has made room is not served any more, whatever he has sent by then: here both are there when
 * the server looks for the first time. */
SCENARIO(who_made_room_is_not_served)
{
    const char *rows[] = {
        "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 19\r\n\r\n{\"function\":\"echo\"}",
    };
    struct server *server = server_start(s, "--max-connections 1 --http-threads 1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i]);
        server_signal(server, SIGSTOP);
        assert_int_equal(waitpid(server->pid, NULL, WUNTRACED), server->pid);
        struct http *first = server_connect(server);
        http_say(first, rows[i]);
        struct http *second = server_connect(server);
        server_signal(server, SIGCONT);
        get_list(second);
        expect_closed(first);
    }
    assert_int_equal(count_tasks(server, ""), 0);
    expect_metric(server, "errand_sse_subscribers", 0);
    expect_metric(server, "errand_http_connections", 1);
}

/* Where all are busy the newcomer is told so at once, and has a place when one is free again. */
SCENARIO(all_are_busy)
{
    enum { LIMIT = 4 };
    struct server *server = server_start(s, "--max-connections %d --max-streams 10", LIMIT);
    struct sse *streams[LIMIT];
    for (int i = 0; i < LIMIT; i++)
        streams[i] = sse_open(server, "/v1/events");
    struct reply *reply = say_once(server, GET_LIST);
    assert_non_null(reply);
    expect_problem(reply, 503, "too-many-connections");
    expect_header(reply, "Connection", "close");
    assert_non_null(header(reply, "Retry-After"));
    sse_close(streams[0]);
    eventually(say_once(server, GET_LIST)->status == 200);
    assert_true(metric(server, "errand_http_refused_total{reason='all'}") >= 1);
}

/* One address alone cannot have them all; streams count. */
SCENARIO(an_address_has_its_share)
{
    enum { SHARE = 5 };
    struct server *server = server_start(s, "--max-connections-per-address %d", SHARE);
    struct http *ours[SHARE];
    for (int i = 0; i < SHARE; i++) {
        ours[i] = http_open_from(s, "127.0.0.2", server->port);
        if (i % 2)
            get_list(ours[i]);
        else
            http_say(ours[i], "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    eventually(metric(server, "errand_http_connections") == SHARE + 1);
    struct http *more = http_open_from(s, "127.0.0.2", server->port);
    http_say(more, GET_LIST);
    struct reply *reply = http_read(more, false);
    assert_non_null(reply);
    expect_problem(reply, 503, "too-many-connections");
    get_list(http_open_from(s, "127.0.0.3", server->port));
    expect_metric(server, "errand_http_refused_total{reason='address'}", 1);
    http_close(ours[0]);
    eventually((more = http_open_from(s, "127.0.0.2", server->port), http_say(more, GET_LIST),
                http_read(more, false)->status == 200));
}

/* By default clients behind a proxy on this machine share all of them. */
SCENARIO(loopback_has_no_share)
{
    enum { LIMIT = 20 };
    struct server *server = server_start(s, "--max-connections %d", LIMIT);
    for (int i = 0; i < LIMIT - 2; i++)
        get_list(server_connect(server));
    expect_metric(server, "errand_http_refused_total{reason='address'}", 0);
    expect_metric(server, "errand_http_evictions_total", 0);
}

/* Streams have a limit of their own, below that of connections: requests still get in. */
SCENARIO(streams_are_limited)
{
    struct server *server = server_start(s, "--max-streams 3");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    struct sse *first = sse_open(server, "/v1/events");
    sse_open(server, "/v1/tasks/later/events");
    sse_open(server, "/v1/events?channel=x");
    const char *rows[] = {"/v1/events", "/v1/tasks/later/events", "/v1/tasks/later/logs?follow=1"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply *reply = get(server, "%s", rows[i]);
        expect_problem(reply, 503, "too-many-streams");
        assert_non_null(header(reply, "Retry-After"));
    }
    expect_status(get(server, "/v1/tasks"), 200);
    expect_metric(server, "errand_http_refused_total{reason='streams'}", 3);
    sse_close(first);
    eventually(metric(server, "errand_sse_subscribers") == 2);
    sse_open(server, "/v1/events");
}

/* Three quarters of all, unless they are named: streams alone do not fill the server. */
SCENARIO(streams_leave_room)
{
    struct server *server = server_start(s, "--max-connections 8");
    for (int i = 0; i < 6; i++)
        sse_open(server, "/v1/events");
    expect_problem(get(server, "/v1/events"), 503, "too-many-streams");
    expect_status(get(server, "/v1/tasks"), 200);
}

#define PUT_HEAD(length)                                                                           \
    "PUT /v1/tasks/later/result HTTP/1.1\r\nHost: localhost\r\n"                                   \
    "Content-Type: application/json\r\nContent-Length: " length "\r\n\r\n"

/* What bodies hold together is limited; small ones always pass. */
SCENARIO(bodies_in_flight)
{
    struct server *server =
        server_start(s, "--max-in-flight 2000000 --max-result 1000000 --max-body 100000");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    char *most = text(s, "%s%*s", PUT_HEAD("1000000"), 999990, "");
    struct http **holding = flood_open(server, 2, most);
    eventually(metric(server, "errand_http_held_bytes") > 1800000);
    struct reply *reply = say_once(server, most);
    assert_non_null(reply);
    expect_problem(reply, 503, "too-busy");
    assert_non_null(header(reply, "Retry-After"));
    expect_result(server, create(server, "{'function':'echo','args':['%060000d']}", 1),
                  text(s, "'%060000d'", 1));
    http_say(holding[0], "      null");
    http_close(holding[1]);
    expect_status(http_read(holding[0], false), 200);
    eventually(metric(server, "errand_http_held_bytes") == 0);
    expect_result(server, "later", "null");
}

/* However little that is: the largest body has room with all its values when there is no other. */
SCENARIO(a_body_alone_fits)
{
    struct server *server = server_start(s, "--max-in-flight 1 --max-result 1000");
    char *values = text_repeat(s, "{\"function\":\"echo\",\"args\":[[", "0,", 500000, "0]]}");
    expect_status(call(server, .path = "/v1/tasks", .body = values), 201);
}

/* And so is what answers hold that nobody takes; no result that is read once is lost by it. */
SCENARIO(answers_in_flight)
{
    enum { READERS = 30 };
    struct server *server = server_start(s, "--max-in-flight 1 --max-result 4000000");
    const char *value = text(s, "\"%03900000d\"", 1);
    const char *ids[] = {"many", "once"};
    for (int i = 0; i < 2; i++) {
        create(server, "{'id':'%s','function':'echo','delay':3600,'result_access':'%s'}", ids[i],
               ids[i]);
        expect_status(call(server, .method = "PUT", .path = text(s, "/v1/tasks/%s/result", ids[i]),
                           .body = value),
                      200);
    }
    long before = server_rss_kb(server);
    struct http *readers[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i] = server_connect(server);
        http_window(readers[i], 4096);
        http_say(readers[i], "GET /v1/tasks/many/result HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    eventually(metric(server, "errand_http_held_bytes") > 7000000);
    expect_prompt(server);
    expect_problem(get(server, "/v1/tasks/many/result"), 503, "too-busy");
    struct reply *once = get(server, "/v1/tasks/once/result");
    expect_status(once, 200);
    assert_int_equal(once->body.length, strlen(value));
    expect_growth(server, before, 100000);
}

/* A page of the list ends where it has enough bytes, and leads on. */
SCENARIO(pages_have_bytes)
{
    enum { TASKS = 40 };
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < TASKS; i++)
        create(server, "{'function':'echo','delay':3600,'args':['%01000000d']}", i);
    int seen = 0, pages = 0;
    const char *cursor = "";
    do {
        struct reply *page = get(server, "/v1/tasks?limit=1000%s", cursor);
        expect_status(page, 200);
        assert_true(page->body.length < (16 << 20) + 1100000);
        seen += json_count(page, "tasks");
        pages++;
        bool last = strcmp(body_value(&page->body, "next_cursor", HERE), "null") == 0;
        cursor = last ? NULL : text(s, "&cursor=%s", json_text(page, "next_cursor"));
    } while (cursor);
    assert_int_equal(seen, TASKS);
    assert_int_equal(pages, 3);
}

/* Last answers have a share of the descriptors, and leave the others some. This is the last
 * scenario: what it takes from its own limit does not come back. */
SCENARIO(last_answers_are_limited)
{
    enum { FILES = 300, CLIENTS = 250, OWN = 60 };
    const struct rlimit few = {FILES, FILES};
    setrlimit(RLIMIT_NOFILE, &few);
    struct server *server = server_start(s, "%s", "");
    expect_status(get(server, "/healthz"), 200);
    flood_open(server, CLIENTS,
               "POST /v1/tasks HTTP/1.1\r\nHost: evil.example\r\nExpect: 100-continue\r\n"
               "Content-Length: 19\r\n\r\n");
    assert_true(metric(server, "process_open_fds") < FILES / 2 + OWN);
}

/* Who vanishes without a word loses his place: a log that is followed has nothing to send that
 * would find it out, and a heartbeat of a stream finds nobody. */
SCENARIO(the_vanished_lose_their_place)
{
    static const char *const paths[] = {"/v1/tasks/a/logs?follow=1", "/v1/events"};
    struct server *server = server_start(s, "--max-streams 1 --heartbeat 1");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char *request = text(s, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", paths[i]);
        note(s, "%s", paths[i]);
        struct http *http = server_connect(server);
        http_say(http, request);
        expect_status(http_read_head(http, false), 200);
        expect_problem(say_once(server, request), 503, "too-many-streams");
        if (!http_vanish(http)) {
            print_message("only root can vanish\n");
            return;
        }
        eventually(metric(server, "errand_sse_subscribers") == 0);
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(the_silent_make_room),
        RUN(who_made_room_is_not_served),
        RUN(all_are_busy),
        RUN(an_address_has_its_share),
        RUN(loopback_has_no_share),
        RUN(streams_are_limited),
        RUN(streams_leave_room),
        RUN(bodies_in_flight),
        RUN(a_body_alone_fits),
        RUN(answers_in_flight),
        RUN(pages_have_bytes),
        RUN(last_answers_are_limited),
        RUN(the_vanished_lose_their_place),
    };
    return RUN_SCENARIOS("hostile_limits", table);
}
