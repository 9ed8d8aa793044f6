/* What a child cannot do to the server and to others: gain privileges, look into the server's
 * memory, and, with a user of its own, signal it or fill the machine with processes. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/stand_in.h"
#include "tests/api/lib/tasks.h"

static bool root_only(void)
{
    if (geteuid() == 0)
        return true;
    print_message("only root can start processes of other users\n");
    return false;
}

/* For others to reach: the functions, and scratch/ to write to. */
static void open_folder(struct scenario *s)
{
    chmod(s->folder, 0711);
    chmod(folder_path(s, "functions"), 0755);
    chmod(folder_path(s, "scratch"), 0777);
}

static void function_of_nobody(struct scenario *s, const char *name, const char *body,
                               const char *more)
{
    function_file(s, name, body);
    function_manifest(s, text(s, "%s.json", name), text(s, "{'user':'nobody'%s}", more));
    open_folder(s);
    chmod(folder_path(s, text(s, "functions/%s", name)), 0755);
    chmod(folder_path(s, text(s, "functions/%s.json", name)), 0644);
}

SCENARIO(no_new_privileges)
{
    function_file(s, "flag", "#!/bin/sh\ngrep NoNewPrivs /proc/self/status | cut -f2\n");
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'flag'}"), "1");
}

/* A program that belongs to root and says that it is to run as root. */
SCENARIO(setuid_means_nothing)
{
    if (!root_only())
        return;
    function_of_nobody(s, "who", "#!/bin/sh\n../scratch/id -u\n", "");
    assert_int_equal(system(text(s, "cp /usr/bin/id %s/scratch/ && chmod 4755 %s/scratch/id",
                                 s->folder, s->folder)),
                     0);
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'who'}"),
                  text(s, "%d", (int)getpwnam("nobody")->pw_uid));
}

/* Functions of the server's own user do not read its environment or memory, and do not trace it. */
SCENARIO(memory_is_not_to_be_read)
{
    function_file(s, "spy",
                  "#!/bin/bash\n"
                  "for file in environ mem maps auxv; do\n"
                  "    head -c 1 /proc/$PPID/$file >/dev/null 2>&1 && echo $file\n"
                  "done\n"
                  "ls /proc/$PPID/fd/ >/dev/null 2>&1 && echo fd\n"
                  "python3 -c 'import ctypes, sys; "
                  "print(\"trace\") if ctypes.CDLL(None).ptrace(16, int(sys.argv[1]), 0, 0) == 0 "
                  "else 0' $PPID\n"
                  "echo end\n");
    open_folder(s);
    chmod(folder_path(s, "functions/spy"), 0755);
    mkdir(folder_path(s, "data"), 0755);
    chmod(folder_path(s, "data"), 0777);
    stand_in_nobody(s);
    server_environment(s, "ERRAND_TOKEN=");
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'spy'}"), "'end'");
    /* What it reads of itself is there still. */
    assert_true(strstr(get(server, "/metrics")->body.text, "process_open_fds ") != NULL);
}

SCENARIO(signals_do_not_reach)
{
    if (!root_only())
        return;
    functions_standard(s);
    function_of_nobody(
        s, "killer", "#!/bin/sh\nkill -9 $PPID $(cat ../scratch/a.pids) 2>/dev/null || echo kept\n",
        "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    chmod(folder_path(s, "scratch/a.pids"), 0644);
    expect_result(server, create(server, "{'function':'killer'}"), "'kept'");
    release(s, "a", "done");
    expect_result(server, "a", "'done'");
}

/* --- limits.processes ---------------------------------------------------------------- */

SCENARIO(processes)
{
    if (!root_only())
        return;
    function_of_nobody(s, "limit", "#!/bin/bash\nulimit -u\nulimit -Hu\n",
                       ",'limits':{'processes':60}");
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'limit'}"), "'60\\n60'");
}

/* It would say something that is not so. */
SCENARIO(processes_of_root)
{
    if (!root_only())
        return;
    static const char *const manifests[] = {"{'limits':{'processes':10}}",
                                            "{'limits':{'processes':10},'user':'root'}"};
    function_file(s, "any", "#!/bin/sh\n");
    for (int i = 0; i < 2; i++) {
        note(s, "%s", manifests[i]);
        function_manifest(s, "any.json", manifests[i]);
        struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --functions %s",
                                     s->folder, folder_path(s, "functions"));
        assert_int_equal(run->exit_status, 1);
        assert_non_null(strstr(run->errors, "any.json"));
        assert_non_null(strstr(run->errors, "\"processes\" does not bind root"));
    }
}

/* Processes that start processes: in their group, and each in a session of its own. All of them end
 * with the task, however they end it, and others go on meanwhile. */
SCENARIO(bomb)
{
    if (!root_only())
        return;
    static const char *const bombs[] = {
        "trap '' TERM\necho '{\"progress\":1}' >&3\nwhile :; do \"$0\" & done\n",
        "trap '' TERM\necho '{\"progress\":1}' >&3\n"
        "while :; do setsid \"$0\" & (exec setsid \"$0\") & done\n",
    };
    functions_standard(s);
    for (int i = 0; i < 2; i++)
        function_of_nobody(s, text(s, "bomb%d", i), text(s, "#!/bin/bash\n%s", bombs[i]),
                           ",'limits':{'processes':40},'timeout':3");
    const char *folder = folder_path(s, "functions");
    struct server *server = server_start(s, "--slots 2 --grace 0.1");
    for (int i = 0; i < 4; i++) {
        note(s, "bomb %d, %s", i % 2, i < 2 ? "cancelled" : "timed out");
        const char *id = create(server, "{'function':'bomb%d'}", i % 2);
        await_progress(server, id, 1);
        eventually(process_in_folder(folder) > 20);
        expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
        assert_int_equal(get(server, "/healthz")->status, 200);
        if (i < 2)
            cancel(server, id, NULL);
        if (i < 2)
            expect_outcome(server, id, "cancelled");
        else
            expect_failure(server, id, "timeout");
        assert_int_equal(process_in_folder(folder), 0);
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(no_new_privileges),
        RUN(setuid_means_nothing),
        RUN(memory_is_not_to_be_read),
        RUN(signals_do_not_reach),
        RUN(processes),
        RUN(processes_of_root),
        RUN(bomb),
    };
    return RUN_SCENARIOS("contained_user", table);
}
