/* Section 2.1: what a function may do to itself and to its pipes costs its own task, and no other:
 * another runs beside it, and afterwards nothing is left of it. */
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/stand_in.h"
#include "tests/api/lib/tasks.h"

#define READY        "echo '{\"progress\":1}' >&3\n"
#define PYTHON       "exec python3 -c '\nimport ctypes, os, signal, time\n"
#define PYTHON_READY "os.write(3, b\"{\\\"progress\\\":1}\\n\")\n"

struct abuse {
    const char *name, *script;
    const char *result; /* of a success */
    const char *code;   /* of a failure; neither: it goes on until it is cancelled */
};

static const struct abuse rows[] = {
    {"output without end", "exec yes\n", NULL, "result-too-large"},
    {"output without end of a child", "yes &\nwait\n", NULL, "result-too-large"},
    {"log without end", READY "exec yes 1>&2\n", NULL, NULL},
    {"log without a line's end", READY "exec tr '\\0' x </dev/zero 1>&2\n", NULL, NULL},
    {"reports without end", READY "exec yes '{\"progress\":1}' >&3\n", NULL, NULL},
    {"reports of garbage", READY "exec yes '{\"progress\":' >&3\n", NULL, NULL},
    {"report without a line's end", "head -c 20000000 /dev/zero >&3\necho done\n", "'done'", NULL},
    {"reports in great number",
     "for i in $(seq 10000); do echo '{\"progress\":50}'; done >&3\necho done\n", "'done'", NULL},
    {"descriptors closed", READY "exec 0<&- 1>&- 2>&- 3>&-\nexec sleep 300\n", NULL, NULL},
    {"signals ignored",
     "trap '' HUP INT QUIT TERM USR1 USR2\n" READY "while :; do sleep 300; done\n", NULL, NULL},
    {"stopped", READY "kill -STOP $$\n", NULL, NULL},
    {"group stopped", "sleep 300 &\n" READY "kill -STOP 0\n", NULL, NULL},
    {"exit at once", "", "null", NULL},
    {"kills its group", "sleep 300 &\nkill -9 0\n", NULL, "signal"},
    {"executes itself", "export n=$((n + 1))\n[ $n -ge 100 ] && echo done && exit\nexec \"$0\"\n",
     "'done'", NULL},
    {"pipes held by a child", "sleep 300 &\necho done\n", "'done'", NULL},
    {"pipes held and written to by a child", "trap '' PIPE\nyes >&2 &\nyes >&3 &\necho done\n",
     "'done'", NULL},
    {"children not waited for", "for i in $(seq 100); do true & done\n" READY "exec sleep 300\n",
     NULL, NULL},
    {"lower priority", "renice -n 19 $$ >&2\n[ -d . ] && echo done\n", "'done'", NULL},
    {"out of its group",
     PYTHON "os.setpgid(0, os.getpgid(os.getppid()))\n" PYTHON_READY "time.sleep(300)'\n", NULL,
     NULL},
    {"traced and stopped",
     PYTHON "ctypes.CDLL(None).ptrace(0, 0, 0, 0)\n" PYTHON_READY
            "os.kill(os.getpid(), signal.SIGSTOP)'\n",
     NULL, NULL},
    {"traced",
     PYTHON "ctypes.CDLL(None).ptrace(0, 0, 0, 0)\nos.execl(\"/bin/echo\", \"echo\", \"done\")'\n",
     "'done'", NULL},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void function_of_row(struct scenario *s, int i)
{
    function_file(s, text(s, "row%d.sh", i), text(s, "#!/bin/bash\n%s", rows[i].script));
}

static void try_row(struct scenario *s, struct server *server, int i)
{
    note(s, "%s", rows[i].name);
    const char *id = create(server, "{'function':'row%d'}", i);
    bool endless = !rows[i].result && !rows[i].code;
    if (endless)
        await_progress(server, id, 1);
    expect_outcome(server, create(server, "{'function':'cat','args':[1]}"), "succeeded");
    if (endless) {
        expect_state(server, id, "running");
        cancel(server, id, NULL);
        expect_outcome(server, id, "cancelled");
    } else if (rows[i].result) {
        expect_result(server, id, rows[i].result);
    } else {
        expect_failure(server, id, rows[i].code);
    }
    assert_int_equal(process_in_folder(folder_path(s, "functions")), 0);
    eventually(process_children(server->pid) == 0);
}

/* Whatever it does: it ends as it should, another one ran beside it, and nothing of it is left. */
SCENARIO(costs_its_own_task)
{
    enum { SPARE = 8 };
    functions_standard(s);
    for (int i = 0; i < ROWS; i++)
        function_of_row(s, i);
    struct server *server = server_start(s, "--slots 2 --max-result 1048576");
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    int descriptors = process_descriptors(server->pid);
    for (int i = 0; i < ROWS; i++)
        try_row(s, server, i);
    /* The server's own may have been opened late; one of each row would be more. */
    eventually(process_descriptors(server->pid) <= descriptors + SPARE);
}

/* What floods the server is not kept by it. */
SCENARIO(floods_take_no_memory)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    enum { GROWTH_KIB = 32 << 10, ROUNDS = 3 };
    functions_standard(s);
    for (int i = 0; i < ROWS; i++)
        function_of_row(s, i);
    struct server *server = server_start(s, "--max-result 1048576");
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    long before = process_memory(server->pid);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 8; i++) {
            try_row(s, server, i);
            long now = process_memory(server->pid);
            if (now - before > GROWTH_KIB)
                fail_at(HERE, "%ld KiB, and %ld before", now, before);
        }
    }
