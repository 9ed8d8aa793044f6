/* Requests that are made to be read in two ways, and floods of headers: what is not plain is
 * refused with its connection, and nothing that hides in it is obeyed. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

#define POST_HEAD "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
#define ECHO_BODY "{\"function\":\"echo\"}" /* 19 bytes */
#define SMUGGLED  POST_HEAD "Content-Length: 19\r\n\r\n" ECHO_BODY

/* Each is refused or has no answer at all, and no task is there afterwards. */
static void check_refused(struct server *server, const char *bytes, size_t length)
{
    note(server->scenario, "%.300s", bytes);
    struct http *http = server_connect(server);
    http_write(http, bytes, length);
    http_end(http);
    struct reply *reply = http_read(http, false);
    if (reply && (reply->status < 400 || reply->status > 505))
        fail_at(HERE, "answered with %d", reply->status);
    while (reply) {
        reply = http_read(http, false);
        if (reply && reply->status < 400)
            fail_at(HERE, "something in it was obeyed: %d", reply->status);
    }
    http_close(http);
    expect_status(get(server, "/healthz"), 200);
    if (count_tasks(server, ""))
        fail_at(HERE, "a task was created");
}

static void check_all(struct server *server, const char *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_refused(server, rows[i], strlen(rows[i]));
}

/* A length that is no plain number of bytes. */
SCENARIO(lengths_that_lie)
{
    static const char *const rows[] = {
        POST_HEAD "Content-Length: 1000000000000000000\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: 18446744073709551615\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: 18446744073709551635\r\n\r\n" ECHO_BODY, /* 2^64 + 19 */
        POST_HEAD "Content-Length: 99999999999999999999999999\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: -19\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: +19\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: 0x13\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: 19,19\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: 19, 0\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: 1 9\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: 19;\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: 1e1\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length:\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: \r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: nineteen\r\n\r\n" ECHO_BODY,
        POST_HEAD "Content-Length: 20\r\n\r\n" ECHO_BODY, /* one byte is missing */
        POST_HEAD "Content-Length : 19\r\n\r\n" ECHO_BODY,
        POST_HEAD " Content-Length: 19\r\n\r\n" ECHO_BODY,
    };
    check_all(server_start(s, "%s", ""), rows, sizeof rows / sizeof *rows);
}

/* Two framings, or one that only some would see. */
SCENARIO(two_framings)
{
    static const char *const rows[] = {
        POST_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        POST_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" SMUGGLED,
        POST_HEAD "Content-Length: 0\r\nContent-Length: 19\r\n\r\n" SMUGGLED,
        POST_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "0\r\n\r\n" SMUGGLED,
        POST_HEAD "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" SMUGGLED,
        POST_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        POST_HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        POST_HEAD "Transfer-Encoding: identity\r\n\r\n" SMUGGLED,
        POST_HEAD "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" SMUGGLED,
        POST_HEAD "Transfer-Encoding:\x0b"
                  "chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        POST_HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        POST_HEAD "Content-Length : 158\r\n\r\n" SMUGGLED,
        POST_HEAD "Content-Length\t: 158\r\n\r\n" SMUGGLED,
        POST_HEAD " Content-Length: 158\r\n\r\n" SMUGGLED,
        POST_HEAD "Content-Length\x0b: 158\r\n\r\n" SMUGGLED,
        POST_HEAD "Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n" SMUGGLED,
        "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\n\r\n" SMUGGLED,
        "GET /v1/tasks HTTP/1.1\r\n\r\n",
        "GET /v1/tasks HTTP/1.1\r\nHost:\r\n\r\n",
    };
    check_all(server_start(s, "%s", ""), rows, sizeof rows / sizeof *rows);
}

/* A framing that others would see, and libmicrohttpd does not: the body would be a second request.
 */
