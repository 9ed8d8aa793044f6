/* Section 2 and 4.10: the functions that are built in. */
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* 2: what they return. */
SCENARIO(results)
{
    static const struct {
        const char *function, *args, *result;
    } rows[] = {
        {"echo", "[{'a':1}]", "{'a':1}"},
        {"echo", "['first','second']", "'first'"},
        {"echo", "[null]", "null"},
        {"collect", "[]", "[]"},
        {"collect", "[1,'b',[2],{'c':null}]", "[1,'b',[2],{'c':null}]"},
        {"sum", "[1,2,3]", "6"},
        {"sum", "[5]", "5"},
        {"sum", "[0.5,0.25]", "0.75"},
        {"sum", "[10,-3]", "7"},
        {"sum", "[2,-5]", "-3"},
        {"concat", "['ab','','c']", "'abc'"},
        {"concat", "[[1],[],[2,[3]]]", "[1,2,[3]]"},
        {"merge", "[{'a':1},{'b':2}]", "{'a':1,'b':2}"},
        {"merge", "[{'a':1}]", "{'a':1}"},
        {"sleep", "[0]", "0"},
        {"sleep", "[0.01]", "0.01"},
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s %s", rows[i].function, rows[i].args);
        const char *args = requote(text(s, "%s", rows[i].args));
        const char *id = create(server, "{'function':'%s','args':%s}", rows[i].function, args);
        expect_result(server, id, rows[i].result);
    }
}

/* 4.10: a wrong type fails the task with function-error. */
SCENARIO(wrong_types)
{
    static const struct {
        const char *function, *args;
    } rows[] = {
        {"sum", "['1']"},          {"sum", "[1,null]"},        {"sum", "[[1,2]]"},
        {"sum", "[1e308,1e308]"},  {"concat", "['a',[1]]"},    {"concat", "[1,2]"},
        {"concat", "[['a'],'b']"}, {"merge", "[{'a':1},[2]]"}, {"merge", "['a']"},
        {"sleep", "['1']"},
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s %s", rows[i].function, rows[i].args);
        const char *args = requote(text(s, "%s", rows[i].args));
        const char *id = create(server, "{'function':'%s','args':%s}", rows[i].function, args);
        expect_failure(server, id, "function-error");
    }
}

/* 2 and 3.3: --max-result is for what they make too. */
SCENARIO(large_results)
{
    struct server *server = server_start(s, "--max-result 100");
    const char *id =
        create(server, "{'function':'concat','args':['%060d','%060d'],'max_attempts':1}", 0, 0);
    expect_failure(server, id, "result-too-large");
    expect_outcome(server, create(server, "{'function':'concat','args':['%060d']}", 0),
                   "succeeded");
}

/* 2: fail fails with its message. */
SCENARIO(fail_has_a_message)
{
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'fail','args':['out of \\\"paper\\\"']}");
    expect_text(expect_failure(server, id, "function-error"), "error.message", "out of \"paper\"");
}

/* An argument may be as large as all results together; what is kept of a message is not. */
SCENARIO(fail_has_a_short_message)
{
    enum { KEPT = 1024 }; /* bytes, the last of which would be half an é */
    struct server *server = server_start(s, "%s", "");
    char *longer = text_repeat(s, "x", "\xC3\xA9", 300000, "");
    const char *id = create(server, "{'function':'fail','args':['%s']}", longer);
    const char *message = json_text(expect_failure(server, id, "function-error"), "error.message");
    assert_int_equal(strlen(message), KEPT - 1);
    assert_memory_equal(message, longer, KEPT - 1);
}

/* 2: built-ins take no slot. */
SCENARIO(no_slot)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'only','function':'hold'}");
    await_progress(server, "only", 1);
    create(server, "{'id':'nap','function':'sleep','args':[0.05]}");
    create(server, "{'id':'meta','process':'collect','args':[{'$task':'nap'}]}");
    expect_result(server, "meta", "[0.05]");
    expect_state(server, "only", "running");
    release(s, "only", "1");
    expect_result(server, "only", "1");
}

/* 2: many of them sleep at once. */
SCENARIO(sleep_side_by_side)
{
    enum { MANY = 50 };
    struct server *server = server_start(s, "--slots 1");
    int64_t begin = now_ms();
    for (int i = 0; i < MANY; i++)
        create(server, "{'id':'nap%d','function':'sleep','args':[1]}", i);
    for (int i = 0; i < MANY; i++)
        expect_result(server, text(s, "nap%d", i), "1");
    assert_true(now_ms() - begin < MANY * 1000 / 2);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(results),
        RUN(wrong_types),
        RUN(large_results),
        RUN(fail_has_a_message),
        RUN(fail_has_a_short_message),
        RUN(no_slot),
        RUN(sleep_side_by_side),
    };
    return RUN_SCENARIOS("builtins", table);
}
