/* Section 2.1: what a function of the mode `process` is given, and what becomes of what it gives.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/tasks.h"

/* 2.1: standard input is one line of JSON, then the end of file. */
SCENARIO(input_is_one_line)
{
    functions_standard(s);
    function_file(s, "lines.sh", "#!/bin/sh\nwc -l\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'cat','args':[1,'x'],'kwargs':{'w':200}}");
    expect_result(server, "a",
                  "{'id':'a','function':'cat','args':[1,'x'],'kwargs':{'w':200},'attempt':1}");
    expect_result(server, create(server, "{'function':'lines','args':['\\n']}"), "1");
}

/* A table of what is printed and what the result is: one function a row. */
struct printed {
    const char *octets; /* for the shell's printf */
    const char *result; /* NULL: fails with invalid-result */
};

static void check_printed(struct scenario *s, const struct printed *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        function_file(s, text(s, "row%zu.sh", i),
                      text(s, "#!/bin/sh\nprintf -- '%s'\n", rows[i].octets));
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < count; i++) {
        note(s, "printf '%s'", rows[i].octets);
        const char *id = create(server, "{'function':'row%zu'}", i);
        if (!rows[i].result) {
            expect_failure(server, id, "invalid-result");
            continue;
        }
        expect_outcome(server, id, "succeeded");
        struct reply *reply = get(server, "/v1/tasks/%s/result", id);
        expect_exact(reply, "", rows[i].result);
    }
}

/* 2.1: all of it one JSON value: that value; nothing at all: null. */
SCENARIO(output_that_is_json)
{
    static const struct printed rows[] = {
        {"{\"a\":1}", "{\"a\":1}"},
        {"{\"a\":1}\\n", "{\"a\":1}"},
        {" [1,\\n 2]\\r\\n\\n", "[1,2]"},
        {"\"text\"", "\"text\""},
        {"true", "true"},
        {"null", "null"},
        {"-0.10e+5", "-0.10e+5"},
        {"12345678901234567890", "12345678901234567890"},
        {"{\"b\":1,\"a\":2,\"b\":3}", "{\"b\":1,\"a\":2,\"b\":3}"},
        {"\"\\\\u0000\\\\ud800\"", "\"\\u0000\\ud800\""},
        {"\"\\303\\251\"", "\"\303\251\""},
        {"", "null"},
    };
    check_printed(s, rows, sizeof rows / sizeof *rows);
}

/* 2.1 and 2.2: else the text, without one trailing newline; what is no JSON is never taken for a
 * value. */
SCENARIO(output_that_is_text)
{
    static const struct printed rows[] = {
        {"hello", "\"hello\""},
        {"hello\\n", "\"hello\""},
        {"hello\\n\\n", "\"hello\\n\""},
        {"two\\nlines\\n", "\"two\\nlines\""},
        {"\\n", "\"\""},
        {" ", "\" \""},
        {"1 2", "\"1 2\""},
        {"[1,]", "\"[1,]\""},
        {"01", "\"01\""},
        {"1.", "\"1.\""},
        {".5", "\".5\""},
        {"+1", "\"+1\""},
        {"NaN", "\"NaN\""},
        {"True", "\"True\""},
        {"{a:1}", "\"{a:1}\""},
        {"[1]x", "\"[1]x\""},
        {"\"open", "\"\\\"open\""},
        {"\"a\\tb\"", "\"\\\"a\\tb\\\"\""},
        {"\\357\\273\\277[1]", "\"\357\273\277[1]\""},
        {"a\\000b", "\"a\\u0000b\""},
        {"caf\\303\\251", "\"caf\303\251\""},
    };
    check_printed(s, rows, sizeof rows / sizeof *rows);
}

/* 2.1: text that is not UTF-8 fails the task with invalid-result. */
SCENARIO(output_that_is_not_utf8)
{
    static const struct printed rows[] = {
        {"\\377", NULL},
        {"caf\\351", NULL},
        {"\"\\377\"", NULL},
        {"\\300\\200", NULL},
        {"\\355\\240\\200", NULL},
        {"cut \\303", NULL},
        {"\\364\\220\\200\\200", NULL},
    };
    check_printed(s, rows, sizeof rows / sizeof *rows);
}

