/*
 * The n-th call fails while a server starts, on an empty folder and on what a dead one
 * left, and while it shuts down. It starts or says why not, and it ends; and the start
 * after it, without faults, finds everything.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/http.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"
#include "tests/faults/scenes.h"

static void shell(const char *command)
{
    if (system(command) != 0)
        fail_at(HERE, "%s", command);
}

static struct server *try_start(struct round *round)
{
    const char *flags = text(round->s, "--slots 1 --data %s/data", round->s->folder);
    struct server *server = round->server = server_try(round->s, flags);
    fault_disarm(round->page);
    if (!server->port && !server_over(server, DEADLINE_MS))
        fail_at(HERE, "the start neither succeeds nor ends");
    if (!server->port)
        expect_honest_end(round);
    return server;
}

/* With the fault; if it does not start, once more without. */
static void start_twice(struct round *round)
{
    round->flags = text(round->s, "--slots 1 --data %s/data", round->s->folder);
    fault_arm(round->page, round->fault, round->n);
    if (!try_start(round)->port)
        round->server = server_start(round->s, "%s", round->flags);
    round_recover(round);
}

static void fresh_data(struct round *round, const char *from)
{
    const char *folder = round->s->folder;
    shell(text(round->s, "rm -rf %s/data", folder));
    if (from)
        shell(text(round->s, "cp -a %s/%s %s/data", folder, from, folder));
}

static void empty_round(struct round *round)
{
    fresh_data(round, NULL);
    start_twice(round);
    round_end(round);
}

/* One that ran, one behind it, one that waits for that. */
static void make_work(struct server *server)
{
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    create(server, "{'id':'q','function':'seven'}");
    create(server, "{'id':'m','process':'sum','args':[{'$task':'q'},1]}");
}

static void check_work(struct round *round)
{
    const struct promise promises[] = {{.id = "h", .kept = true},
                                       {.id = "q", .kept = true, .want = "7"},
                                       {.id = "m", .kept = true, .want = "8"}};
    round_ask(round, "POST", "/v1/tasks/h/cancel", NULL);
    memcpy(round->promises, promises, sizeof promises);
    round->promised = 3;
    round->files = 0;
    round_check(round);
    round_end(round);
}

static void recover_round(struct round *round)
{
    fresh_data(round, "left");
    start_twice(round);
    check_work(round);
}

static void leave_work(struct round *round)
{
    struct server *server = server_start(round->s, "--slots 1");
    make_work(server);
    server_kill9(server);
    shell(text(round->s, "cp -a %s/data %s/left", round->s->folder, round->s->folder));
}

/* SIGTERM, with something of everything under way. */
static void shutdown_round(struct round *round)
{
    fresh_data(round, NULL);
    round->flags = "--slots 1";
    struct server *server = round->server = server_start(round->s, "%s", round->flags);
    make_work(server);
    struct sse *sse = sse_open(server, "/v1/events");
    fault_arm(round->page, round->fault, round->n);
    server_signal(server, SIGTERM);
    if (!server_over(server, DEADLINE_MS))
        fail_at(HERE, "the shutdown does not end");
    fault_disarm(round->page);
    sse_close(sse);
    if (server->exit_status != 0)
        expect_honest_end(round);
    round->server = server_start(round->s, "%s", round->flags);
    check_work(round);
}

static void all_faults(struct scenario *s, void (*prepare)(struct round *),
                       void (*run)(struct round *))
{
    struct round round = {.s = s};
    scene_functions(s);
    round.page = fault_page_open(s);
    if (prepare)
        prepare(&round);
    all_rounds(&round, run);
}

SCENARIO(start_empty)
{
    all_faults(s, NULL, empty_round);
}

SCENARIO(start_recover)
{
    all_faults(s, leave_work, recover_round);
}

SCENARIO(shut_down)
{
    all_faults(s, NULL, shutdown_round);
}

int main(void)
{
    const struct CMUnitTest table[] = {RUN(start_empty), RUN(start_recover), RUN(shut_down)};
    rounds_begin("START_ROUNDS");
    int failed = RUN_SCENARIOS("faults at the start and the end", table);
    rounds_report();
    return failed;
}
