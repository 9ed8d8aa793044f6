/* Section 2.1: who is traced (ptrace(2)), by the server at its own wish or by somebody else, keeps
 * neither the server nor the end of its task. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/tasks.h"

/* The start of a function in Python. orphan(run): run() in a process that has left its group and
 * became the server's child. sibling(): as fork(), but it is the server's child (CLONE_PARENT). */
#define PYTHON                                                                                     \
    "#!/usr/bin/env python3\n"                                                                     \
    "import ctypes, os, signal, sys, time\n"                                                       \
    "libc, server, id = ctypes.CDLL(None), os.getppid(), os.environ['ERRAND_TASK_ID']\n"           \
    "def ready():\n"                                                                               \
    "    os.write(3, b'{\"progress\":1}\\n')\n"                                                    \
    "def orphan(run):\n"                                                                           \
    "    if os.fork() == 0:\n"                                                                     \
    "        os.setsid()\n"                                                                        \
    "        if os.fork() == 0:\n"                                                                 \
    "            while os.getppid() != server: time.sleep(0.01)\n"                                 \
    "            run()\n"                                                                          \
    "        os._exit(0)\n"                                                                        \
    "    os.wait()\n"                                                                              \
    "def note(pid):\n"                                                                             \
    "    path = '../scratch/' + id\n"                                                              \
    "    print(pid, file=open(path + '-', 'w', 1))\n"                                              \
    "    os.rename(path + '-', path)\n"                                                            \
    "def sibling():\n"                                                                             \
    "    call = {'x86_64': 56}.get(os.uname().machine, 220)\n"                                     \
    "    return libc.syscall(call, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)\n"                         \
    "def trace_me(): libc.ptrace(0, 0, 0, 0)\n"

/* The test traces it: as a debugger that waits for its user, from then on. */
static void trace(pid_t pid)
{
    assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
}

static void let_go(pid_t pid)
{
    assert_int_equal(waitpid(pid, NULL, __WALL), pid);
}

/* The server is its tracer, but not by the thread that looks after it. */
SCENARIO(orphan_that_wants_to_be_traced)
{
    functions_standard(s);
    function_file(s, "wants.py",
                  PYTHON "def run():\n"
                         "    trace_me()\n"
                         "    note(os.getpid())\n"
                         "    os.kill(os.getpid(), signal.SIGSTOP)\n"
                         "    time.sleep(300)\n"
                         "orphan(run)\n"
                         "while not os.path.exists('../scratch/' + id): time.sleep(0.01)\n"
                         "ready()\n"
                         "time.sleep(300)\n");
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'w','function':'wants'}");
    await_progress(server, "w", 1);
    pid_t orphan = folder_pid(s, "w", 0);
    eventually(!process_alive(orphan));
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    expect_state(server, "w", "running");
    cancel(server, "w", NULL);
    expect_outcome(server, "w", "cancelled");
    assert_int_equal(server_stop(server), 0);
}

/* Whenever the server has let go of one it is asked again, by many. */
SCENARIO(traced_again_and_again)
{
    functions_standard(s);
    function_file(s, "again.py",
                  PYTHON "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
                         "for i in range(300):\n"
                         "    if sibling() == 0: break\n"
                         "else: ready()\n"
                         "while True:\n"
                         "    trace_me()\n"
                         "    os.kill(os.getpid(), signal.SIGUSR1)\n");
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'a','function':'again'}");
    await_progress(server, "a", 1);
    expect_outcome(server, create(server, "{'function':'sleep','args':[3]}"), "succeeded");
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    cancel(server, "a", NULL);
    expect_outcome(server, "a", "cancelled");
    eventually(process_children(server->pid) == 0);
}

/* Its end is the tracer's to see first: nobody waits for that but its own task. */
SCENARIO(end_that_a_tracer_keeps)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    pid_t pid = folder_pid(s, "a.pids", 0);
    trace(pid);
    release(s, "a", "done");
    eventually(!process_alive(pid));
    for (int i = 0; i < 3; i++)
        expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    expect_state(server, "a", "running");
    let_go(pid);
    expect_result(server, "a", "'done'");
}