/* 4.10: a result deeper than 128 levels is invalid-result; 128 are fine. */
SCENARIO(depth_of_a_result)
{
    const char *open = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["; /* 32 */
    const char *shut = "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";
    const char *deep = text(s, "%s%s%s%s%s%s%s%s", open, open, open, open, shut, shut, shut, shut);
    const struct printed rows[] = {{deep, deep}, {text(s, "[%s]", deep), NULL}};
    check_printed(s, rows, 2);
}

/* 1: a result may have --max-result bytes, and not one more: result-too-large. */
SCENARIO(size_of_a_result)
{
    function_file(s, "big.sh", "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x\n");
    function_file(s, "small.sh", "#!/bin/sh\nprintf '\"%098d\"' 0\n");
    function_file(s, "over.sh", "#!/bin/sh\nprintf '\"%099d\"' 0\n");
    struct server *roomy = server_start(s, "%s", "");
    create(roomy, "{'id':'big','function':'big'}");
    expect_outcome(roomy, "big", "succeeded");
    struct reply *reply = get(roomy, "/v1/tasks/big/result");
    assert_int_equal(strlen(json_text(reply, "")), 300000);
    assert_int_equal(server_stop(roomy), 0);
    struct server *tight = server_start(s, "--max-result 100");
    expect_outcome(tight, create(tight, "{'function':'small'}"), "succeeded");
    expect_failure(tight, create(tight, "{'function':'over'}"), "result-too-large");
    expect_failure(tight, create(tight, "{'function':'big'}"), "result-too-large");
}

/* 2.1: another exit status is failure; the message is the last non-empty line of standard error. */
SCENARIO(exit_status_fails)
{
    function_file(s, "three.sh",
                  "#!/bin/sh\necho result\necho first >&2\n"
                  "printf 'the cause\\n\\n\\n' >&2\nexit 3\n");
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'three'}");
    struct reply *reply = expect_failure(server, id, "exit-status");
    expect_number(reply, "error.exit_status", 3);
    expect_text(reply, "error.message", "the cause");
    expect_number(reply, "error.attempt", 1);
    expect_problem(get(server, "/v1/tasks/%s/result", id), 409, "task-failed");
}

/* 2.1: so is a signal. */
SCENARIO(signal_fails)
{
    function_file(s, "shot.sh", "#!/bin/sh\necho ready >&2\nkill -9 $$\n");
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = expect_failure(server, create(server, "{'function':'shot'}"), "signal");
    expect_number(reply, "error.signal", 9);
    expect_text(reply, "error.message", "ready");
}

/* 3.3: a function that cannot be started fails with start-failed, and its slot is free again. */
SCENARIO(start_fails)
{
    function_file(s, "lost.sh", "#!/nowhere/interpreter\n");
    struct server *server = server_start(s, "--slots 1");
    expect_failure(server, create(server, "{'function':'lost'}"), "start-failed");
    expect_failure(server, create(server, "{'function':'lost'}"), "start-failed");
}

/* 2.1: a function need not read its input, be it larger than a pipe, nor write at once. */
SCENARIO(input_need_not_be_read)
{
    functions_standard(s);
    function_file(s, "deaf.sh", "#!/bin/sh\nexec 0<&-\necho done\n");
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'deaf','args':['%0300000d']}", 0);
    expect_result(server, id, "'done'");
    id = create(server, "{'function':'cat','args':['%0300000d']}", 0);
    expect_outcome(server, id, "succeeded");
    assert_true(get(server, "/v1/tasks/%s/result", id)->body.length > 300000);
}

