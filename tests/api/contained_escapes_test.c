/* Section 2.1: what leaves the process group of its task, by whatever way, ends with it; what it
 * does not leave to others is reaped. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/kit.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/stand_in.h"
#include "tests/api/lib/tasks.h"

/* Ways out of a group for a process that sleeps then; each writes its id to scratch/TASK. */
static const struct {
    const char *name, *way;
} ways[] = {
    {"setsid", "setsid sleep 300 & echo $! >$trace"},
    {"twice", "(setsid sh -c 'echo $$ >'$trace'; exec sleep 300' &)"},
    {"clean", "(env -i setsid /bin/sh -c 'echo $$ >'$trace'; exec sleep 300' &)"},
    {"jobs", "set -m; sleep 300 & echo $! >$trace"},
    {"deep", "(setsid sh -c 'setsid sh -c \"setsid sleep 300 & echo \\$! >'$trace'; "
             "sleep 300\" & sleep 300' &)"},
    {"silent", "(setsid sh -c 'exec 0<&- 1>&- 2>&- 3>&-; trap \"\" HUP INT TERM; echo $$ >'$trace';"
               " while :; do sleep 300; done' &)"},
    {"holds", "(setsid sh -c 'echo $$ >'$trace'; sleep 300; echo late' &)"},
    {"user",
     "python3 -c 'import os,time\nif os.fork(): os._exit(0)\nos.setsid()\n"
     "if os.fork(): os._exit(0)\nopen(os.environ[\"trace\"],\"w\").write(str(os.getpid()))\n"
     "os.environ.clear()\ntime.sleep(300)'"},
};
enum { WAYS = sizeof ways / sizeof *ways };

static void function_of_way(struct scenario *s, int i)
{
    function_file(s, text(s, "%s.sh", ways[i].name),
                  text(s,
                       "#!/bin/bash\n"
                       "export trace=../scratch/$ERRAND_TASK_ID\n"
                       "%s\n"
                       "while [ ! -s $trace ]; do sleep 0.01; done\n"
                       "echo '{\"progress\":1}' >&3\n"
                       "[ \"$1\" = stay ] && exec sleep 300\n"
                       "echo done\n",
                       ways[i].way));
    function_manifest(s, text(s, "%s-stay.json", ways[i].name),
                      text(s, "{'command':['./%s.sh','stay']}", ways[i].name));
}

/* When the end is told, it is gone. */
SCENARIO(ends_with_its_task)
{
    for (int i = 0; i < WAYS; i++)
        function_of_way(s, i);
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < WAYS; i++) {
        note(s, "%s", ways[i].name);
        create(server, "{'id':'%s','function':'%s'}", ways[i].name, ways[i].name);
        expect_result(server, ways[i].name, "'done'");
        assert_false(process_alive(folder_pid(s, ways[i].name, 0)));
    }
    eventually(process_children(server->pid) == 0);
}

/* So it is with a cancel, and with a time limit. */
SCENARIO(ends_with_a_cancel)
{
    for (int i = 0; i < WAYS; i++)
        function_of_way(s, i);
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < WAYS; i++) {
        note(s, "%s", ways[i].name);
        create(server, "{'id':'%s','function':'%s-stay'}", ways[i].name, ways[i].name);
        await_progress(server, ways[i].name, 1);
        assert_true(process_alive(folder_pid(s, ways[i].name, 0)));
        cancel(server, ways[i].name, NULL);
        expect_outcome(server, ways[i].name, "cancelled");
        assert_false(process_alive(folder_pid(s, ways[i].name, 0)));
    }
    eventually(process_children(server->pid) == 0);
}