#else
    (void)s;
#endif
}

/* A child that has closed all pipes is waited for, and not asked for again and again. */
SCENARIO(closed_pipes_cost_no_time)
{
    enum { LOOK_MS = 500 };
    function_file(s, "mute.sh", "#!/bin/bash\n" READY "exec 0<&- 1>&- 2>&- 3>&-\nexec sleep 300\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','function':'mute'}");
    await_progress(server, "m", 1);
    long before = process_ticks(server->pid);
    poll(NULL, 0, LOOK_MS);
    assert_true(process_ticks(server->pid) - before <= sysconf(_SC_CLK_TCK) * LOOK_MS / 2000);
    expect_state(server, "m", "running");
}

/* One that made itself a member of another task's group, and is not reaped by its parent, does not
 * keep that task from ending. */
SCENARIO(stranger_in_a_group)
{
    functions_standard(s);
    function_file(s, "stranger.sh",
                  "#!/bin/bash\n" PYTHON "if os.fork() == 0:\n"
                  "    os.setpgid(0, int(open(\"../scratch/a.pids\").read()))\n" PYTHON_READY
                  "time.sleep(300)'\n");
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    create(server, "{'id':'b','function':'stranger'}");
    await_progress(server, "b", 1);
    release(s, "a", "done");
    expect_result(server, "a", "'done'");
    expect_state(server, "b", "running");
}

/* The first process of a task in the group of another: it dies with that, and its own task is told
 * so. */
SCENARIO(first_process_in_a_group)
{
    functions_standard(s);
    function_file(s, "mover.sh",
                  "#!/bin/bash\n" PYTHON
                  "os.setpgid(0, int(open(\"../scratch/a.pids\").read()))\n" PYTHON_READY
                  "time.sleep(300)'\n");
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    create(server, "{'id':'b','function':'mover'}");
    await_progress(server, "b", 1);
    release(s, "a", "done");
    expect_result(server, "a", "'done'");
    expect_number(expect_failure(server, "b", "signal"), "error.signal", SIGKILL);
}

/* Who starts the server may ignore the ends of children, and a program inherits that. */
SCENARIO(ends_are_not_ignored)
{
    function_file(s, "three.sh", "#!/bin/sh\nexit 3\n");
    stand_in(s, text(s,
                     "exec python3 -c 'import os, signal, sys\n"
                     "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
                     "os.execv(sys.argv[1], sys.argv[1:])' %s \"$@\"\n",
                     stand_in_program(s)));
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'three'}");
    expect_number(expect_failure(server, id, "exit-status"), "error.exit_status", 3);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(ends_are_not_ignored),      RUN(costs_its_own_task),  RUN(floods_take_no_memory),
        RUN(closed_pipes_cost_no_time), RUN(stranger_in_a_group), RUN(first_process_in_a_group),
    };
    return RUN_SCENARIOS("contained_abuse", table);
}