SCENARIO(framings_that_hide)
{
    static const char *const rows[] = {
        POST_HEAD "Content-Length : 131\r\n\r\n" SMUGGLED,
        POST_HEAD "Content-Length\t: 131\r\n\r\n" SMUGGLED,
        POST_HEAD "Content-Length:\r\n 131\r\n\r\n" SMUGGLED,
        POST_HEAD "Content-Length:\r\n\t131\r\n\r\n" SMUGGLED,
        POST_HEAD "Content-Length: 13\r\n 1\r\n\r\n" SMUGGLED,
        POST_HEAD "Transfer-Encoding:\r\n chunked\r\n\r\n" SMUGGLED,
        POST_HEAD "X: a\r\n b\r\n\r\n" SMUGGLED,
        POST_HEAD "X(a): b\r\n\r\n" SMUGGLED,
        POST_HEAD "X: a\rContent-Length: 131\r\n\r\n" SMUGGLED,
        POST_HEAD "X: \rContent-Length: 131\r\n\r\n" SMUGGLED,
        POST_HEAD "X: a\r\r\n\r\n" SMUGGLED,
        "POST\rX: /v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n" SMUGGLED,
        "\rPOST /v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n" SMUGGLED,
        "GET /v1/tasks\rContent-Length:131 HTTP/1.1\r\nHost: localhost\r\n\r\n" SMUGGLED,
        "GET /v1/tasks?limit=1\rX: HTTP/1.1\r\nHost: localhost\r\n\r\n" SMUGGLED,
        "GET /v1/tasks?\r HTTP/1.1\r\nHost: localhost\r\n\r\n" SMUGGLED,
    };
    check_all(server_start(s, "%s", ""), rows, sizeof rows / sizeof *rows);
}

/* An encoding that is not understood is said so at once: nobody waits for the end of the body. */
SCENARIO(unknown_encodings)
{
    static const char *const names[] = {"identity", "gzip", "gzip, chunked", "chunked, identity"};
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct http *http = server_connect(server);
        char *head = text(s, POST_HEAD "Transfer-Encoding: %s\r\n\r\n", names[i]);
        http_write(http, head, strlen(head));
        expect_problem(http_read(http, false), 400, "bad-request");
        http_close(http);
    }
}

/* Chunks that lie about their size. */
SCENARIO(broken_chunks)
{
#define CHUNKED POST_HEAD "Transfer-Encoding: chunked\r\n\r\n"
    static const char *const rows[] = {
        CHUNKED "FFFFFFFFFFFFFFFF\r\n" ECHO_BODY "\r\n0\r\n\r\n",
        CHUNKED "10000000000000013\r\n" ECHO_BODY "\r\n0\r\n\r\n", /* 2^64 + 19 */
        CHUNKED "7FFFFFFFFFFFFFFF\r\n" ECHO_BODY,
        CHUNKED "-13\r\n" ECHO_BODY "\r\n0\r\n\r\n",
        CHUNKED "+13\r\n" ECHO_BODY "\r\n0\r\n\r\n",
        CHUNKED "0x13\r\n" ECHO_BODY "\r\n0\r\n\r\n",
        CHUNKED " 13\r\n" ECHO_BODY "\r\n0\r\n\r\n",
        CHUNKED "\r\n" ECHO_BODY "\r\n0\r\n\r\n",
        CHUNKED "13\r\n" ECHO_BODY "xx0\r\n\r\n",
        CHUNKED "13\r\n" ECHO_BODY "\r\n",
        CHUNKED "zz\r\n" ECHO_BODY "\r\n0\r\n\r\n",
    };
    struct server *server = server_start(s, "%s", "");
    check_all(server, rows, sizeof rows / sizeof *rows);
    char *extension = text(s, CHUNKED "13;%0200000d\r\n" ECHO_BODY "\r\n0\r\n\r\n", 1);
    check_refused(server, extension, strlen(extension));
}