/* What a task of its own has put aside lives as long as that task, whoever else ends meanwhile. */
SCENARIO(lives_with_its_task)
{
    functions_standard(s);
    for (int i = 0; i < WAYS; i++)
        function_of_way(s, i);
    struct server *server = server_start(s, "--slots %d", WAYS + 1);
    for (int i = 0; i < WAYS; i++) {
        create(server, "{'id':'%s','function':'%s-stay'}", ways[i].name, ways[i].name);
        await_progress(server, ways[i].name, 1);
    }
    for (int i = 0; i < WAYS; i++) {
        expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
        for (int j = i; j < WAYS; j++) {
            note(s, "%s after the end of %s", ways[j].name, i ? ways[i - 1].name : "cat");
            assert_true(process_alive(folder_pid(s, ways[j].name, 0)));
        }
        cancel(server, ways[i].name, NULL);
        expect_outcome(server, ways[i].name, "cancelled");
        assert_false(process_alive(folder_pid(s, ways[i].name, 0)));
    }
}

/* 5.7: a server that is killed leaves them behind; the next one finds them. */
SCENARIO(found_by_the_next_server)
{
    for (int i = 0; i < WAYS; i++)
        function_of_way(s, i);
    struct server *server = server_start(s, "--slots %d", WAYS);
    for (int i = 0; i < WAYS; i++) {
        create(server, "{'id':'%s','function':'%s-stay'}", ways[i].name, ways[i].name);
        await_progress(server, ways[i].name, 1);
    }
    server_kill9(server);
    pid_t left[WAYS];
    for (int i = 0; i < WAYS; i++) {
        left[i] = folder_pid(s, ways[i].name, 0);
        assert_true(process_alive(left[i]));
    }
    server = server_start(s, "%s", "");
    for (int i = 0; i < WAYS; i++) {
        note(s, "%s", ways[i].name);
        assert_false(process_alive(left[i]));
    }
    assert_non_null(strstr(server_log(server), "had left their groups"));
}

/* Of a server that stopped in order nothing is left either. */
SCENARIO(ends_with_the_server)
{
    for (int i = 0; i < WAYS; i++)
        function_of_way(s, i);
    struct server *server = server_start(s, "--slots %d", WAYS);
    for (int i = 0; i < WAYS; i++) {
        create(server, "{'id':'%s','function':'%s-stay'}", ways[i].name, ways[i].name);
        await_progress(server, ways[i].name, 1);
    }
    assert_int_equal(server_stop(server), 0);
    for (int i = 0; i < WAYS; i++)
        assert_false(process_alive(folder_pid(s, ways[i].name, 0)));
}

/* What a worker has put aside lives with the worker, through many tasks. */
SCENARIO(of_a_worker)
{
    kit_write(s, "import subprocess\n"
                 "async def aside(id):\n"
                 "    out = subprocess.run(['sh', '-c', 'setsid sleep 300 >&- 2>&- & echo $!'],\n"
                 "                         env={'PATH': '/usr/bin:/bin'}, capture_output=True)\n"
                 "    return int(out.stdout)\n");
    function_manifest(s, "kit.json",
                      "{'mode':'worker','functions':['aside','give','die'],'workers':{'max':1}}");
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'aside'}");
    expect_outcome(server, id, "succeeded");
    pid_t aside = (pid_t)atoi(get(server, "/v1/tasks/%s/result", id)->body.text);
    expect_outcome(server, create(server, "{'function':'give','args':[1]}"), "succeeded");
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    assert_true(process_alive(aside));
    expect_failure(server, create(server, "{'function':'die','args':[1]}"), "worker-lost");
    assert_false(process_alive(aside));
}

/* Whatever becomes the server's child is collected, by and by, also while its task runs. */
SCENARIO(orphans_are_reaped)
{
    functions_standard(s);
    function_file(s, "maker.sh",
                  "#!/bin/bash\n"
                  "for i in $(seq 500); do (true & true &); (setsid true &); done\n"
                  "echo '{\"progress\":1}' >&3\n"
                  "sleep 300\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','function':'maker'}");
    await_progress(server, "m", 1);
    eventually(process_children(server->pid) == 1);
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    cancel(server, "m", NULL);
    expect_outcome(server, "m", "cancelled");
    eventually(process_children(server->pid) == 0);
}

