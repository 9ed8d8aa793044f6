/* What comes late: creates while the server shuts down, starts when its drain time is over, the end
 * of a task that is not waited for any more. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/race.h"
#include "tests/api/lib/tasks.h"

/* --- shutdown --------------------------------------------------------------------- */

enum { CLIENTS = 16, POURED_MAX = 4096 };

/* Clients that each send a create as soon as the last one is answered. */
struct pour {
    struct server *server;
    const char *name, *task; /* what is created: the members after its id */
    struct http *clients[CLIENTS];
    int asked[CLIENTS]; /* the number that is asked for; -1: the connection is over */
    int sent, there;
    int status[POURED_MAX]; /* of the answer; 0: there was none */
};

static void pour_one(struct pour *pour, int client)
{
    struct scenario *s = pour->server->scenario;
    size_t length;
    pour->asked[client] = -1;
    if (pour->sent == POURED_MAX)
        return;
    struct request request = {.path = "/v1/tasks",
                              .body = json(s, "{'id':'%s-%d',%s}", pour->name, pour->sent,
                                           requote(text(s, "%s", pour->task)))};
    const char *bytes = request_bytes(pour->server, &request, &length);
    http_write(pour->clients[client], bytes, length);
    pour->asked[client] = pour->sent++;
}

static void pour_on(struct pour *pour, int client)
{
    struct reply *reply = pour->asked[client] < 0 ? NULL : http_read(pour->clients[client], false);
    if (!reply) {
        pour->asked[client] = -1;
        return;
    }
    pour->status[pour->asked[client]] = reply->status;
    if (reply->status != 201)
        expect_problem(reply, 503, "draining");
    pour->there += reply->status == 201;
    pour_one(pour, client);
}

static struct pour *pour_open(struct server *server, const char *name, const char *task)
{
    struct pour *pour = keep(server->scenario, sizeof *pour);
    *pour = (struct pour){.server = server, .name = name, .task = task};
    for (int i = 0; i < CLIENTS; i++) {
        pour->clients[i] = server_connect(server);
        pour_one(pour, i);
    }
    return pour;
}

/* What was acknowledged is there, what was refused is not. */
static void expect_poured(struct server *server, const struct pour *pour)
{
    for (int i = 0; i < pour->sent; i++) {
        note(server->scenario, "%s-%d was answered %d", pour->name, i, pour->status[i]);
        if (pour->status[i])
            expect_status(get(server, "/v1/tasks/%s-%d", pour->name, i),
                          pour->status[i] == 201 ? 200 : 404);
    }
}

/* SIGTERM while creates of something long pour in: the server ends, and in good order. */
static struct pour *pour_and_stop(struct server *server, const char *name, const char *task,
                                  int enough)
{
    struct pour *pour = pour_open(server, name, task);
    for (int i = 0; pour->there < enough; i = (i + 1) % CLIENTS)
        pour_on(pour, i);
    server_signal(server, SIGTERM);
    for (int round = 0, open = 1; open; round++) {
        open = 0;
        for (int i = 0; i < CLIENTS; i++) {
            pour_on(pour, i);
            open += pour->asked[i] >= 0;
        }
    }
    assert_int_equal(server_wait(server), 0);
    return pour;
}

/* 5.7: all that was acknowledged is there after the restart; and what was started when the drain
 * time was over already does not keep the server from its end. */
SCENARIO(creates_against_shutdown)
{
    enum { ROUNDS = 6 };
    for (int round = 0; round < ROUNDS; round++) {
        struct server *server = server_start(s, "--drain %s", round % 2 ? "0.02" : "0");
        struct pour *pour = pour_and_stop(server, text(s, "r%d", round),
                                          "'function':'sleep','args':[3600]", 40 + 23 * round);
        assert_null(strstr(server_log(server), "lost"));
        server = server_start(s, "--drain 0");
        expect_poured(server, pour);
        expect_status(post(server, "/v1/tasks/cancel", "{}"), 202);
        eventually(json_number(get(server, "/v1/stats"), "live") == 0);
        assert_int_equal(server_stop(server), 0);
    }
}

/* 5.7: the same with processes: none of them is left when the server has ended. */
SCENARIO(processes_against_shutdown)
{
    enum { ROUNDS = 6 };
    function_file(s, "long.sh", "#!/bin/sh\necho $$ >>../scratch/pids\nexec sleep 300\n");
    for (int round = 0; round < ROUNDS; round++) {
        struct server *server = server_start(s, "--slots 200 --drain 0");
        struct pour *pour =
            pour_and_stop(server, text(s, "r%d", round), "'function':'long'", 10 + 11 * round);
        char *pids = folder_read(s, "scratch/pids");
        for (char *pid; (pid = strsep(&pids, "\n"));) {
            note(s, "round %d, process %s", round, pid);
            assert_false(*pid && process_alive(atoi(pid)));
        }
        folder_write(s, "scratch/pids", "");
        server = server_start(s, "--slots 1 --drain 0");
        expect_poured(server, pour);
        expect_status(post(server, "/v1/tasks/cancel", "{}"), 202);
        eventually(json_number(get(server, "/v1/stats"), "live") == 0);
        assert_int_equal(server_stop(server), 0);
    }
}

