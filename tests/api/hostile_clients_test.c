/* Clients that hold connections and ask for nothing, or never come to an end: each has its time,
 * and nobody else waits for it. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/scrape.h"
#include "tests/api/lib/tasks.h"

#define GET_LIST  "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define HALF_HEAD "POST /v1/tasks HTTP/1.1\r\nHost: loc"
#define HALF_BODY                                                                                  \
    "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"             \
    "Content-Length: 1000\r\n\r\n{\"function\":"

/* Half of a request, in its headers or in its body, by the hundred. */
SCENARIO(half_requests)
{
    enum { HALVES = 500 };
    struct server *server = server_start(s, "--header-timeout 1 --body-timeout 1");
    struct http **heads = flood_open(server, HALVES, HALF_HEAD);
    struct http **bodies = flood_open(server, HALVES, HALF_BODY);
    expect_prompt(server);
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
    eventually(flood_closed(heads, HALVES) == HALVES);
    eventually(flood_closed(bodies, HALVES) == HALVES);
    expect_metric(server, "errand_http_timeouts_total{phase='header'}", HALVES);
    expect_metric(server, "errand_http_timeouts_total{phase='body'}", HALVES);
    assert_int_equal(count_tasks(server, ""), 1);
}

/* Whoever began a request is told why it ends: 408. */
SCENARIO(too_slow_is_told)
{
    struct server *server = server_start(s, "--header-timeout 0.5 --body-timeout 0.5");
    const char *rows[] = {"G", HALF_HEAD, HALF_BODY};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i]);
        struct http *http = server_connect(server);
        http_say(http, rows[i]);
        struct reply *reply = http_read(http, false);
        assert_non_null(reply);
        expect_problem(reply, 408, "request-timeout");
        expect_header(reply, "Connection", "close");
        expect_closed(http);
    }
    struct http *silent = server_connect(server);
    expect_closed(silent); /* it asked nothing, so there is nothing to say */
}

/* A byte now and then does not help: the time is that of the whole head, and a body has a rate, far
 * above that of these bytes. */
static void check_drip(struct server *server, const char *start, const char *drop)
{
    struct http *http = server_connect(server);
    http_say(http, start);
    note(server->scenario, "%s", start);
    eventually((http_say(http, drop), http_is_closed(http)));
}

SCENARIO(dripping_clients)
{
    struct server *server = /* a rate that no drip comes near, however fast this machine is */
        server_start(s, "--header-timeout 1 --body-timeout 1 --min-rate 100000");
    check_drip(server, "GET /v1/tasks HTTP/1.1\r\n", "X: y\r\n");
    check_drip(server,
               "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n", " ");
    check_drip(server,
               "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
               "1\r\n \r\n");
    expect_prompt(server);
}

/* A body that keeps up the rate may take longer than --body-timeout. */
SCENARIO(slow_but_steady_body)
{
    struct server *server = server_start(s, "--body-timeout 0.5 --min-rate 1");
    struct http *http = server_connect(server);
    http_say(http,
             "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             "Content-Length: 1000019\r\n\r\n{\"function\":\"echo\"}");
    int64_t start = now_ms();
    long sent = 0;
    while (now_ms() - start < 2500) { /* several looks at it */
        http_say(http, " ");
        sent++;
        assert_false(http_is_closed(http));
    }
    assert_true(sent < 1000000);
    http_say(http, text(s, "%*s", (int)(1000000 - sent), ""));
    struct reply *reply = http_read(http, false);
    assert_non_null(reply);
    expect_status(reply, 201);
}

/* Between requests a connection may rest for --idle-timeout. */
SCENARIO(idle_connections_end)
{
    struct server *server = server_start(s, "--idle-timeout 1");
    struct http *http = server_connect(server);
    http_say(http, GET_LIST);
    expect_status(http_read(http, false), 200);
    http_say(http, GET_LIST);
    expect_status(http_read(http, false), 200);
    expect_closed(http);
    expect_metric(server, "errand_http_timeouts_total{phase='idle'}", 1);
}

/* No time of a connection's is counted while the server works: waits last as long as asked for. */
SCENARIO(waits_are_not_idle)
{
    struct server *server =
        server_start(s, "--idle-timeout 0.5 --header-timeout 0.5 --body-timeout 0.5");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    struct http *http = server_connect(server);
    int64_t start = now_ms();
    http_say(http, "GET /v1/tasks/later?wait=3 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct reply *reply = http_read(http, false);
    assert_non_null(reply);
    expect_status(reply, 200);
    assert_true(now_ms() - start >= 2900);
}

/* Thousands who are connected and silent, or were answered and stay. */
SCENARIO(idle_thousands)
{
    enum { SILENT = 2000, ANSWERED = 1000 };
    struct server *server = server_start(s, "%s", "");
    long before = server_rss_kb(server);
    flood_open(server, SILENT, "");
    flood_open(server, ANSWERED, GET_LIST);
    expect_prompt(server);
    assert_true(metric(server, "errand_http_connections") >= SILENT + ANSWERED);
    expect_growth(server, before, (SILENT + ANSWERED) * 32L);
}

/* More who wait for the end of a task than a healthy client should notice. */
SCENARIO(waiting_thousands)
{
    enum { WAITERS = 2000 };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':3600,'args':['%0100000d']}", 0);
    long before = server_rss_kb(server);
    flood_open(server, WAITERS, "GET /v1/tasks/later?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_prompt(server);
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
    /* 200 MB, if each held the arguments */
    expect_growth(server, before, WAITERS * 40L);
}

/* Answers that nobody takes: the rate is asked of readers too. */
SCENARIO(answers_not_taken)
{
    struct server *server = server_start(s, "--body-timeout 1");
    const char *id = create(server, "{'function':'echo','args':['%01000000d']}", 0);
    expect_outcome(server, id, "succeeded");
    struct http *all[8];
    for (int i = 0; i < 8; i++) {
        all[i] = server_connect(server);
        http_window(all[i], 4096);
        for (int k = 0; k < 8; k++) /* more than the kernel keeps for them */
            http_say(all[i],
                     text(s, "GET /v1/tasks/%s/result HTTP/1.1\r\nHost: localhost\r\n\r\n", id));
    }
    expect_prompt(server);
    eventually(metric(server, "errand_http_timeouts_total{phase='answer'}") == 8);
}

/* Nor does it help to say something meanwhile. */
SCENARIO(talking_in_place_of_taking)
{
    struct server *server = server_start(s, "--body-timeout 1 --min-rate 1");
    const char *id = create(server, "{'function':'echo','args':['%01000000d']}", 0);
    expect_outcome(server, id, "succeeded");
    struct http *http = server_connect(server);
    http_window(http, 4096);
    for (int k = 0; k < 8; k++)
        http_say(http, text(s, "GET /v1/tasks/%s/result HTTP/1.1\r\nHost: localhost\r\n\r\n", id));
    eventually((http_say(http, "GET "),
                metric(server, "errand_http_timeouts_total{phase='answer'}") == 1));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(half_requests),        RUN(too_slow_is_told),
        RUN(dripping_clients),     RUN(slow_but_steady_body),
        RUN(idle_connections_end), RUN(waits_are_not_idle),
        RUN(idle_thousands),       RUN(waiting_thousands),
        RUN(answers_not_taken),    RUN(talking_in_place_of_taking),
    };
    return RUN_SCENARIOS("hostile_clients", table);
}
