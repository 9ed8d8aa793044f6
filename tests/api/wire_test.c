/* Section 4, and what HTTP/1.1 itself asks for: framing, broken requests, bodies that are too
 * large. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"
#include "tests/api/lib/tasks.h"

#define ECHO_BODY "{\"function\":\"echo\"}" /* 19 bytes */

/* 4: keep-alive: many exchanges on one connection, errors among them. */
SCENARIO(keep_alive)
{
    struct server *server = server_start(s, "%s", "");
    struct http *http = server_connect(server);
    for (int i = 0; i < 20; i++) {
        http_say(http, "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                       "application/json\r\nContent-Length: 19\r\n\r\n" ECHO_BODY);
        struct reply *made = http_read(http, false);
        assert_non_null(made);
        expect_status(made, 201);
        http_say(http, "GET /v1/tasks/none HTTP/1.1\r\nHost: localhost\r\n\r\n");
        struct reply *missing = http_read(http, false);
        assert_non_null(missing);
        expect_problem(missing, 404, NULL);
    }
    assert_int_equal(count_tasks(server, ""), 20);
}

/* 4: the client may ask to close. */
SCENARIO(close_on_request)
{
    struct server *server = server_start(s, "%s", "");
    struct http *http = server_connect(server);
    http_say(http, "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    struct reply *reply = http_read(http, false);
    assert_non_null(reply);
    expect_status(reply, 200);
    expect_closed(http);
}

/* 4: requests that are sent ahead are answered in their order. */
SCENARIO(pipelined)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[1]}");
    create(server, "{'id':'b','function':'echo','args':[2]}");
    struct http *http = server_connect(server);
    http_say(http, "GET /v1/tasks/a/result?wait=20 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                   "GET /v1/tasks/b/result?wait=20 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                   "GET /v1/tasks/none HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct reply *first = http_read(http, false), *second = http_read(http, false),
                 *third = http_read(http, false);
    assert_true(first && second && third);
    expect_json(first, "", "1");
    expect_json(second, "", "2");
    expect_problem(third, 404, NULL);
}

/* 4: a chunked body, and one that comes byte by byte. */
SCENARIO(bodies_in_pieces)
{
    struct server *server = server_start(s, "%s", "");
    struct http *http = server_connect(server);
    http_say(http, "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                   "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"fun\r\nE\r\nction\":\"echo\"}"
                   "\r\n0\r\n\r\n");
    struct reply *chunked = http_read(http, false);
    assert_non_null(chunked);
    expect_status(chunked, 201);
    const char *whole = "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                        "application/json\r\nContent-Length: 19\r\n\r\n" ECHO_BODY;
    for (const char *p = whole; *p; p++)
        http_write(http, p, 1);
    struct reply *slow = http_read(http, false);
    assert_non_null(slow);
    expect_status(slow, 201);
}

/* Sends bytes that are no good request: 400, the connection ends, and nothing in them was obeyed.
 */
static void check_broken(struct server *server, const char *bytes)
{
    note(server->scenario, "%.200s", bytes);
    struct http *http = server_connect(server);
    http_say(http, bytes);
    struct reply *reply = http_read(http, false);
    assert_non_null(reply);
    expect_status(reply, 400);
    expect_closed(http);
}

#define POST_HEAD "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
#define SMUGGLED                                                                                   \
    "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"             \
    "Content-Length: 19\r\n\r\n" ECHO_BODY

/* 4 and 10: lengths that contradict: 400 and close, and no second request hides in the body. */
SCENARIO(contradicting_lengths)
{
    struct server *server = server_start(s, "%s", "");
    check_broken(server, POST_HEAD "Content-Length: 19\r\nContent-Length: 19\r\n\r\n" ECHO_BODY);
    check_broken(server, POST_HEAD "Content-Length: 0\r\nContent-Length: 19\r\n\r\n" SMUGGLED);
    check_broken(server, POST_HEAD "Content-Length: 19\r\nContent-Length: 0\r\n\r\n" SMUGGLED);
    check_broken(server, POST_HEAD "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "0\r\n\r\n" SMUGGLED);
    check_broken(server, POST_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 19\r\n\r\n"
                                   "0\r\n\r\n" SMUGGLED);
    check_broken(server, "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
                         "Content-Length: 0\r\n\r\n");
    check_broken(server, POST_HEAD "content-length: 0\r\nCONTENT-LENGTH: 0\r\n\r\n" SMUGGLED);
    assert_int_equal(count_tasks(server, ""), 0);
}

/* 10: two Hosts: 400 and close. */
SCENARIO(two_hosts)
{
    struct server *server = server_start(s, "%s", "");
    check_broken(server, "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n");
    check_broken(server, "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n");
}

/* 4: what is no HTTP never takes the server down. */
SCENARIO(no_http_at_all)
{
    static const char *const broken[] = {
        "hello\r\n\r\n",
        "GET\r\n\r\n",
        "\r\n\r\n\r\n\r\n",
        "GET /v1/tasks\r\n\r\n",
        "GET /v1/tasks HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "\026\003\001\002\001\001\374\003\003 TLS",
        POST_HEAD "Content-Length: -1\r\n\r\n",
        POST_HEAD "Content-Length: 99999999999999999999\r\n\r\n",
        POST_HEAD "Content-Length: x\r\n\r\n",
        POST_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST_HEAD "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
        POST_HEAD "Content-Length: 100\r\n\r\ncut off",
        "GET /v1/tasks HTTP/1.1\r\nno colon here\r\n\r\n",
        "GET /v1/tasks?%zz=%&=&&state HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        note(s, "%s", broken[i]);
        struct http *http = server_connect(server);
        http_say(http, broken[i]);
        http_close(http);
        expect_status(get(server, "/v1/tasks"), 200);
    }
    assert_int_equal(count_tasks(server, ""), 0);
}

/* 4: 414 and 431, where the status is enough. */
SCENARIO(too_long_lines)
{
    struct server *server = server_start(s, "%s", "");
    struct http *http = server_connect(server);
    http_say(http, text(s, "GET /%0300000d HTTP/1.1\r\nHost: localhost\r\n\r\n", 1));
    struct reply *reply = http_read(http, false);
    assert_non_null(reply);
    expect_status(reply, 414);
    http = server_connect(server);
    http_say(http, text(s, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: %0300000d\r\n\r\n", 1));
    reply = http_read(http, false);
    assert_non_null(reply);
    expect_status(reply, 431);
}

/* 4: a body over the limit is 413, refused before it is read in full. */
SCENARIO(body_too_large)
{
    struct server *server = server_start(s, "--max-body 100");
    struct reply *full = post(server, "/v1/tasks", "{'function':'echo','args':['%068d']}", 0);
    assert_int_equal(strlen("{'function':'echo','args':['']}") + 68, 99);
    expect_status(full, 201);
    expect_status(post(server, "/v1/tasks", "{'function':'echo','args':['%069d']}", 0), 201);
    expect_problem(post(server, "/v1/tasks", "{'function':'echo','args':['%070d']}", 0), 413,
                   "body-too-large");
    struct http *http = server_connect(server);
    http_say(http, POST_HEAD "Content-Length: 1000000000\r\n\r\n{\"function\":");
    struct reply *early = http_read(http, false);
    assert_non_null(early);
    expect_problem(early, 413, "body-too-large");
    http = server_connect(server);
    http_say(http, POST_HEAD "Transfer-Encoding: chunked\r\n\r\n");
    http_say(http, text(s, "C8\r\n%0200d\r\n", 0));
    early = http_read(http, false);
    assert_non_null(early);
    expect_problem(early, 413, "body-too-large");
    assert_int_equal(count_tasks(server, ""), 2);
}

/* 4: nobody is read to the end of such a body, wherever he sends it; who may not ask is told so. */
SCENARIO(body_too_large_anywhere)
{
    static const struct {
        const char *line, *header;
        int status;
    } rows[] = {
        {"POST /nope", "", 413},
        {"PATCH /v1/tasks", "", 413},
        {"GET /healthz", "", 413},
        {"OPTIONS /v1/tasks", "", 413},
        {"POST /v1/tasks", "Content-Type: text/plain\r\n", 413},
        {"POST /nope", "Origin: http://evil.example\r\n", 403},
    };
    struct server *server = server_start(s, "--max-body 100 --body-timeout 3600");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *bodies[] = {
            "Content-Length: 50000000\r\n\r\n",
            text(s, "Transfer-Encoding: chunked\r\n\r\nC8\r\n%0200d\r\n", 0),
        };
        for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++) {
            note(s, "%s, %.16s", rows[i].line, bodies[k]);
            struct http *http = server_connect(server);
            http_say(http, text(s, "%s HTTP/1.1\r\nHost: localhost\r\n%s%s", rows[i].line,
                                rows[i].header, bodies[k]));
            struct reply *reply = http_read(http, false);
            assert_non_null(reply);
            expect_status(reply, rows[i].status);
            expect_header(reply, "Connection", "close");
        }
    }
}

/* 4: the limit is 1 MiB by default, for cancel too. */
SCENARIO(default_body_limit)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':3600,'args':['%01048000d']}", 0);
    expect_problem(post(server, "/v1/tasks", "{'function':'echo','args':['%01048576d']}", 0), 413,
                   "body-too-large");
    const char *body = json(s, "{'subscription':'%01048576d'}", 0);
    struct reply *reply = call(server, .path = "/v1/tasks/later/cancel", .body = body);
    expect_problem(reply, 413, "body-too-large");
    expect_state(server, "later", "scheduled");
}

/* 4: clients that connect and say nothing, or half of it, keep nobody waiting. */
SCENARIO(silent_clients)
{
    enum { SILENT = 200 };
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < SILENT; i++)
        http_say(server_connect(server), i % 2 ? "GET /v1/tasks HTTP/1.1\r\nHo" : "");
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
    assert_int_equal(server_stop(server), 0);
}