/* Headers with what does not belong in headers. */
SCENARIO(bytes_in_headers)
{
    static const char *const rows[] = {
        POST_HEAD "Content\x01-Length: 19\r\n\r\n" ECHO_BODY,
        POST_HEAD "no colon\r\nContent-Length: 19\r\n\r\n" ECHO_BODY,
        POST_HEAD ": no name\r\nContent-Length: 19\r\n\r\n" ECHO_BODY,
        POST_HEAD "X: folded\r\n\tContent-Length: 19\r\n\r\n" ECHO_BODY,
        "POST /v1/tasks\r\nHost: localhost\r\nContent-Length: 19\r\n\r\n" ECHO_BODY,
        "POST  /v1/tasks  HTTP/1.1\r\nHost: localhost\r\nContent-Length: 19\r\n\r\n" ECHO_BODY,
        "POST /v1/tasks HTTP/1.1 x\r\nHost: localhost\r\nContent-Length: 19\r\n\r\n" ECHO_BODY,
        "POST /v1/tasks HTTP/2.0\r\nHost: localhost\r\nContent-Length: 19\r\n\r\n" ECHO_BODY,
        "POST http://evil.example/v1/tasks HTTP/1.1\r\nHost: evil.example\r\n"
        "Content-Type: application/json\r\nContent-Length: 19\r\n\r\n" ECHO_BODY,
        "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };
    struct server *server = server_start(s, "%s", "");
    check_all(server, rows, sizeof rows / sizeof *rows);
}

/* A NUL ends a text for libmicrohttpd, and what stands behind it is not seen: it is refused. */
SCENARIO(nul_in_heads)
{
#define ROW(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
        ROW(POST_HEAD "Content-Le\0ngth: 19\r\n\r\n" ECHO_BODY),
        ROW(POST_HEAD "Content-Length: 19\0\r\n\r\n" ECHO_BODY),
        ROW(POST_HEAD "Content-Length: 19\0"
                      "9\r\n\r\n" ECHO_BODY),
        ROW(POST_HEAD "Content-Length: 19\0"
                      "9\n\n" ECHO_BODY),
        ROW(POST_HEAD "Content-Length: 19\0\r\nX: y\r\n\r\n" ECHO_BODY),
        ROW(POST_HEAD "X: \0Content-Length: 131\r\n\r\n" SMUGGLED),
        ROW(POST_HEAD "X:\0\r\nContent-Length: 19\r\n\r\n" ECHO_BODY),
        ROW(POST_HEAD "Content-Length: 19\r\n\0X: y\r\n" ECHO_BODY),
        ROW(POST_HEAD "Content-Length: 19\r\n\0\r\n" ECHO_BODY),
        ROW("POST /v1/tasks HTTP/1.1\r\nHost: localhost\0.evil.example\r\n"
            "Content-Type: application/json\r\nContent-Length: 19\r\n\r\n" ECHO_BODY),
        ROW("POST /v1/tasks HTTP/1.0\r\n\0X: y\r\n" SMUGGLED),
        ROW("POST /v1/tasks\0/x HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: application/json\r\nContent-Length: 19\r\n\r\n" ECHO_BODY),
        ROW("GET /v1/tasks?limit=1\0 HTTP/1.1\r\nHost: localhost\r\n\r\n" SMUGGLED),
        ROW("GET\0 /v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n" SMUGGLED),
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "row %zu", i);
        struct http *http = server_connect(server);
        http_write(http, rows[i].bytes, rows[i].length);
        expect_status(http_read(http, false), 400);
        assert_null(http_read(http, false));
    }
    assert_int_equal(count_tasks(server, ""), 0);
}

/* Line breaks without a carriage return, spaces, and bytes that were escaped are no harm. */
SCENARIO(odd_heads)
{
    static const char *const rows[] = {
        "GET /v1/tasks HTTP/1.1\nHost: localhost\n\n",
        "GET /v1/tasks HTTP/1.1\r\nHost:localhost\nX:\n\r\n",
        "GET /v1/tasks HTTP/1.1\r\nHost: \t localhost\r\nX: \t y \t \r\n\n",
        "GET /v1/tasks HTTP/1.0\r\nHost: localhost\r\nX: \r\nX:\r\nCookie: a=b; c=d\r\n\r\n",
        "\r\nGET  /v1/tasks?limit=1&function=a%0Db HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/tasks?limit=1& HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/%74asks? HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i]);
        struct http *http = server_connect(server);
        for (const char *at = rows[i]; *at; at++) /* in pieces, and twice on one connection */
            http_write(http, at, 1);
        expect_status(http_read(http, false), 200);
        http_say(http, rows[i]);
        struct reply *again = http_read(http, false);
        if (again || !strstr(rows[i], "HTTP/1.0"))
            expect_status(again, 200);
    }
}

