/* Section 2.1: who is traced (ptrace(2)), by the server at its own wish or by somebody else, keeps
 * neither the server nor the end of its task. */
#include <signal.h>

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

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(orphan_that_wants_to_be_traced),
        RUN(traced_again_and_again),
    };
    return RUN_SCENARIOS("contained_traced", table);
}
