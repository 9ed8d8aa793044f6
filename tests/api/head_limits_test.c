/* How large the head of a request may be: up to --max-header it is answered, beyond it is refused
 * before anything is done, and never is there silence. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

enum { MAX_HEADER = 16384 }; /* the default */

#define GET_HEALTH "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
#define POST_ECHO  "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
#define LENGTH     "Content-Length: 19\r\n"
#define CHUNKED    "Transfer-Encoding: chunked\r\n\r\n"
#define ECHO       "{\"function\":\"echo\"}" /* 19 bytes */

/* Whoever is silent for longer than the harness waits has failed. */
static struct server *start(struct scenario *s)
{
    return server_start(s, "--header-timeout 3600 --body-timeout 3600");
}

/* A head of so many bytes: these lines, and a long header. */
static const char *head_of(struct scenario *s, const char *lines, size_t bytes)
{
    int filler = (int)(bytes - strlen(lines) - strlen("X: \r\n\r\n"));
    return text(s, "%sX: %0*d\r\n\r\n", lines, filler, 1);
}

static struct reply *answer(struct server *server, const char *bytes)
{
    note(server->scenario, "%.200s", bytes);
    struct reply *reply = say_once(server, bytes);
    assert_non_null(reply);
    return reply;
}

/* A page that follows many things at once has them all on one stream. */
SCENARIO(streams_of_many)
{
    struct server *server = start(s);
    char *channels =
        text_repeat(s, "/v1/events?channel=c", "&channel=other", 1000, "&channel=last");
    struct sse *stream = sse_open(server, "%s", channels);
    create(server, "{'id':'a','function':'echo','notify_channels':['last']}");
    await_event(stream, "task.succeeded", "a");
    char *tasks = text_repeat(s, "/v1/events?task=none",
                              "&task=01a1ffd7-b2e4-7162-9570-60c23636e81f", 380, "&task=b");
    stream = sse_open(server, "%s", tasks);
    create(server, "{'id':'b','function':'echo'}");
    await_event(stream, "task.succeeded", "b");
}

/* Parameters are read as ever, however many there are. */
SCENARIO(many_parameters)
{
    struct server *server = start(s);
    for (int i = 0; i < 2; i++)
        expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
    char *same = text_repeat(s, "/v1/tasks?limit=1", "&state=succeeded", 900, "");
    struct reply *reply = get(server, "%s", same); /* its Link is as long as its head */
    expect_status(reply, 200);
    assert_int_equal(json_count(reply, "tasks"), 1);
    assert_non_null(strstr(header(reply, "Link"), "&state=succeeded&limit=1>; rel=\"next\""));
    same = text_repeat(s, "/v1/tasks?state=queued", "&state=queued", 220, "");
    expect_status(get(server, "%s", same), 200);
    expect_parameter(get(server, "%s", text_repeat(s, "/v1/tasks?", "x=1&", 300, "")), "x");
    expect_parameter(get(server, "%s", text_repeat(s, "/v1/tasks?", "&", 16000, "")), "");
    expect_parameter(get(server, "/v1/tasks?limit=1&limit=2"), "limit");
    expect_status(get(server, "/v1/tasks?st%%61te=%%71ueue%%64"), 200);
    expect_status(get(server, "/v1/tasks?"), 200);
}

/* Each byte below the limit and at it is good, and the task is there once for each 201. */
SCENARIO(near_the_limit)
{
    struct server *server = start(s);
    int count = 0;
    for (size_t bytes = MAX_HEADER - 600; bytes <= MAX_HEADER; bytes += 7, count++) {
        char *post = text(s, "%s" ECHO, head_of(s, POST_ECHO LENGTH, bytes));
        expect_status(answer(server, post), 201);
        expect_status(answer(server, head_of(s, GET_HEALTH, bytes)), 200);
    }
    expect_status(answer(server, head_of(s, GET_HEALTH, MAX_HEADER)), 200);
    assert_int_equal(count_tasks(server, ""), count);
}