/* Headers without end: 431, in the memory of --max-header. */
SCENARIO(header_flood)
{
    enum { FLOODS = 50, LINES = 10000 };
    struct server *server = server_start(s, "%s", "");
    char *many =
        text_repeat(s, "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n", "X: y\r\n", LINES, "\r\n");
    char *wide = text(s, "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nX: %0500000d\r\n\r\n", 1);
    char *name = text(s, "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n%0500000d: x\r\n\r\n", 1);
    char *line = text(s, "GET /v1/tasks?x=%0500000d HTTP/1.1\r\nHost: localhost\r\n\r\n", 1);
    long before = server_rss_kb(server);
    for (int i = 0; i < FLOODS; i++) {
        expect_status(say_once(server, many), 431);
        expect_status(say_once(server, wide), 431);
        expect_status(say_once(server, name), 431);
        expect_status(say_once(server, line), 414);
    }
    expect_growth(server, before, 20000);
    expect_prompt(server);
}

/* --max-header says how much. */
SCENARIO(header_limit)
{
    struct server *server = server_start(s, "--max-header 8192");
    expect_status(say_once(server, text(s,
                                        "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n"
                                        "X: %04000d\r\n\r\n",
                                        1)),
                  200);
    expect_status(say_once(server, text(s,
                                        "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n"
                                        "X: %09000d\r\n\r\n",
                                        1)),
                  431);
    struct run *run = errand_run(s, "serve --max-header 100");
    assert_int_equal(run->exit_status, 2);
    assert_non_null(strstr(run->errors, "--max-header"));
}

/* A body that is too large is refused before a byte of it is sent, where the client asks first. */
SCENARIO(asked_before_the_body)
{
    struct server *server = server_start(s, "%s", "");
    const char *rows[] = {"Content-Length: 1048577", "Content-Length: 1000000000000000000"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i]);
        struct http *http = server_connect(server);
        http_say(http, text(s, POST_HEAD "Expect: 100-continue\r\n%s\r\n\r\n", rows[i]));
        struct reply *reply = http_read_head(http, false);
        assert_non_null(reply);
        assert_null(strstr(reply->head, " 100 "));
        expect_status(reply, 413);
    }
    struct http *http = server_connect(server);
    http_say(http, "POST /v1/tasks HTTP/1.1\r\nHost: evil.example\r\nExpect: 100-continue\r\n"
                   "Content-Length: 19\r\n\r\n");
    struct reply *reply = http_read(http, false);
    assert_non_null(reply);
    expect_problem(reply, 421, "wrong-host");
}

/* The token is asked for before the body too, and the challenge is there. */
SCENARIO(unauthorized_before_the_body)
{
    server_environment(s, "ERRAND_TOKEN=secret");
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = say_once(server, POST_HEAD "Expect: 100-continue\r\n"
                                                     "Content-Length: 19\r\n\r\n");
    assert_non_null(reply);
    expect_problem(reply, 401, "unauthorized");
    assert_non_null(header(reply, "WWW-Authenticate"));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(lengths_that_lie),      RUN(two_framings),
        RUN(framings_that_hide),    RUN(unknown_encodings),
        RUN(broken_chunks),         RUN(bytes_in_headers),
        RUN(nul_in_heads),          RUN(odd_heads),
        RUN(header_flood),          RUN(header_limit),
        RUN(asked_before_the_body), RUN(unauthorized_before_the_body),
    };
    return RUN_SCENARIOS("hostile_framing", table);
}
