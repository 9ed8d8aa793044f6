/* Section 5.7: ends of a server at the moment when it starts processes. */
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/tasks.h"

static int lines_of(const char *text)
{
    int lines = *text != 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static bool all_dead(const char *pids)
{
    for (char *rest; *pids; pids = rest + (*rest == '\n')) {
        if (process_alive((pid_t)strtol(pids, &rest, 10)))
            return false;
    }
    return true;
}

static void function_that_stays(struct scenario *s)
{
    function_file(s, "stay.sh", "#!/bin/sh\necho $$ >>../scratch/pids\nexec sleep 300\n");
}

/* 5.7: whenever the server dies, also while a process is just being started. */
SCENARIO(killed_while_starting)
{
    enum { ROUNDS = 40, SLOTS = 4, SPEAKS_MS = 20 };
    function_that_stays(s);
    for (int round = 0; round < ROUNDS; round++) {
        struct server *server = server_start(s, "--slots %d", SLOTS);
        folder_write(s, "scratch/pids", "");
        for (int i = 0; i < SLOTS; i++)
            create(server, "{'id':'r%d-%d','function':'stay'}", round, i);
        int enough = round % (SLOTS + 1);
        eventually(lines_of(folder_read(s, "scratch/pids")) >= enough);
        server_kill9(server);
        /* What was just being started gets this while to say who it is. */
        const char *pids = NULL;
        int64_t since = now_ms();
        eventually((pids = folder_read(s, "scratch/pids")) && now_ms() - since > SPEAKS_MS);
        server = server_start(s, "--slots %d", SLOTS);
        note(s, "round %d, killed after %d of %d: %s", round, enough, SLOTS, pids);
        eventually(all_dead(pids));
        for (int i = 0; i < SLOTS; i++)
            cancel(server, text(s, "r%d-%d", round, i), NULL);
        for (int i = 0; i < SLOTS; i++)
            expect_outcome(server, text(s, "r%d-%d", round, i), "cancelled");
        assert_int_equal(server_stop(server), 0);
    }
}

/* 5.7: SIGTERM while it starts what it found: that is asked to end all the same. */
SCENARIO(stopped_while_starting)
{
    enum { ROUNDS = 10, SLOTS = 4 };
    function_that_stays(s);
    struct server *server = server_start(s, "--slots %d", SLOTS);
    for (int i = 0; i < SLOTS; i++)
        create(server, "{'function':'stay'}");
    eventually(lines_of(folder_read(s, "scratch/pids")) == SLOTS);
    server_kill9(server);
    for (int round = 0; round < ROUNDS; round++) {
        note(s, "round %d", round);
        server = server_start(s, "--slots %d --drain 0 --grace 0.1", SLOTS);
        assert_int_equal(server_stop(server), 0);
        eventually(all_dead(folder_read(s, "scratch/pids")));
    }
    assert_int_equal(count_tasks(server_start(s, "%s", ""), ""), SLOTS);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(killed_while_starting),
        RUN(stopped_while_starting),
    };
    return RUN_SCENARIOS("leftovers", table);
}
