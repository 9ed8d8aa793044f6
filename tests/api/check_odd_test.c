/* `errand check`: databases that are in order, however odd what clients put into them. */
#include <string.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

static void expect_in_order(struct scenario *s)
{
    struct run *run = errand_run(s, "check %s", folder_path(s, "data/errand.db"));
    if (run->exit_status != 0)
        fail_at(HERE, "%s%s", run->output, run->errors);
}

/* 2.2: strings keep every code point. A name is a name up to its end, also when it is deleted. */
SCENARIO(names_of_channels)
{
    static const char *const names[] = {"'a\\u0000b','a\\u0000c','a'", "'\\u0000'",
                                        "'\\ud800x','x\\udc00'", "'\\ud83d\\ude00'",
                                        "'q\\\\/\\n\\u001f','\\u007f\\u2028'"};
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        note(s, "%s", names[i]);
        create(server, "{'id':'t','function':'echo','args':[1],'notify_channels':[%s]}",
               requote(text(s, "%s", names[i])));
        expect_result(server, "t", "1");
        expect_in_order(s);
        expect_status(call(server, .method = "DELETE", .path = "/v1/tasks/t"), 204);
        expect_in_order(s);
        assert_string_equal(database_ask(s, "data/errand.db", "SELECT count(*) FROM task_channels"),
                            "0");
    }
}

/* A name that is cut at U+0000 is another name. */
SCENARIO(name_cut)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'t','function':'echo','notify_channels':['a\\u0000b']}");
    expect_outcome(server, "t", "succeeded");
    database_run(s, "data/errand.db", "UPDATE task_channels SET channel = 'a'");
    struct run *run = errand_run(s, "check %s", folder_path(s, "data/errand.db"));
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->output, "channels: task t is found under the channel a, which"));
}

/* 4.10: what built-ins put together from results may be nested deeper than any request: deeper
 * than SQLite's own JSON functions read, too, in a result and in an event. */
SCENARIO(deep_results)
{
    enum { TASKS = 19, LEVELS = 110 };
    char opening[LEVELS + 1] = {0}, closing[LEVELS + 1] = {0};
    memset(opening, '[', LEVELS);
    memset(closing, ']', LEVELS);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'t0','function':'echo','args':[1]}");
    for (int i = 1; i <= TASKS; i++)
        create(server, "{'id':'t%d','process':'echo','args':[%s{'$task':'t%d'}%s]}", i, opening,
               i - 1, closing);
    expect_outcome(server, text(s, "t%d", TASKS), "succeeded");
    const char *const unread[] = {"SELECT count(*) FROM results WHERE NOT json_valid(value)",
                                  "SELECT count(*) FROM events WHERE NOT json_valid(data)"};
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
        assert_string_not_equal(database_ask(s, "data/errand.db", unread[i]), "0");
    expect_in_order(s);
    struct run *run = errand_run(s, "backup copy.db --data %s", folder_path(s, "data"));
    assert_string_equal(run->errors, "");
    assert_int_equal(run->exit_status, 0);
}

/* 3.5, 5.1: the task that a process step returns may be a loser of its own wait_for any, which
 * somebody else wants: it is waited for once, before and after a restart. */
SCENARIO(continues_with_a_loser)
{
    functions_standard(s);
    function_file(s, "back.sh", "#!/bin/sh\necho '{\"$task\":\"loser\"}'\n");
    function_manifest(s, "back.json", "{'continues':true}");
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'loser','function':'hold'}");
    await_progress(server, "loser", 1);
    create(server, "{'id':'m','process':'back','wait_for':'any','args':[[{'$task':'loser'},"
                   "{'$task':'loser'}],{'$task':{'function':'echo','args':[1]}}]}");
    eventually(json_number(task(server, "m"), "attempt") == 1 &&
               !strcmp(json_text(task(server, "m"), "state"), "waiting"));
    assert_int_equal(json_count(task(server, "m"), "dependencies"), 4);
    expect_in_order(s);
    server_kill9(server);
    server = server_start(s, "--slots 2");
    expect_in_order(s);
    assert_null(strstr(server_log(server), "mended"));
    await_progress(server, "loser", 1);
    release(s, "loser", "5");
    expect_result(server, "m", "5");
    expect_in_order(s);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(names_of_channels),
        RUN(name_cut),
        RUN(deep_results),
        RUN(continues_with_a_loser),
    };
    return RUN_SCENARIOS("check_odd", table);
}