/* Children that the server had before it was the server are not its functions'. */
SCENARIO(children_of_before)
{
    enum { BEFORE = 3 };
    functions_standard(s);
    stand_in(s, text(s,
                     "for i in 1 2 3; do sleep 300 >/dev/null 2>&1 & echo $!; done "
                     ">%s/scratch/before\nexec %s \"$@\"\n",
                     s->folder, stand_in_program(s)));
    struct server *server = server_start(s, "%s", "");
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    for (int i = 1; i < BEFORE; i++) { /* twice a look at who is there, while nothing runs */
        kill(folder_pid(s, "before", i), SIGKILL);
        eventually(process_children(server->pid) == BEFORE - i);
    }
    assert_true(process_alive(folder_pid(s, "before", 0)));
}

/* What a task's first process starts as a child of the server's (CLONE_PARENT) is the task's: dead
 * before a cancel is told, and soon after the task ends by itself. */
SCENARIO(sibling)
{
    functions_standard(s);
    function_file(s, "twin.py",
                  "#!/usr/bin/env python3\n"
                  "import ctypes, os, time\n"
                  "call = {'x86_64': 56}.get(os.uname().machine, 220)\n"
                  "if ctypes.CDLL(None).syscall(call, 0x8000 | 17, 0, 0, 0, 0) == 0:\n"
                  "    os.setsid()\n"
                  "    open('../scratch/twin', 'w').write(str(os.getpid()))\n"
                  "    os.write(3, b'{\"progress\":1}\\n')\n"
                  "    for fd in range(4): os.close(fd)\n"
                  "    time.sleep(300)\n"
                  "while not os.path.exists('../scratch/go'): time.sleep(0.01)\n"
                  "print('done')\n");
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'t','function':'twin'}");
    await_progress(server, "t", 1);
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    assert_true(process_alive(folder_pid(s, "twin", 0)));
    folder_write(s, "scratch/go", "");
    expect_result(server, "t", "'done'");
    eventually(!process_alive(folder_pid(s, "twin", 0)));
    unlink(folder_path(s, "scratch/go"));
    create(server, "{'id':'u','function':'twin'}");
    await_progress(server, "u", 1);
    cancel(server, "u", NULL);
    expect_outcome(server, "u", "cancelled");
    assert_false(process_alive(folder_pid(s, "twin", 0)));
    eventually(process_children(server->pid) == 0);
}

/* Who changes what it is known by is known by that: it does not last, whatever else runs. */
SCENARIO(mark_changed)
{
    functions_standard(s);
    function_file(s, "bare.sh",
                  "#!/bin/bash\n"
                  "for mark in 0 5 1234567890123456 unlimited; do\n"
                  "    (setsid bash -c \"ulimit -x $mark; echo \\$\\$ >>../scratch/bare; "
                  "exec sleep 300\" &)\n"
                  "done\n"
                  "while [ \"$(wc -l <../scratch/bare)\" != 4 ]; do sleep 0.01; done\necho done\n");
    folder_write(s, "scratch/bare", "");
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    expect_result(server, create(server, "{'function':'bare'}"), "'done'");
    for (int i = 0; i < 4; i++)
        eventually(!process_alive(folder_pid(s, "bare", i)));
    eventually(process_children(server->pid) == 1);
    expect_state(server, "h", "running");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(ends_with_its_task),   RUN(ends_with_a_cancel),
        RUN(lives_with_its_task),  RUN(found_by_the_next_server),
        RUN(ends_with_the_server), RUN(of_a_worker),
        RUN(orphans_are_reaped),   RUN(children_of_before),
        RUN(mark_changed),         RUN(sibling),
    };
    return RUN_SCENARIOS("contained_escapes", table);
}