/* Beyond it nothing is done. */
SCENARIO(over_the_limit)
{
    struct server *server = start(s);
    for (size_t bytes = MAX_HEADER + 1; bytes < MAX_HEADER + 3000; bytes += 101) {
        char *post = text(s, "%s" ECHO, head_of(s, POST_ECHO LENGTH, bytes));
        struct reply *reply = answer(server, post);
        expect_problem(reply, 431, "head-too-large");
        expect_header(reply, "Connection", "close");
    }
    char *line = text(s, "GET /v1/tasks?x=%0*d HTTP/1.1\r\nHost: localhost\r\n\r\n", MAX_HEADER, 1);
    expect_problem(answer(server, line), 414, "target-too-long");
    assert_int_equal(count_tasks(server, ""), 0);
}

/* As many headers as there are: all of them, or too many, and an answer in either case. */
SCENARIO(many_headers)
{
    struct server *server = start(s);
    expect_status(answer(server, text_repeat(s, GET_HEALTH, "X: y\r\n", 200, "\r\n")), 200);
    expect_problem(answer(server, text_repeat(s, GET_HEALTH, "X: y\r\n", 275, "\r\n")), 431,
                   "head-too-large");
    for (int count = 200; count < 350; count += 3) {
        struct reply *reply = answer(server, text_repeat(s, GET_HEALTH, "X: y\r\n", count, "\r\n"));
        assert_true(reply->status == 200 || reply->status == 431);
    }
}

/* A browser sends the cookies of all servers of this machine. */
SCENARIO(cookies)
{
    struct server *server = start(s);
    expect_status(answer(server, text_repeat(s, GET_HEALTH "Cookie: a=b", "; c", 4000, "\r\n\r\n")),
                  200);
    expect_status(answer(server, text_repeat(s, GET_HEALTH "Cookie: ", ";", 15000, "\r\n\r\n")),
                  200);
}

/* What stands behind a NUL is not seen by all, and so not obeyed by anybody. */
SCENARIO(query_behind_a_nul)
{
    static const char start_of_line[] = "GET /healthz\0?";
    struct server *server = start(s);
    char *rest = text_repeat(s, "", "&x", 2000, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    size_t start_length = sizeof start_of_line - 1, length = start_length + strlen(rest);
    char *bytes = text(s, "%*s", (int)length, "");
    memcpy(bytes, start_of_line, start_length);
    memcpy(bytes + start_length, rest, strlen(rest));
    struct reply *reply = say_bytes(server, bytes, length);
    assert_non_null(reply);
    expect_problem(reply, 400, "bad-request");
    expect_prompt(server);
}

/* Trailers and the lines of chunks take memory that the answer would need. */
SCENARIO(room_for_the_answer)
{
    struct server *server = start(s);
    int created = 0;
    for (int i = 4; i < 60; i++) {
        char *rows[] = {
            text_repeat(s, POST_ECHO CHUNKED "13\r\n" ECHO "\r\n0\r\n", "X: y\r\n", i * 5, "\r\n"),
            text_repeat(s, POST_ECHO CHUNKED "13\r\n" ECHO "\r\n0;", "123456789", 1950 + i * 6,
                        "\r\n\r\n"),
            text_repeat(s, POST_ECHO CHUNKED "13;", "123456789", 1950 + i * 6,
                        "\r\n" ECHO "\r\n0\r\n\r\n"),
        };
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            struct reply *reply = answer(server, rows[k]);
            assert_true(reply->status == 201 || reply->status == 431);
            created += reply->status == 201;
        }
    }
    assert_int_equal(count_tasks(server, ""), created);
    char *endless = text_repeat(s, POST_ECHO CHUNKED "13;", "0123456789", 20000, "\r\n" ECHO);
    expect_problem(answer(server, endless), 431, "head-too-large");
    assert_int_equal(count_tasks(server, ""), created);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(streams_of_many),    RUN(many_parameters),     RUN(near_the_limit),
        RUN(over_the_limit),     RUN(many_headers),        RUN(cookies),
        RUN(query_behind_a_nul), RUN(room_for_the_answer),
    };
    return RUN_SCENARIOS("head_limits", table);
}
