/* Section 2.2: what RFC 8259 does not allow is 400; names given twice are 422; 128 levels. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

#define ECHO_OF(value) "{\"function\":\"echo\",\"args\":[" value "]}"
#define BYTES(literal) literal, sizeof(literal) - 1

struct bytes {
    const char *at;
    size_t length;
};

static void check_malformed(struct scenario *s, const struct bytes *rows, size_t count)
{
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < count; i++) {
        note(s, "row %zu: %s", i, rows[i].at);
        struct reply *reply =
            call(server, .path = "/v1/tasks", .body = rows[i].at, .length = rows[i].length);
        expect_problem(reply, 400, "malformed-json");
    }
    assert_int_equal(count_tasks(server, ""), 0);
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
}

/* 2.2: structure. */
SCENARIO(structure)
{
    static const struct bytes rows[] = {
        {BYTES("")},
        {BYTES(" ")},
        {BYTES("{")},
        {BYTES("}")},
        {BYTES("[")},
        {BYTES("{\"function\":\"echo\"")},
        {BYTES("{\"function\":\"echo\",}")},
        {BYTES("{\"function\" \"echo\"}")},
        {BYTES("{\"function\":}")},
        {BYTES("{function:\"echo\"}")},
        {BYTES("{'function':'echo'}")},
        {BYTES("{,\"function\":\"echo\"}")},
        {BYTES("{\"function\":\"echo\";\"args\":[]}")},
        {BYTES("{\"function\":\"echo\"}x")},
        {BYTES("{\"function\":\"echo\"}{}")},
        {BYTES("{\"function\":\"echo\"},")},
        {BYTES("{\"function\":\"echo\"}\0")},
        {BYTES("{\"function\":\"echo\"/* no */}")},
        {BYTES("{\"function\":\"echo\"}// no")},
        {BYTES("{1:\"echo\"}")},
        {BYTES(ECHO_OF("1,"))},
        {BYTES(ECHO_OF(",1"))},
        {BYTES(ECHO_OF("1 2"))},
        {BYTES(ECHO_OF("[1}"))},
        {BYTES(ECHO_OF("1\f"))},
        {BYTES(ECHO_OF("1\v"))},
        {BYTES(ECHO_OF("1\302\240"))},
        {BYTES("\357\273\277" ECHO_OF("1"))},
        {BYTES("function=echo")},
    };
    check_malformed(s, rows, sizeof rows / sizeof *rows);
}

/* 2.2: numbers and words. */
SCENARIO(numbers_and_words)
{
    static const struct bytes rows[] = {
        {BYTES(ECHO_OF("01"))},        {BYTES(ECHO_OF("-01"))},      {BYTES(ECHO_OF("1."))},
        {BYTES(ECHO_OF(".5"))},        {BYTES(ECHO_OF("+1"))},       {BYTES(ECHO_OF("-"))},
        {BYTES(ECHO_OF("1e"))},        {BYTES(ECHO_OF("1e+"))},      {BYTES(ECHO_OF("1.e3"))},
        {BYTES(ECHO_OF("0x10"))},      {BYTES(ECHO_OF("1_000"))},    {BYTES(ECHO_OF("--1"))},
        {BYTES(ECHO_OF("NaN"))},       {BYTES(ECHO_OF("Infinity"))}, {BYTES(ECHO_OF("-Infinity"))},
        {BYTES(ECHO_OF("True"))},      {BYTES(ECHO_OF("nul"))},      {BYTES(ECHO_OF("nulll"))},
        {BYTES(ECHO_OF("undefined"))},
    };
    check_malformed(s, rows, sizeof rows / sizeof *rows);
}

/* 2.2: strings: escapes, control characters, UTF-8. */
SCENARIO(strings)
{
    static const struct bytes rows[] = {
        {BYTES(ECHO_OF("\"\\x41\""))},
        {BYTES(ECHO_OF("\"\\u12\""))},
        {BYTES(ECHO_OF("\"\\u12g4\""))},
        {BYTES(ECHO_OF("\"\\U0041\""))},
        {BYTES(ECHO_OF("\"\\'\""))},
        {BYTES(ECHO_OF("\"\\\""))},
        {BYTES(ECHO_OF("\"a\nb\""))},
        {BYTES(ECHO_OF("\"a\tb\""))},
        {BYTES(ECHO_OF("\"a\037b\""))},
        {BYTES("{\"function\":\"echo\",\"args\":[\"a\0b\"]}")},
        {BYTES("{\"function\":\"echo\0\"}")},
        {BYTES(ECHO_OF("\"\377\""))},
        {BYTES(ECHO_OF("\"\200\""))},
        {BYTES(ECHO_OF("\"\303\""))},
        {BYTES(ECHO_OF("\"\303(\""))},
        {BYTES(ECHO_OF("\"\300\200\""))},
        {BYTES(ECHO_OF("\"\340\200\200\""))},
        {BYTES(ECHO_OF("\"\355\240\200\""))},
        {BYTES(ECHO_OF("\"\364\220\200\200\""))},
        {BYTES(ECHO_OF("\"\370\210\200\200\200\""))},
        {BYTES("{\"function\":\"ech\377o\"}")},
        {BYTES(ECHO_OF("{\"\377\":1}"))},
        {BYTES(ECHO_OF("'a'"))},
    };
    check_malformed(s, rows, sizeof rows / sizeof *rows);
}