/* 2.1: descriptor 3 takes reports; a line that does not parse is a log line. */
SCENARIO(reports)
{
    function_file(s, "report.sh",
                  "#!/bin/sh\n"
                  "echo 'not a report' >&3\n"
                  "echo '{\"progress\":0}' >&3\n"
                  "echo '{\"progress\":40,\"message\":\"halfway\"}' >&3\n"
                  "[ -p ../scratch/go ] || mkfifo ../scratch/go\n"
                  "read -r x <../scratch/go\n"
                  "echo '{\"progress\":100}' >&3\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'report'}");
    await_progress(server, "a", 40);
    expect_json(task(server, "a"), "progress", "{'value':40,'message':'halfway'}");
    eventually(folder_has(s, "scratch/go"));
    folder_write(s, "scratch/go", "on\n");
    expect_outcome(server, "a", "succeeded");
    expect_number(task(server, "a"), "progress.value", 100);
    assert_non_null(strstr(get(server, "/v1/tasks/a/logs")->body.text, "not a report"));
}

/* 2.1: progress is 0 to 100; what else comes there is a log line, however long. */
SCENARIO(strange_reports)
{
    function_file(s, "strange.sh",
                  "#!/bin/sh\n"
                  "echo '{\"progress\":50}' >&3\n"
                  "echo '{\"progress\":150}' >&3\n"
                  "echo '{\"progress\":-5}' >&3\n"
                  "echo '{\"progress\":\"70\"}' >&3\n"
                  "echo '[60]' >&3\n"
                  "echo '{\"progress\":7.0000000000000000000000000000000}' >&3\n"
                  "head -c 5000000 /dev/zero | tr '\\0' x >&3\n"
                  "echo done\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'strange'}");
    expect_result(server, "a", "'done'");
    expect_number(task(server, "a"), "progress.value", 50);
    const char *log = get(server, "/v1/tasks/a/logs")->body.text;
    assert_true(strstr(log, "150") && strstr(log, "[60]"));
}

/* 2.1: standard output may be closed early: the task ends when the process does. */
SCENARIO(output_closed_early)
{
    functions_standard(s);
    function_file(s, "mute.sh", "#!/bin/sh\nexec 1>&- 2>&-\nexec ./hold.sh\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'mute'}");
    await_progress(server, "a", 1);
    expect_state(server, "a", "running");
    release(s, "a", "lost");
    finished(server, "a");
}

static bool is_allowed_variable(const char *line)
{
    static const char *const names[] = {
        "PATH=",           "HOME=", "LANG=", "TZ=", "ERRAND_TASK_ID=", "ERRAND_FUNCTION=",
        "ERRAND_ATTEMPT=", "EXTRA="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strncmp(line, names[i], strlen(names[i])))
            return true;
    }
    return false;
}

/* 2.1: a clean environment: what the contract lists and the manifest's `env`, nothing of the
 * server's. */
SCENARIO(environment_is_clean)
{
    function_manifest(s, "env.json", "{'command':['/usr/bin/env'],'env':{'EXTRA':'a = b'}}");
    server_environment(s, "SECRET=yes");
    server_environment(s, "ERRAND_SLOTS=2");
    server_environment(s, "LD_DEBUG_OUTPUT=/nowhere");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'env'}");
    expect_outcome(server, "a", "succeeded");
    struct reply *reply = get(server, "/v1/tasks/a/result");
    const char *all = json_text(reply, "");
    char *rest = text(s, "%s", all);
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (!is_allowed_variable(line))
            fail_at(HERE, "the function has %s", line);
    }
    const char *needed[] = {"PATH=/", "ERRAND_TASK_ID=a", "ERRAND_FUNCTION=env", "ERRAND_ATTEMPT=1",
                            "EXTRA=a = b"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!strstr(all, needed[i]))
            fail_at(HERE, "no %s in %s", needed[i], all);
    }
}