/* Not even its own, when they have left its group. */
SCENARIO(traced_by_its_own)
{
    function_file(s, "own.py",
                  PYTHON "me = os.getpid()\n"
                         "if os.fork() == 0:\n"
                         "    os.setsid()\n"
                         "    for fd in range(4): os.close(fd)\n"
                         "    libc.ptrace(0x4206, me, 0, 0)\n" /* PTRACE_SEIZE */
                         "    note(os.getpid())\n"
                         "    time.sleep(300)\n"
                         "while not os.path.exists('../scratch/' + id): time.sleep(0.01)\n"
                         "print('done')\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'o','function':'own'}");
    expect_result(server, "o", "'done'");
    assert_false(process_alive(folder_pid(s, "o", 0)));
}

/* One that is held at its end by its own, where no signal reaches it, can be ended. */
SCENARIO(held_at_its_end)
{
    function_file(s, "held.py",
                  PYTHON "me = os.getpid()\n"
                         "if os.fork() == 0:\n"
                         "    os.setsid()\n"
                         "    libc.ptrace(0x4206, me, 0, 0x40)\n" /* PTRACE_O_TRACEEXIT */
                         "    note(os.getpid())\n"
                         "    time.sleep(300)\n"
                         "while not os.path.exists('../scratch/' + id): time.sleep(0.01)\n"
                         "ready()\n");
    function_manifest(s, "held.json", "{'grace':0.1}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'h','function':'held'}");
    await_progress(server, "h", 1);
    cancel(server, "h", NULL);
    expect_outcome(server, "h", "cancelled");
    assert_false(process_alive(folder_pid(s, "h", 0)));
    assert_int_equal(server_stop(server), 0);
}

/* The end of an orphan is waited for by nobody either. */
SCENARIO(end_of_an_orphan_that_a_tracer_keeps)
{
    functions_standard(s);
    function_file(s, "leaves.py",
                  PYTHON "def run():\n"
                         "    for fd in range(4): os.close(fd)\n"
                         "    note(os.getpid())\n"
                         "    time.sleep(300)\n"
                         "orphan(run)\n"
                         "while not os.path.exists('../scratch/' + id): time.sleep(0.01)\n"
                         "ready()\n"
                         "while not os.path.exists('../scratch/go'): time.sleep(0.01)\n"
                         "print('done')\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'l','function':'leaves'}");
    await_progress(server, "l", 1);
    pid_t orphan = folder_pid(s, "l", 0);
    trace(orphan);
    folder_write(s, "scratch/go", "");
    expect_result(server, "l", "'done'");
    assert_false(process_alive(orphan));
    assert_int_equal(server_stop(server), 0);
    let_go(orphan);
}

/* Who has to end has ended, whoever keeps its end; so has the server. */
SCENARIO(kept_end_of_a_task_that_is_cancelled)
{
    functions_standard(s);
    function_manifest(s, "hold.json", "{'grace':0.1}");
    struct server *server = server_start(s, "--slots 3 --drain 0 --grace 0.1");
    static const char *const ids[] = {"cancelled", "ends", "stopped"};
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        create(server, "{'id':'%s','function':'hold'}", ids[i]);
        await_progress(server, ids[i], 1);
        trace(pids[i] = folder_pid(s, text(s, "%s.pids", ids[i]), 0));
    }
    cancel(server, "cancelled", NULL);
    expect_outcome(server, "cancelled", "cancelled");
    assert_false(process_alive(pids[0]));
    release(s, "ends", "done");
    eventually(!process_alive(pids[1]));
    cancel(server, "ends", NULL);
    expect_outcome(server, "ends", "cancelled");
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    assert_int_equal(server_stop(server), 0);
    for (int i = 0; i < 3; i++)
        let_go(pids[i]);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(orphan_that_wants_to_be_traced),
        RUN(traced_again_and_again),
        RUN(end_that_a_tracer_keeps),
        RUN(kept_end_of_a_task_that_is_cancelled),
        RUN(traced_by_its_own),
        RUN(held_at_its_end),
        RUN(end_of_an_orphan_that_a_tracer_keeps),
    };
    return RUN_SCENARIOS("contained_traced", table);
}