/* 2.2: a member name given twice among the API's own fields is 422, however it is spelt. */
SCENARIO(names_given_twice)
{
    const char *bodies[] = {
        "{\"function\":\"echo\",\"function\":\"echo\"}",
        "{\"function\":\"echo\",\"\\u0066unction\":\"echo\"}",
        "{\"function\":\"echo\",\"args\":[],\"args\":[]}",
        "{\"function\":\"echo\",\"priority\":null,\"priority\":1}",
        "{\"function\":\"echo\",\"backoff\":{\"initial\":1,\"initial\":1}}",
        "{\"process\":\"collect\",\"args\":[{\"$task\":{\"function\":\"echo\",\"id\":\"a\",\"id\":"
        "\"a\"}}]}",
        "{\"process\":\"collect\",\"args\":[{\"$task\":\"a\",\"$task\":\"a\"}]}",
        "[{\"function\":\"echo\",\"function\":\"echo\"}]",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        note(s, "%s", bodies[i]);
        struct reply *reply = call(server, .path = "/v1/tasks", .body = bodies[i]);
        expect_problem(reply, 422, "invalid-request");
    }
    assert_int_equal(count_tasks(server, ""), 0);
}

static char *nested(struct scenario *s, int levels)
{
    char *out = keep(s, (size_t)levels * 2 + 1);
    memset(out, '[', (size_t)levels);
    memset(out + levels, ']', (size_t)levels);
    return out;
}

/* 2.2 and 4.10: 128 levels, counted from the body's own outermost value; more is 400, never a
 * crash. */
SCENARIO(depth)
{
    const struct {
        int arrays, status; /* in the object: one level more */
    } rows[] = {{1, 201},   {100, 201},  {127, 201},   {128, 400},
                {129, 400}, {1000, 400}, {400000, 400}};
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%d arrays", rows[i].arrays);
        const char *args = nested(s, rows[i].arrays);
        const char *body = json(s, "{'function':'echo','args':%s}", args);
        struct reply *reply = call(server, .path = "/v1/tasks", .body = body);
        expect_status(reply, rows[i].status);
        if (rows[i].status == 400)
            expect_problem(reply, 400, NULL);
        else
            expect_exact(finished(server, json_text(reply, "id")), "args", args);
    }
    struct reply *open =
        call(server, .path = "/v1/tasks", .body = text(s, "%.*s", 300000, nested(s, 300000)));
    expect_problem(open, 400, NULL);
    struct reply *deep = call(server, .path = "/v1/tasks", .body = nested(s, 129));
    expect_problem(deep, 400, NULL);
}

/* 2.2: nested objects count the same. */
SCENARIO(depth_of_objects)
{
    struct server *server = server_start(s, "%s", "");
    for (int levels = 126; levels <= 127; levels++) {
        const char *value = "1";
        for (int i = 0; i < levels; i++)
            value = json(s, "{'k':%s}", value);
        const char *body = json(s, "{'function':'echo','args':[%s]}", value);
        note(s, "%d objects in args", levels);
        expect_status(call(server, .path = "/v1/tasks", .body = body), levels == 126 ? 201 : 400);
    }
}

/* 4.10: what built-ins put together from results is not limited. */
SCENARIO(depth_of_what_builtins_make)
{
    struct server *server = server_start(s, "%s", "");
    const char *deep = nested(s, 126);
    create(server, "{'id':'d','function':'echo','args':[%s]}", deep);
    for (int i = 0; i < 4; i++)
        create(server, "{'id':'m%d','process':'collect','args':[{'$task':'%s'}]}", i,
               i ? text(s, "m%d", i - 1) : "d");
    expect_result(server, "m3", text(s, "[[[[%s]]]]", deep));
}

/* 2.2: white space that RFC 8259 allows is fine. */
SCENARIO(white_space)
{
    struct server *server = server_start(s, "%s", "");
    expect_result(server,
                  create(server, " \r\n\t{ 'function' :\t'echo' ,\n'args'\r: [ 1 , 2 ] } \n"), "1");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(structure),
        RUN(numbers_and_words),
        RUN(strings),
        RUN(names_given_twice),
        RUN(depth),
        RUN(depth_of_objects),
        RUN(depth_of_what_builtins_make),
        RUN(white_space),
    };
    return RUN_SCENARIOS("strict_json", table);
}
