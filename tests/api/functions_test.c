/* Section 2: what the operator allows to run. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

#define SAY(words) "#!/bin/sh\necho " words "\n"

/* 2: an executable file is a function, named without its last extension; the rest is not. */
SCENARIO(names)
{
    static const struct {
        const char *function;
        int status;
    } rows[] = {
        {"word_count", 201}, {"bare", 201},    {"UPPER-9", 201},  {"word_count.py", 422},
        {"hidden", 422},     {".hidden", 422}, {"_private", 422}, {"private", 422},
        {"readme", 422},     {"folder", 422},  {"", 422},         {"../functions/bare", 422},
    };
    function_file(s, "word_count.py", SAY("1"));
    function_file(s, "bare", SAY("1"));
    function_file(s, "UPPER-9.sh", SAY("1"));
    function_file(s, ".hidden.sh", SAY("1"));
    function_file(s, "_private.sh", SAY("1"));
    folder_write(s, "functions/readme.txt", "not executable");
    mkdir(folder_path(s, "functions/folder"), 0700);
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "function %s", rows[i].function);
        struct reply *reply = post(server, "/v1/tasks", "{'function':'%s'}", rows[i].function);
        expect_status(reply, rows[i].status);
        if (rows[i].status == 201)
            expect_result(server, json_text(reply, "id"), "1");
    }
}

static struct run *start_in_vain(struct scenario *s)
{
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --functions %s",
                                 s->folder, folder_path(s, "functions"));
    if (run->exit_status != 1)
        fail_at(HERE, "exit status %d, not 1: %s", run->exit_status, run->errors);
    return run;
}

/* 2: two files with one name: the server does not start, and says which. */
SCENARIO(two_files_one_name)
{
    function_file(s, "twin.sh", SAY("1"));
    function_file(s, "twin.py", SAY("2"));
    assert_non_null(strstr(start_in_vain(s)->errors, "twin"));
}

/* 2: an executable may not take a built-in's name. */
SCENARIO(builtin_names_are_taken)
{
    const char *names[] = {"echo", "collect", "sum", "concat", "merge", "sleep", "fail"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *file = text(s, "%s.sh", names[i]);
        note(s, "%s", file);
        function_file(s, file, SAY("1"));
        assert_non_null(strstr(start_in_vain(s)->errors, names[i]));
        unlink(text(s, "%s/functions/%s", s->folder, file));
    }
}

/* 2: with a broken manifest the server does not start, and says which. */
SCENARIO(broken_manifests)
{
    const char *broken[] = {
        "",
        "{",
        "[]",
        "{} x",
        "{'colour':'red'}",
        "{'description':1}",
        "{'command':'echo'}",
        "{'command':[]}",
        "{'command':[1]}",
        "{'mode':'magic'}",
        "{'timeout':'long'}",
        "{'timeout':-1}",
        "{'grace':'x'}",
        "{'grace':-1}",
        "{'concurrency':'x'}",
        "{'concurrency':-1}",
        "{'max_attempts':0}",
        "{'max_attempts':101}",
        "{'max_attempts':'3'}",
        "{'backoff':3}",
        "{'backoff':{'initial':-1}}",
        "{'backoff':{'first':1}}",
        "{'on_interrupt':'panic'}",
        "{'env':['A=1']}",
        "{'env':{'A':1}}",
        "{'safe_exit_codes':3}",
        "{'safe_exit_codes':['x']}",
        "{'continues':'yes'}",
    };
    function_file(s, "crooked.sh", SAY("1"));
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        note(s, "%s", broken[i]);
        function_manifest(s, "crooked.json", broken[i]);
        assert_non_null(strstr(start_in_vain(s)->errors, "crooked"));
    }
}

