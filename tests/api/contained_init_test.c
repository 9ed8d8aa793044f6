/* The server as process 1 of a container: it ends in order, reaps whoever is given to it, and tells
 * its own from strangers. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/stand_in.h"
#include "tests/api/lib/tasks.h"

/* From here on servers are process 1; false: not on this machine. */
static bool serve_as_init(struct scenario *s)
{
    if (system("unshare --pid --fork --mount-proc true 2>/dev/null") != 0) {
        print_message("no namespace of processes can be made here\n");
        return false;
    }
    stand_in(s, text(s, "exec unshare --pid --fork --mount-proc --kill-child=KILL %s \"$@\"\n",
                     stand_in_program(s)));
    return true;
}

/* The server itself: the one child of the program that made the namespace. */
static pid_t init_of(const struct server *server)
{
    pid_t init = process_child(server->pid);
    if (init <= 0)
        fail_at(HERE, "there is no process 1");
    return init;
}

static void stop_init(struct server *server, int want)
{
    kill(init_of(server), SIGTERM);
    assert_int_equal(server_wait(server), want);
}

SCENARIO(ends_in_order)
{
    if (!serve_as_init(s))
        return;
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    create(server, "{'id':'s','function':'stubborn'}");
    await_progress(server, "s", 1);
    stop_init(server, 0);
    assert_non_null(strstr(server_log(server), "1 running"));
}

/* The exit status of a failed guarded task: the server signals itself. */
SCENARIO(guarded_task_ends_it)
{
    if (!serve_as_init(s))
        return;
    struct server *server = server_start(s, "--allow-guard");
    create(server, "{'function':'fail','args':['x'],'guard':true}");
    assert_int_equal(server_wait(server), 1);
}

/* Whatever leaves its group ends with its task here, too, and what dies is reaped. */
SCENARIO(nothing_is_left_of_a_task)
{
    if (!serve_as_init(s))
        return;
    function_file(s, "leaver.sh",
                  "#!/bin/bash\n"
                  "for i in $(seq 50); do (true & true &); (setsid true &); done\n"
                  "(env -i /usr/bin/setsid sleep 300 &)\n"
                  "while ! pgrep -x sleep >/dev/null; do sleep 0.01; done\n"
                  "echo done\n");
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'leaver'}"), "'done'");
    assert_int_equal(process_in_folder(folder_path(s, "functions")), 0);
    eventually(process_children(init_of(server)) == 0);
    stop_init(server, 0);
}

/* Whoever came in from outside (docker exec) and left something to process 1 keeps it. */
SCENARIO(strangers_are_left_alone)
{
    if (!serve_as_init(s))
        return;
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    pid_t init = init_of(server);
    assert_int_equal(system(text(s,
                                 "cd %s && nsenter -t %d -p -m sh -c '"
                                 "(true & true & true &)\n"
                                 "setsid sleep 300 >/dev/null 2>&1 &'",
                                 s->folder, (int)init)),
                     0);
    eventually(process_children(init) == 1);
    pid_t stranger = process_child(init);
    for (int i = 0; i < 3; i++)
        expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    /* Past the next look at who is there: it reaps this one, who came after the tasks. */
    assert_int_equal(system(text(s, "nsenter -t %d -p -m sh -c '(true &) && (true &)'", (int)init)),
                     0);
    eventually(process_children(init) == 1);
    assert_true(process_alive(stranger));
    stop_init(server, 0);
    eventually(!process_alive(stranger));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(ends_in_order),
        RUN(guarded_task_ends_it),
        RUN(nothing_is_left_of_a_task),
        RUN(strangers_are_left_alone),
    };
    return RUN_SCENARIOS("contained_init", table);
}
