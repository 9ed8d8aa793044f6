/* Meta-tasks of a few bytes whose arguments are large: the results that they run on. Those of all
 * together are limited (--max-inputs), who waits for room can be stopped, and no built-in function
 * works longer or takes more memory for them than it needs. */
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

enum { LARGE = 300000 };

/* A task whose result is a string of so many bytes. */
static void make_string(struct server *server, const char *id, int length)
{
    create(server, "{'id':'%s','function':'echo','args':['%0*d']}", id, length, 1);
    finished(server, id);
}

/* And one whose result is an array of so many values. */
static void make_wide(struct scenario *s, struct server *server, const char *id, int values)
{
    char *body = text_repeat(s, text(s, "{\"id\":\"%s\",\"function\":\"echo\",\"args\":[[", id),
                             "1,", values, "1]]}");
    expect_status(call(server, .path = "/v1/tasks", .body = body), 201);
    finished(server, id);
}

/* The same place so many times. */
static char *places(struct scenario *s, const char *id, int count)
{
    return requote(text_repeat(s, "[", text(s, "{'$task':'%s'},", id), count - 1,
                               text(s, "{'$task':'%s'}]", id)));
}

static bool started(struct scenario *s, const char *id)
{
    return folder_has(s, text(s, "scratch/%s.pids", id));
}

static void hold_large(struct server *server, const char *id, const char *more)
{
    create(server, "{'id':'%s','process':'hold','args':[{'$task':'large'}]%s}", id, more);
}

/* One has the room; the next wait, in their order, and small ones pass them. */
SCENARIO(wait_for_room)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 8 --max-inputs 500000");
    make_string(server, "large", LARGE);
    make_string(server, "small", 1000);
    hold_large(server, "a", "");
    await_progress(server, "a", 1);
    hold_large(server, "late", ",\"timeout\":0.3");
    hold_large(server, "b", "");
    hold_large(server, "c", "");
    create(server, "{'id':'d','process':'hold','args':[{'$task':'small'}]}");
    await_progress(server, "d", 1);
    expect_failure(server, "late", "timeout");
    expect_status(cancel(server, "b", NULL), 202);
    expect_outcome(server, "b", "cancelled");
    expect_state(server, "c", "running");
    assert_false(started(s, "late") || started(s, "b") || started(s, "c"));
    release(s, "a", "1");
    await_progress(server, "c", 1);
    assert_false(started(s, "late") || started(s, "b"));
    release(s, "c", "1");
    release(s, "d", "1");
    expect_outcome(server, "c", "succeeded");
}

/* However little room there is: what needs more runs when no other has any. */
SCENARIO(alone_it_runs)
{
    enum { MANY = 6 };
    struct server *server = server_start(s, "--max-inputs 1");
    make_string(server, "large", LARGE);
    for (int i = 0; i < MANY; i++)
        create(server, "{'id':'m%d','process':'concat','args':[{'$task':'large'},'x']}", i);
    for (int i = 0; i < MANY; i++)
        expect_outcome(server, text(s, "m%d", i), "succeeded");
    struct reply *reply = get(server, "/v1/tasks/m0/result");
    assert_int_equal(reply->body.length, LARGE + 3);
}

/* A shutdown does not wait for room, and what waited for it goes on afterwards. */
SCENARIO(shutdown_in_line)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 4 --max-inputs 1 --drain 0.1");
    make_string(server, "large", LARGE);
    hold_large(server, "a", "");
    await_progress(server, "a", 1);
    hold_large(server, "b", "");
    await_state(server, "b", "running");
    assert_int_equal(server_stop(server), 0);
    assert_false(started(s, "b"));
    server = server_start(s, "--slots 4");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    cancel(server, "a", NULL);
    cancel(server, "b", NULL);
    expect_outcome(server, "b", "cancelled");
}

/* What a built-in function does not use is not loaded. */
SCENARIO(unused_takes_no_memory)
{
    enum { SLEEPERS = 6 };
    struct server *server = server_start(s, "%s", "");
    make_string(server, "large", 1000000);
    long before = server_rss_kb(server);
    const char *unused = places(s, "large", 50);
    for (int i = 0; i < SLEEPERS; i++)
        create(server, "{'id':'z%d','process':'sleep','args':[1000],'kwargs':{'x':%s}}", i, unused);
    create(server, "{'id':'last','process':'sleep','args':[0.1],'kwargs':{'x':%s}}", unused);
    expect_result(server, "last", "0.1");
    expect_growth(server, before, 60000);
    for (int i = 0; i < SLEEPERS; i++)
        cancel(server, text(s, "z%d", i), NULL);
    expect_outcome(server, "z0", "cancelled");
}

/* No node is made for what nobody looks at, and what is too large in any case is not read. */
SCENARIO(wide_inputs)
{
    struct server *server = server_start(s, "--max-result 1000000");
    make_wide(s, server, "wide", 490000);
    long before = server_rss_kb(server);
    create(server, "{'id':'first','process':'echo','args':%s}", places(s, "wide", 5));
    expect_outcome(server, "first", "succeeded");
    expect_peak_growth(server, before, 50000);
    create(server, "{'id':'all','process':'collect','args':%s}", places(s, "wide", 40));
    expect_failure(server, "all", "result-too-large");
    expect_peak_growth(server, before, 50000);
}

/* What the built-in functions look at is bounded, in bytes and in values. */
SCENARIO(bounded_work)
{
    struct server *server = server_start(s, "--max-result 1000000");
    make_string(server, "large", 990000);
    create(server, "{'id':'o','function':'echo','args':[%s]}",
           text_repeat(s, "{", "\"\":1,", 190000, "\"\":1}"));
    static const struct {
        const char *process, *of;
        int count;
        const char *code; /* NULL: it succeeds */
    } rows[] = {
        {"collect", "large", 1, NULL},
        {"collect", "large", 2, "result-too-large"},
        {"concat", "large", 1, NULL},
        {"concat", "large", 2, "result-too-large"},
        {"concat", "large", 40, "result-too-large"},
        {"echo", "large", 5, NULL},
        {"echo", "large", 6, "function-error"},
        {"sum", "large", 6, "function-error"},
        {"fail", "large", 6, "function-error"},
        {"sleep", "large", 6, "function-error"},
        {"merge", "o", 1, NULL},
        {"merge", "o", 2, "function-error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s %d", rows[i].process, rows[i].count);
        const char *id = create(server, "{'process':'%s','args':%s}", rows[i].process,
                                places(s, rows[i].of, rows[i].count));
        if (rows[i].code)
            expect_failure(server, id, rows[i].code);
        else
            expect_outcome(server, id, "succeeded");
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(wait_for_room),          RUN(alone_it_runs), RUN(shutdown_in_line),
        RUN(unused_takes_no_memory), RUN(wide_inputs),   RUN(bounded_work),
    };
    return RUN_SCENARIOS("hostile_inputs", table);
}
