/* Section 4.7: what a function says on standard error is the task's log. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

static const char *log_of(struct server *server, const char *id)
{
    struct reply *reply = get(server, "/v1/tasks/%s/logs", id);
    expect_status(reply, 200);
    const char *type = header(reply, "Content-Type");
    if (!type || strncmp(type, "text/plain", 10) != 0)
        fail_at(HERE, "logs of the type %s", type ? type : "(none)");
    return reply->body.text;
}

static int count_lines(const char *log)
{
    int count = 0;
    for (; (log = strchr(log, '\n')); log++)
        count++;
    return count;
}

/* 4.7: line by line, in order, each with its time. */
SCENARIO(lines)
{
    function_file(s, "talk.sh",
                  "#!/bin/sh\n"
                  "echo one >&2\necho two >&2\necho 'the result'\n"
                  "printf 'no line end' >&2\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'talk'}");
    expect_result(server, "a", "'the result'");
    const char *log = log_of(server, "a");
    const char *one = strstr(log, "one"), *two = strstr(log, "two"),
               *three = strstr(log, "no line end");
    assert_true(one && two && three && one < two && two < three);
    assert_int_equal(count_lines(log), 3);
    assert_null(strstr(log, "the result"));
    char *rest = text(s, "%s", log);
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        note(s, "%s", line);
        int year = 0, month = 0, day = 0, hour = -1, minute = -1;
        assert_int_equal(sscanf(line, "%4d-%2d-%2dT%2d:%2d", &year, &month, &day, &hour, &minute),
                         5);
    }
}

/* 4.7: they can be read while the task runs. */
SCENARIO(while_it_runs)
{
    function_file(s, "talk.sh",
                  "#!/bin/sh\n"
                  "echo early >&2\n"
                  "mkfifo ../scratch/go\n"
                  "read -r x <../scratch/go\n"
                  "echo late >&2\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'talk'}");
    eventually(strstr(log_of(server, "a"), "early"));
    assert_null(strstr(log_of(server, "a"), "late"));
    eventually(folder_has(s, "scratch/go"));
    folder_write(s, "scratch/go", "on\n");
    expect_outcome(server, "a", "succeeded");
    assert_non_null(strstr(log_of(server, "a"), "late"));
}

/* 4.7: a task that said nothing has an empty log; so has one that never ran. */
SCENARIO(silence)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo'}");
    create(server, "{'id':'b','function':'echo','delay':3600}");
    finished(server, "a");
    assert_string_equal(log_of(server, "a"), "");
    assert_string_equal(log_of(server, "b"), "");
}

/* 4.7: at most 1 MiB a task: past it the middle goes, and one line says how much. */
SCENARIO(the_middle_goes)
{
    function_file(
        s, "flood.sh",
        "#!/bin/sh\n"
        "echo the very first >&2\n"
        "seq -f 'line %09.0f xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' 60000 >&2\n"
        "echo the very last >&2\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'flood'}");
    expect_outcome(server, "a", "succeeded");
    const char *log = log_of(server, "a");
    assert_non_null(strstr(log, "the very first"));
    assert_non_null(strstr(log, "the very last"));
    assert_non_null(strstr(log, "line 000060000"));
    assert_null(strstr(log, "line 000030000"));
    /* What is counted may be the lines themselves, or with their times: room for either. */
    assert_in_range(strlen(log), 300 * 1024, 2 * 1024 * 1024);
    char *rest = text(s, "%s", log);
    int others = 0;
    for (char *line; (line = strsep(&rest, "\n")) && *line;)
        others += !strstr(line, "line 0000") && !strstr(line, "the very");
    assert_int_equal(others, 1);
}

/* 4.7: bytes that are no text, and one line without an end, do no harm. */
SCENARIO(strange_lines)
{
    function_file(s, "strange.sh",
                  "#!/bin/sh\n"
                  "printf 'before\\n\\377\\300\\000\\033[31m\\nafter\\n' >&2\n"
                  "head -c 200000 /dev/zero | tr '\\0' y >&2\n"
                  "exit 4\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'strange'}");
    expect_failure(server, "a", "exit-status");
    const char *log = log_of(server, "a");
    assert_non_null(strstr(log, "before"));
    expect_status(get(server, "/v1/tasks"), 200);
}

/* 4.7: the log survives a restart, and has all attempts. */
SCENARIO(attempts_and_restarts)
{
    function_file(s, "talk.sh", "#!/bin/sh\necho \"attempt $ERRAND_ATTEMPT\" >&2\nexit 1\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'talk','max_attempts':2,'backoff':{'initial':0.01}}");
    expect_failure(server, "a", "exit-status");
    server_kill9(server);
    server = server_start(s, "%s", "");
    const char *log = log_of(server, "a");
    assert_non_null(strstr(log, "attempt 1"));
    assert_non_null(strstr(log, "attempt 2"));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(lines),           RUN(while_it_runs), RUN(silence),
        RUN(the_middle_goes), RUN(strange_lines), RUN(attempts_and_restarts),
    };
    return RUN_SCENARIOS("logs", table);
}
