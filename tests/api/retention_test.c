/* What is kept grows no further than what --retain asks for. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* Bytes of the database, its log folded in: the server has ended. */
static long database_size(struct scenario *s)
{
    struct stat info;
    const char *path = folder_path(s, "data/errand.db");
    if (stat(path, &info) != 0)
        fail_at(HERE, "there is no %s", path);
    return (long)info.st_size;
}

/* Tasks of 2 KiB each, run and forgotten. */
static long round_of_tasks(struct scenario *s, int tasks)
{
    char filler[2049];
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    struct server *server = server_start(s, "--retain 1s");
    for (int i = 0; i < tasks; i++)
        create(server, "{'function':'echo','args':['%s'],'notify_channels':['a','b']}", filler);
    eventually(count_tasks(server, "state=succeeded") == 0);
    server_stop(server);
    return database_size(s);
}

/* The space of what has expired is used again: a file that has seen three times the work is hardly
 * larger. */
SCENARIO(file_is_used_again)
{
    long first = round_of_tasks(s, 400), last = 0;
    for (int round = 0; round < 2; round++)
        last = round_of_tasks(s, 400);
    if (last > first + first / 2)
        fail_at(HERE, "%ld bytes after one round, %ld after three", first, last);
}

static int events_say(struct scenario *s, const char *what)
{
    return atoi(database_ask(s, "data/errand.db", text(s, "SELECT %s FROM events", what)));
}

/* Events go when their time is over, also where no task ever ends. The newest stays: its number is
 * where counting goes on. */
SCENARIO(events_without_an_end)
{
    function_file(s, "talk.sh",
                  "#!/bin/sh\n"
                  "while :; do echo '{\"progress\":1}' >&3; sleep 0.1; done\n");
    struct server *server = server_start(s, "--retain 1s");
    create(server, "{'id':'f','function':'talk','forever':true}");
    await_progress(server, "f", 1);
    int first = events_say(s, "max(id)");
    eventually(events_say(s, "min(id)") > first);
    cancel(server, "f", NULL);
    expect_outcome(server, "f", "cancelled");
    int last = events_say(s, "max(id)");
    eventually(events_say(s, "count(*)") == 1);
    assert_int_equal(events_say(s, "min(id)"), last);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(file_is_used_again),
        RUN(events_without_an_end),
    };
    return RUN_SCENARIOS("retention", table);
}
