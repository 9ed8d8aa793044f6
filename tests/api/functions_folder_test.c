/* Section 2: a functions folder as operators leave it: functions that are gone, many of them, names
 * and manifests that are not right. */
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/kit.h"
#include "tests/api/lib/scrape.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

#define SAY(words) "#!/bin/sh\necho " words "\n"

/* What was created while there was such a function fails for want of it, at its start and not
 * before; its meta-task is told. One that runs for ever tries again, until there is one. */
SCENARIO(taken_away)
{
    functions_standard(s);
    function_file(s, "gone.sh", SAY("7"));
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'busy','function':'hold'}");
    await_progress(server, "busy", 1);
    create(server, "{'id':'a','function':'gone','max_attempts':3}");
    create(server, "{'id':'ever','function':'gone','forever':true}");
    create(server,
           "{'id':'m','process':'collect','args':[{'$task':{'id':'d','function':'gone'}}]}");
    unlink(folder_path(s, "functions/gone.sh"));
    kit_reload(server, 1);
    release(s, "busy", "1");
    struct reply *a = expect_failure(server, "a", "start-failed");
    assert_non_null(strstr(json_text(a, "error.message"), "no function of this name"));
    expect_number(a, "attempt", 1);
    expect_failure(server, "d", "start-failed");
    expect_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by", "d");
    eventually(json_number(task(server, "ever"), "restarts") >= 1);
    function_file(s, "gone.sh", "#!/bin/sh\necho '{\"progress\":77}' >&3\nsleep 60\n");
    kit_reload(server, 2);
    await_progress(server, "ever", 77);
    cancel(server, "ever", NULL);
}

/* The end of one takes others of its function along: each of them ends once. A meta-task that does
 * not mind goes on at once. */
SCENARIO(taken_away_with_siblings)
{
    functions_standard(s);
    function_file(s, "gone.sh", SAY("7"));
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'busy','function':'hold'}");
    await_progress(server, "busy", 1);
    create(server, "{'id':'m','process':'collect','notify_channels':['x'],'args':["
                   "{'$task':{'id':'a','function':'gone','notify_channels':['x']}},"
                   "{'$task':{'id':'b','function':'gone','notify_channels':['x']}}]}");
    create(server, "{'id':'n','process':'collect','wait_for':'all_settled','args':["
                   "{'$task':{'function':'gone'}},{'$task':{'function':'gone'}}]}");
    unlink(folder_path(s, "functions/gone.sh"));
    kit_reload(server, 1);
    expect_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by", "a");
    expect_outcome(server, "n", "succeeded");
    assert_string_equal(story_of(server, "x"), "created a, created b, created m, started a, "
                                               "failed a, failed m, cancelled b");
    expect_metric(server, "errand_tasks{state='queued'}", 0);
    expect_metric(server, "errand_tasks{state='running'}", 1);
    expect_outcome(server, create(server, "{'function':'echo'}"), "succeeded");
}

/* 5.7: the same at a start: a queued task whose function is not there any more. */
SCENARIO(taken_away_while_it_was_down)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'b','function':'hold','delay':0.01}");
    await_progress(server, "a", 1);
    server_kill9(server);
    unlink(folder_path(s, "functions/hold.sh"));
    unlink(folder_path(s, "functions/hold"));
    server = server_start(s, "%s", "");
    expect_failure(server, "a", "start-failed");
    expect_failure(server, "b", "start-failed");
}

/* 2: a folder may have more functions than fit in the first piece of memory for them. */
SCENARIO(many)
{
    enum { MANY = 150 };
    for (int i = 0; i < MANY; i++)
        function_file(s, text(s, "f%03d.sh", i), SAY("$ERRAND_FUNCTION"));
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < MANY; i += 149 / 3)
        expect_result(server, create(server, "{'function':'f%03d'}", i), text(s, "'f%03d'", i));
    struct reply *all = get(server, "/v1/functions");
    int ours = 0;
    for (int i = 0; i < json_count(all, "functions"); i++)
        ours += json_text(all, text(s, "functions.%d.name", i))[0] == 'f' &&
                strcmp(json_text(all, text(s, "functions.%d.name", i)), "fail") != 0;
    assert_int_equal(ours, MANY);
}

/* 2: a file whose name cannot be a function's is left alone, and the log says so. */
SCENARIO(names_that_are_none)
{
    const char *const names[] = {"two words.sh", "caf\xC3\xA9.sh", "a+b.sh"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        function_file(s, names[i], SAY("1"));
    function_file(s, "good.sh", SAY("7"));
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(strstr(server_log(server), text(s, "%s is no function", names[i])));
    expect_result(server, create(server, "{'function':'good'}"), "7");
}

/* 2: a manifest that cannot be right keeps the server from starting, with a reason that helps. */
SCENARIO(reasons)
{
    static const struct {
        const char *manifest, *reason;
    } rows[] = {
        {"{'max_attempts':1.5}", "\"max_attempts\" has to be a whole number"},
        {"{'command':['no-such-program-of-errand']}",
         "names no-such-program-of-errand, which is no program"},
        {"{'command':['./no-such-file']}", "names ./no-such-file, which is no program"},
        {"{'timeout':5}", "neither an executable of this name nor"},
        {"{}", "neither an executable of this name nor"},
        {"{'mode':'worker'}", "neither an executable of this name nor"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].manifest);
        function_manifest(s, "lonely.json", rows[i].manifest);
        if (i == 0)
            function_file(s, "lonely.sh", SAY("1"));
        struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --functions %s",
                                     s->folder, folder_path(s, "functions"));
        if (i == 0)
            unlink(folder_path(s, "functions/lonely.sh"));
        assert_int_equal(run->exit_status, 1);
        assert_non_null(strstr(run->errors, "lonely.json"));
        if (!strstr(run->errors, rows[i].reason))
            fail_at(HERE, "not `%s`: %s", rows[i].reason, run->errors);
    }
}

/* 2: a command without a slash is looked for as a shell would: in PATH, or where programs are. */
SCENARIO(command_of_the_path)
{
    function_manifest(s, "usual.json", "{'command':['printf','%d','7']}");
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'usual'}"), "7");
    server_stop(server);

    function_file(s, "../scratch/own-program", SAY("8"));
    function_manifest(s, "own.json", "{'command':['own-program']}");
    server_environment(s, "PATH=:%s:/usr/bin:/bin", folder_path(s, "scratch"));
    server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'own'}"), "8");
    expect_result(server, create(server, "{'function':'usual'}"), "7");
}

/* 2.3: `min` alone is the size of the pool when it is above the usual `max`. */
SCENARIO(pool_of_min_alone)
{
    functions_kit(s, "{'min':4}", "");
    struct server *server = server_start(s, "%s", "");
    eventually(kit_starts(s) == 4);
    expect_outcome(server, create(server, "{'function':'pid'}"), "succeeded");
    assert_int_equal(kit_starts(s), 4);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(taken_away),
        RUN(taken_away_with_siblings),
        RUN(taken_away_while_it_was_down),
        RUN(many),
        RUN(names_that_are_none),
        RUN(reasons),
        RUN(command_of_the_path),
        RUN(pool_of_min_alone),
    };
    return RUN_SCENARIOS("functions_folder", table);
}