/* 5.7: --on-shutdown cancel, when the only task that runs ends by itself in that moment: none is
 * live afterwards, however many there are to cancel. */
SCENARIO(ends_against_shutdown)
{
    enum { ROUNDS = 12, TASKS = 1200 };
    static const char later_one[] = ",{\"function\":\"echo\",\"delay\":3600}";
    char *later = keep(s, TASKS * sizeof later_one);
    for (size_t i = 0; i < TASKS; i++)
        memcpy(later + i * strlen(later_one), later_one, strlen(later_one));
    for (int round = 0; round < ROUNDS; round++) {
        struct server *server = server_start(s, "--on-shutdown cancel --drain 1");
        expect_status(post(server, "/v1/tasks", "[{'function':'echo'}%s]", later), 201);
        post(server, "/v1/tasks", "{'function':'sleep','args':[%g]}", 0.001 * (round % 3));
        assert_int_equal(server_stop(server), 0);
        server = server_start(s, "%s", "");
        note(s, "round %d", round);
        expect_number(get(server, "/v1/stats"), "live", 0);
        assert_int_equal(server_stop(server), 0);
    }
}

/* --- not waited for any more ------------------------------------------------------- */

/* 3.5 and 5.1: under `any` the losers may go on, for others; a task that has continued since does
 * not take the end of one of them for that of the task it waits for. */
SCENARIO(loser_after_continuation)
{
    functions_standard(s);
    function_file(s, "onward.sh",
                  "#!/bin/sh\n"
                  "echo '{\"$task\":{\"id\":\"inner\",\"function\":\"hold\"}}'\n");
    function_manifest(s, "onward.json", "{'continues':true}");
    function_file(s, "bad.sh", "#!/bin/sh\n./hold.sh\nexit 1\n");
    struct server *server = server_start(s, "--slots 8");
    static const char *const ends[] = {"succeeded", "failed", "cancelled"};
    for (int i = 0; i < 3; i++) {
        const char *outer = text(s, "outer%d", i), *loser = text(s, "loser%d", i);
        note(s, "the loser has %s", ends[i]);
        create(server, "{'id':'%s','function':'%s'}", loser, i == 1 ? "bad" : "hold");
        create(server,
               "{'id':'%s','process':'onward','wait_for':'any','notify_channels':['%s'],"
               "'args':[{'$task':'%s'},{'$task':{'function':'echo','args':[1]}}]}",
               outer, outer, loser);
        await_state(server, outer, "waiting");
        eventually(get(server, "/v1/tasks/inner")->status == 200);
        await_progress(server, "inner", 1);
        if (i < 2)
            release(s, loser, "13");
        else
            cancel(server, loser, NULL);
        expect_outcome(server, loser, ends[i]);
        expect_state(server, outer, "waiting");
        release(s, "inner", "42");
        expect_result(server, outer, "42");
        assert_null(strstr(story_of(server, outer), text(s, "succeeded %s", loser)));
        expect_status(call(server, .method = "DELETE", .path = "/v1/tasks/inner"), 204);
    }
}

/* 4 and 4.8: what was told of a deleted task, and its log, are not a later task's. */
SCENARIO(after_delete)
{
    function_file(s, "chatty.sh", "#!/bin/sh\necho old >&2\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'first','function':'echo'}");
    finished(server, create(server, "{'id':'old','function':'chatty'}"));
    expect_status(call(server, .method = "DELETE", .path = "/v1/tasks/old"), 204);
    assert_int_equal(server_stop(server), 0);
    server = server_start(s, "%s", "");
    create(server, "{'id':'new','function':'echo','delay':3600}");
    struct sse *sse = sse_open(server, "/v1/tasks/new/events");
    expect_event(sse, "task.created", "new");
    cancel(server, "new", NULL);
    expect_event(sse, "task.cancelled", "new");
    expect_end(sse);
    assert_int_equal(get(server, "/v1/tasks/new/logs")->body.length, 0);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(creates_against_shutdown),
        RUN(processes_against_shutdown),
        RUN(ends_against_shutdown),
        RUN(loser_after_continuation),
        RUN(after_delete),
    };
    return RUN_SCENARIOS("races_late", table);
}