/* 2.1: what errand tells a function of its task is told by errand alone. */
SCENARIO(variables_of_errand)
{
    static const char *const names[] = {"ERRAND_TASK_ID", "ERRAND_FUNCTION", "ERRAND_ATTEMPT"};
    function_file(s, "liar.sh", SAY("1"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        function_manifest(s, "liar.json", text(s, "{'env':{'A':'b','%s':'7'}}", names[i]));
        const char *errors = start_in_vain(s)->errors;
        assert_non_null(strstr(errors, "/liar.json: \"env\" / "));
        assert_non_null(strstr(errors, text(s, "\"%s\" is set by errand itself", names[i])));
    }
    function_manifest(s, "liar.json", "{'env':{'ERRAND_URL':'http://127.0.0.1:8080'}}");
    server_start(s, "%s", "");
}

/* 2: every key of a manifest, well used; the limits show in GET /v1/functions (4.10). */
SCENARIO(whole_manifest)
{
    function_file(s, "whole.sh", SAY("1"));
    function_manifest(s, "whole.json",
                      "{'description':'All of it','mode':'process','timeout':7.5,'grace':1,"
                      "'concurrency':2,'max_attempts':3,"
                      "'backoff':{'initial':1,'factor':2,'max':300},'on_interrupt':'retry',"
                      "'env':{'A':'b'},'safe_exit_codes':[3,255],'continues':false}");
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = get(server, "/v1/functions");
    expect_status(reply, 200);
    for (int i = 0; i < json_count(reply, "functions"); i++) {
        const char *at = text(s, "functions.%d", i);
        if (strcmp(json_text(reply, text(s, "%s.name", at)), "whole") != 0)
            continue;
        expect_text(reply, text(s, "%s.mode", at), "process");
        expect_text(reply, text(s, "%s.description", at), "All of it");
        expect_number(reply, text(s, "%s.timeout", at), 7.5);
        expect_number(reply, text(s, "%s.concurrency", at), 2);
        expect_number(reply, text(s, "%s.max_attempts", at), 3);
        expect_number(reply, text(s, "%s.queued", at), 0);
        expect_number(reply, text(s, "%s.running", at), 0);
        return;
    }
    fail_at(HERE, "no function whole: %s", reply->body.text);
}

/* 2: `command` is run in the functions folder in place of the file, and no shell is involved. */
SCENARIO(command_of_a_manifest)
{
    function_file(s, "speak.sh", SAY("wrong"));
    function_manifest(s, "speak.json", "{'command':['/bin/echo','a  b','$HOME;*']}");
    function_file(s, "_real.sh", SAY("real"));
    function_manifest(s, "relative.json", "{'command':['./_real.sh']}");
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'speak'}"), "'a  b $HOME;*'");
    expect_result(server, create(server, "{'function':'relative'}"), "'real'");
}

static bool is_function(struct server *server, const char *name)
{
    return strstr(get(server, "/v1/functions")->body.text, text(server->scenario, "\"%s\"", name));
}

/* 2: on SIGHUP the folder is read again; a broken manifest keeps the old registry and logs why. */
SCENARIO(hangup_reads_again)
{
    function_file(s, "old.sh", SAY("1"));
    struct server *server = server_start(s, "%s", "");
    assert_false(is_function(server, "young"));
    function_file(s, "young.sh", SAY("2"));
    server_signal(server, SIGHUP);
    eventually(is_function(server, "young"));
    expect_result(server, create(server, "{'function':'young'}"), "2");

    function_file(s, "third.sh", SAY("3"));
    function_manifest(s, "third.json", "{'colour':'red'}");
    server_signal(server, SIGHUP);
    eventually(strstr(server_log(server), "third"));
    expect_problem(post(server, "/v1/tasks", "{'function':'third'}"), 422, "unknown-function");
    expect_result(server, create(server, "{'function':'old'}"), "1");

    function_manifest(s, "third.json", "{}");
    unlink(folder_path(s, "functions/old.sh"));
    server_signal(server, SIGHUP);
    eventually(is_function(server, "third"));
    expect_problem(post(server, "/v1/tasks", "{'function':'old'}"), 422, "unknown-function");
}

/* Where a list of functions has this one. */
static const char *place_of(struct reply *reply, const char *name)
{
    struct scenario *s = reply->body.scenario;
    for (int i = 0; i < json_count(reply, "functions"); i++) {
        const char *at = text(s, "functions.%d", i);
        if (!strcmp(json_text(reply, text(s, "%s.name", at)), name))
            return at;
    }
    fail_at(HERE, "no function %s: %s", name, reply->body.text);
}

