/* Section 2.2: values come back as they were sent. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* As they are: double quotes and backslashes reach the server. */
static const char *const values[] = {
    "12345678901234567890",
    "-98765432109876543210.123456789012345678901234567890",
    "0.1",
    "1.0",
    "1E400",
    "1e-400",
    "-0",
    "-0.0e+00",
    "1700000000000000",
    "\"a\\u0000b\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800x\"",
    "\"\\ud83d\\ude00 \360\237\230\200\"",
    "\"\\u2028\\u007f\\u0001\\ufffe\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"line'\"",
    "{\"b\":1,\"a\":2,\"c\":{\"z\":[],\"y\":{}}}",
    "{\"10\":1,\"9\":2,\"\":3}",
    "{\"a\":1,\"a\":2,\"a\":1}",
    "{\"\\u0061\":1,\"a\":2,\"a\\u0000\":3}",
    "[[],{},\"\",null,true,false,0]",
    "{\"$task\":\"x\",\"id\":\"y\"}",
};
enum { VALUES = sizeof values / sizeof *values };

static struct reply *create_with(struct server *server, const char *id, const char *function,
                                 const char *value)
{
    const char *body = text(server->scenario,
                            "{\"id\":\"%s\",\"function\":\"%s\",\"args\":[%s],"
                            "\"kwargs\":{\"k\":%s},\"metadata\":{\"m\":%s},"
                            "\"notify_channels\":[\"c\"]}",
                            id, function, value, value, value);
    struct reply *reply = call(server, .path = "/v1/tasks", .body = body);
    expect_status(reply, 201);
    return reply;
}

/* 2.2: digits, code points, order, repeated members: in the answer, the task and the result. */
SCENARIO(echoed)
{
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < VALUES; i++) {
        note(s, "%s", values[i]);
        const char *id = text(s, "v%d", i);
        struct reply *made = create_with(server, id, "echo", values[i]);
        expect_exact(made, "args.0", values[i]);
        expect_status(get(server, "/v1/tasks/%s/result?wait=20", id), 200);
        struct reply *result = get(server, "/v1/tasks/%s/result", id);
        expect_exact(result, "", values[i]);
        struct reply *whole = task(server, id);
        expect_exact(whole, "args.0", values[i]);
        expect_exact(whole, "kwargs.k", values[i]);
        expect_exact(whole, "metadata.m", values[i]);
    }
}

/* 2.2: the same in the event's `result` and in the list. */
SCENARIO(in_events_and_lists)
{
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?type=task.succeeded");
    for (int i = 0; i < VALUES; i++) {
        note(s, "%s", values[i]);
        create_with(server, text(s, "v%d", i), "echo", values[i]);
        struct event *event = sse_next(sse);
        expect_exact(event, "result", values[i]);
        struct reply *list = get(server, "/v1/tasks?limit=1");
        expect_exact(list, "tasks.0.args.0", values[i]);
    }
}

/* 2.2: the same through a process, in both directions. */
SCENARIO(through_a_process)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < VALUES; i++) {
        note(s, "%s", values[i]);
        const char *id = text(s, "v%d", i);
        create_with(server, id, "cat", values[i]);
        struct reply *result = get(server, "/v1/tasks/%s/result?wait=20", id);
        expect_status(result, 200);
        expect_exact(result, "args.0", values[i]);
        expect_exact(result, "kwargs.k", values[i]);
    }
}

/* 2.2 and 5.1: the same when a result is put where its $task stood. */
SCENARIO(through_a_meta_task)
{
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < VALUES; i++) {
        note(s, "%s", values[i]);
        if (strstr(values[i], "$task"))
            continue;
        const char *body = text(s,
                                "{\"id\":\"m%d\",\"process\":\"collect\",\"args\":[%s,"
                                "{\"$task\":{\"function\":\"echo\",\"args\":[%s]}},%s]}",
                                i, values[i], values[i], values[i]);
        expect_status(call(server, .path = "/v1/tasks", .body = body), 201);
        struct reply *result = get(server, "/v1/tasks/m%d/result?wait=20", i);
        expect_status(result, 200);
        expect_exact(result, "", text(s, "[%s,%s,%s]", values[i], values[i], values[i]));
    }
}

/* 2.2: what is stored survives a restart unchanged. */
SCENARIO(across_a_restart)
{
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < VALUES; i++)
        create_with(server, text(s, "v%d", i), "echo", values[i]);
    for (int i = 0; i < VALUES; i++)
        expect_status(get(server, "/v1/tasks/v%d/result?wait=20", i), 200);
    server_kill9(server);
    server = server_start(s, "%s", "");
    for (int i = 0; i < VALUES; i++) {
        note(s, "%s", values[i]);
        struct reply *result = get(server, "/v1/tasks/v%d/result", i);
        expect_exact(result, "", values[i]);
        struct reply *whole = task(server, text(s, "v%d", i));
        expect_exact(whole, "args.0", values[i]);
    }
}

/* 2.2: a long string, and one of every kind of UTF-8 sequence. */
SCENARIO(long_strings)
{
    struct server *server = server_start(s, "%s", "");
    char *long_one = text(s, "\"%0500000d\"", 0);
    create_with(server, "utf8", "echo",
                "\"\177 \302\200 \337\277 \340\240\200 \355\237\277 \356\200\200 \357\277\277 "
                "\360\220\200\200 \364\217\277\277\"");
    const char *body = text(s, "{\"id\":\"long\",\"function\":\"echo\",\"args\":[%s]}", long_one);
    expect_status(call(server, .path = "/v1/tasks", .body = body), 201);
    expect_result(server, "long", long_one);
    expect_exact(task(server, "long"), "args.0", long_one);
    expect_result(server, "utf8",
                  "\"\177 \302\200 \337\277 \340\240\200 \355\237\277 \356\200\200 \357\277\277 "
                  "\360\220\200\200 \364\217\277\277\"");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(echoed),
        RUN(in_events_and_lists),
        RUN(through_a_process),
        RUN(through_a_meta_task),
        RUN(across_a_restart),
        RUN(long_strings),
    };
    return RUN_SCENARIOS("payload", table);
}