/* 10: more clients at once than one epoll_wait tells of, all waiting for their answers. */
SCENARIO(many_clients)
{
    enum { CLIENTS = 400, TURNS = 3 };
    struct server *server = server_start(s, "%s", "");
    struct http *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = server_connect(server);
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < CLIENTS; i++)
            http_say(clients[i], POST_HEAD "Content-Length: 19\r\n\r\n" ECHO_BODY);
        for (int i = 0; i < CLIENTS; i++) {
            note(s, "turn %d, client %d", turn, i);
            struct reply *reply = http_read(clients[i], false);
            assert_non_null(reply);
            expect_status(reply, 201);
        }
    }
}

/* 4: a client that leaves while others work for it leaves nothing behind: under sanitizers the
 * server says so, at its end. */
SCENARIO(left_before_the_answer)
{
    static const char *const requests[] = {
        "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/tasks/a/logs HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 19\r\n\r\n" ECHO_BODY,
        "POST /v1/leases HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 19\r\n\r\n{\"functions\":[\"a\"]}",
        "POST /v1/tasks/cancel HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json\r\nContent-Length: 19\r\n\r\n" ECHO_BODY,
    };
    enum { ALL = sizeof requests / sizeof *requests };
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo'}");
    for (int i = 0; i < 100; i++)
        create(server, "{'function':'a'}");
    for (int i = 0; i < 100 * ALL; i++) {
        struct http *http = server_connect(server);
        if (i % ALL == 0)
            create(server, "{'function':'echo','delay':3600}");
        http_say(http, requests[i % ALL]);
        http_reset(http);
    }
    expect_status(get(server, "/v1/tasks/a"), 200);
    assert_int_equal(server_stop(server), 0);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(keep_alive),
        RUN(close_on_request),
        RUN(pipelined),
        RUN(bodies_in_pieces),
        RUN(contradicting_lengths),
        RUN(two_hosts),
        RUN(no_http_at_all),
        RUN(too_long_lines),
        RUN(body_too_large),
        RUN(body_too_large_anywhere),
        RUN(default_body_limit),
        RUN(silent_clients),
        RUN(many_clients),
        RUN(left_before_the_answer),
    };
    return RUN_SCENARIOS("wire", table);
}