/* 4.10: GET /v1/functions counts what is queued and what runs. */
SCENARIO(functions_are_counted)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'one','function':'hold'}");
    create(server, "{'id':'two','function':'hold'}");
    create(server, "{'id':'three','function':'hold'}");
    await_progress(server, "one", 1);
    struct reply *reply = get(server, "/v1/functions");
    const char *held = place_of(reply, "hold");
    expect_number(reply, text(s, "%s.queued", held), 2);
    expect_number(reply, text(s, "%s.running", held), 1);
    release(s, "one", "1");
    release(s, "two", "2");
    release(s, "three", "3");
    expect_result(server, "three", "3");
}

/* 2: `concurrency` is how many run at once of this function; others do not wait for it. */
SCENARIO(concurrency_of_a_function)
{
    functions_standard(s);
    function_manifest(s, "hold.json", "{'concurrency':1}");
    struct server *server = server_start(s, "--slots 4");
    create(server, "{'id':'one','function':'hold'}");
    create(server, "{'id':'two','function':'hold'}");
    await_progress(server, "one", 1);
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    expect_state(server, "two", "queued");
    release(s, "one", "1");
    release(s, "two", "2");
    expect_result(server, "two", "2");
}

/* What last_error says of the function, which is to speak of this task. */
static struct reply *expect_last_error(struct server *server, const char *name, const char *id,
                                       const char *code, const char *message)
{
    struct scenario *s = server->scenario;
    struct reply *reply = get(server, "/v1/functions");
    const char *at = text(s, "%s.last_error", place_of(reply, name));
    expect_text(reply, text(s, "%s.task", at), id);
    expect_text(reply, text(s, "%s.code", at), code);
    expect_text(reply, text(s, "%s.message", at), message);
    int64_t created = json_time(task(server, id), "created_at");
    assert_in_range(json_time(reply, text(s, "%s.at", at)) - created, 0, 60000);
    return reply;
}

/* The newest attempt that failed is its function's last error, whatever became of the task. A
 * cancel is none, nor is a dependency's failure the meta-task's. */
SCENARIO(last_error_of_a_function)
{
    functions_standard(s);
    function_file(s, "fickle.sh",
                  "#!/bin/sh\n[ -e ../scratch/tried ] && exit 0\n"
                  "touch ../scratch/tried\necho 'say \"no\"' >&2\nexit 3\n");
    function_manifest(s, "fickle.json", "{'max_attempts':2,'backoff':{'initial':0}}");
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = get(server, "/v1/functions");
    expect_null(reply, text(s, "%s.last_error", place_of(reply, "fickle")));

    create(server, "{'id':'f','function':'fickle'}");
    expect_outcome(server, "f", "succeeded");
    expect_last_error(server, "fickle", "f", "exit-status", "say \"no\"");

    create(server, "{'id':'a','function':'fail','args':['one']}");
    expect_outcome(server, "a", "failed");
    expect_last_error(server, "fail", "a", "function-error", "one");
    create(server, "{'id':'m','process':'collect','args':[{'$task':{'id':'b','function':'fail',"
                   "'args':['two']}}]}");
    expect_outcome(server, "m", "failed");
    reply = expect_last_error(server, "fail", "b", "function-error", "two");
    expect_null(reply, text(s, "%s.last_error", place_of(reply, "collect")));

    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    cancel(server, "h", NULL);
    expect_outcome(server, "h", "cancelled");
    reply = get(server, "/v1/functions");
    expect_null(reply, text(s, "%s.last_error", place_of(reply, "hold")));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(names),
        RUN(two_files_one_name),
        RUN(builtin_names_are_taken),
        RUN(broken_manifests),
        RUN(variables_of_errand),
        RUN(whole_manifest),
        RUN(command_of_a_manifest),
        RUN(hangup_reads_again),
        RUN(functions_are_counted),
        RUN(concurrency_of_a_function),
        RUN(last_error_of_a_function),
    };
    return RUN_SCENARIOS("functions", table);
}