/* 2.1: what the manifest sets takes the place of what is kept of the server's. */
SCENARIO(environment_of_the_manifest)
{
    function_manifest(s, "env.json",
                      "{'command':['/usr/bin/env'],'env':{'LANG':'C','PATH':'/nowhere'}}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'env'}");
    expect_outcome(server, "a", "succeeded");
    const char *all = text(s, "\n%s", json_text(get(server, "/v1/tasks/a/result"), ""));
    assert_non_null(strstr(all, "\nLANG=C\n"));
    assert_non_null(strstr(all, "\nPATH=/nowhere"));
    assert_null(strstr(strstr(all, "\nLANG=") + 1, "\nLANG="));
    assert_null(strstr(strstr(all, "\nPATH=") + 1, "\nPATH="));
}

/* 2.1: a process group of its own, in the functions folder. */
SCENARIO(group_and_folder)
{
    function_file(s, "where.sh",
                  "#!/bin/sh\n"
                  "group=$(cut -d' ' -f5 /proc/$$/stat)\n"
                  "echo \"[$(($$ == group)), \\\"$(pwd -P)\\\"]\"\n");
    struct server *server = server_start(s, "%s", "");
    char folder[PATH_MAX];
    assert_non_null(realpath(folder_path(s, "functions"), folder));
    expect_result(server, create(server, "{'function':'where'}"), text(s, "[1,'%s']", folder));
}

/* 2.1: no descriptors but 0 to 3; the fourth here is the one that ls reads the folder with. */
SCENARIO(no_inherited_descriptors)
{
    function_manifest(s, "list.json", "{'command':['/bin/ls','/proc/self/fd']}");
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 5; i++)
        http_say(server_connect(server), "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (int i = 0; i < 3; i++)
        expect_result(server, create(server, "{'function':'list'}"), "'0\\n1\\n2\\n3\\n4'");
}

/* 2.1: when a task ends, nothing of its process group is left alive. */
SCENARIO(group_ends_with_the_task)
{
    function_file(s, "parent.sh",
                  "#!/bin/sh\n"
                  "trap '' TERM\n"
                  "sleep 300 </dev/null >/dev/null 2>&1 3>&- &\n"
                  "echo $! >../scratch/child\n"
                  "exit $1\n");
    function_manifest(s, "good.json", "{'command':['./parent.sh','0']}");
    function_manifest(s, "bad.json", "{'command':['./parent.sh','1']}");
    struct server *server = server_start(s, "%s", "");
    expect_outcome(server, create(server, "{'function':'good'}"), "succeeded");
    int child = folder_pid(s, "child", 0);
    eventually(!process_alive(child));
    unlink(folder_path(s, "scratch/child"));
    expect_outcome(server, create(server, "{'function':'bad'}"), "failed");
    child = folder_pid(s, "child", 0);
    eventually(!process_alive(child));
}

/* 4.10: it ends when its first process ends, even if another of its group holds the pipe. */
SCENARIO(first_process_decides)
{
    function_file(s, "leaver.sh",
                  "#!/bin/sh\n"
                  "(trap '' TERM; sleep 300; echo late) &\n"
                  "echo $! >../scratch/child\n"
                  "echo early\n");
    struct server *server = server_start(s, "--slots 1");
    expect_result(server, create(server, "{'function':'leaver'}"), "'early'");
    int child = folder_pid(s, "child", 0);
    eventually(!process_alive(child));
    expect_result(server, create(server, "{'function':'leaver'}"), "'early'");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(input_is_one_line),
        RUN(output_that_is_json),
        RUN(output_that_is_text),
        RUN(output_that_is_not_utf8),
        RUN(depth_of_a_result),
        RUN(size_of_a_result),
        RUN(exit_status_fails),
        RUN(signal_fails),
        RUN(start_fails),
        RUN(input_need_not_be_read),
        RUN(reports),
        RUN(strange_reports),
        RUN(output_closed_early),
        RUN(environment_is_clean),
        RUN(environment_of_the_manifest),
        RUN(group_and_folder),
        RUN(no_inherited_descriptors),
        RUN(group_ends_with_the_task),
        RUN(first_process_decides),
    };
    return RUN_SCENARIOS("process", table);
}
