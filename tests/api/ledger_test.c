/* Section 5.7: whatever ends a server while much goes on, all that it acknowledged is done. */
#include <signal.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* Writes its id down when it has done its work, a line of its own. */
static void function_ledger(struct scenario *s)
{
    function_file(s, "ledger.sh",
                  "#!/bin/sh\n"
                  "echo \" $ERRAND_TASK_ID \" >>../scratch/ledger\n"
                  "echo $ERRAND_ATTEMPT\n");
}

static bool in_ledger(struct scenario *s, const char *ledger, const char *id)
{
    return strstr(ledger, text(s, " %s ", id));
}

enum { CONNECTIONS = 6, POURED_MAX = 2048 };

/* Clients that each send a create as soon as the last one is answered. */
struct pour {
    struct server *server;
    const char *name;
    struct http *connections[CONNECTIONS];
    int in_flight[CONNECTIONS]; /* the number that is asked for; -1: the connection is dead */
    int sent, acknowledged, refused;
    bool there[POURED_MAX];
};

static void send_one(struct pour *pour, int connection)
{
    struct scenario *s = pour->server->scenario;
    int number = pour->sent++;
    assert_true(number < POURED_MAX);
    const char *body = json(s, "{'id':'%s-%d','function':'ledger'}", pour->name, number);
    size_t length;
    const char *bytes =
        request_bytes(pour->server, &(struct request){.path = "/v1/tasks", .body = body}, &length);
    bool gone = http_write(pour->connections[connection], bytes, length);
    pour->in_flight[connection] = gone ? number : -1;
}

/* False if there is nothing more to come on this connection. */
static bool take_answer(struct pour *pour, int connection)
{
    if (pour->in_flight[connection] < 0)
        return false;
    struct reply *reply = http_read(pour->connections[connection], false);
    int number = pour->in_flight[connection];
    pour->in_flight[connection] = -1;
    if (!reply)
        return false;
    if (reply->status == 503) {
        expect_problem(reply, 503, "draining");
        pour->refused++;
        return false;
    }
    expect_status(reply, 201);
    pour->there[number] = true;
    pour->acknowledged++;
    return true;
}

static struct pour *pour_until(struct server *server, const char *name, int enough)
{
    struct pour *pour = keep(server->scenario, sizeof *pour);
    pour->server = server;
    pour->name = name;
    for (int i = 0; i < CONNECTIONS; i++) {
        pour->connections[i] = server_connect(server);
        send_one(pour, i);
    }
    for (int i = 0; pour->acknowledged < enough; i = (i + 1) % CONNECTIONS) {
        assert_true(take_answer(pour, i));
        send_one(pour, i);
    }
    return pour;
}

/* All that was acknowledged is there, ends well, and has done its work. */
static void expect_poured(struct server *server, const struct pour *pour)
{
    struct scenario *s = server->scenario;
    for (int i = 0; i < pour->sent; i++) {
        const char *id = text(s, "%s-%d", pour->name, i);
        note(s, "%s, of %d sent and %d acknowledged", id, pour->sent, pour->acknowledged);
        if (pour->there[i] || get(server, "/v1/tasks/%s", id)->status == 200)
            expect_outcome(server, id, "succeeded");
    }
    const char *ledger = folder_read(s, "scratch/ledger");
    for (int i = 0; i < pour->sent; i++) {
        if (pour->there[i])
            assert_true(in_ledger(s, ledger, text(s, "%s-%d", pour->name, i)));
    }
}

/* 5.7: kill -9 while creates pour in and processes run. */
SCENARIO(ledger_and_crash)
{
    function_ledger(s);
    struct server *server = server_start(s, "--slots 2");
    for (int round = 0; round < 6; round++) {
        struct pour *pour = pour_until(server, text(s, "r%d", round), 5 + round * 25);
        server_kill9(server);
        for (int i = 0; i < CONNECTIONS; i++)
            take_answer(pour, i);
        server = server_start(s, "--slots 2");
        expect_poured(server, pour);
    }
}

/* 5.7: the same with SIGTERM: creates are answered 201, and kept, or 503 draining. */
SCENARIO(ledger_and_shutdown)
{
    function_ledger(s);
    struct server *server = server_start(s, "--slots 2 --drain 1");
    for (int round = 0; round < 4; round++) {
        struct pour *pour = pour_until(server, text(s, "r%d", round), 20 + round * 25);
        server_signal(server, round % 2 ? SIGINT : SIGTERM);
        for (int i = 0, open = CONNECTIONS; open; i = (i + 1) % CONNECTIONS) {
            if (pour->in_flight[i] < 0)
                continue;
            if (take_answer(pour, i))
                send_one(pour, i);
            open = 0;
            for (int j = 0; j < CONNECTIONS; j++)
                open += pour->in_flight[j] >= 0;
        }
        assert_int_equal(server_wait(server), 0);
        server = server_start(s, "--slots 2 --drain 1");
        expect_poured(server, pour);
    }
}

/* 5.7: kill -9 again and again while graphs of tasks end in all ways: each ends, once. */
SCENARIO(graphs)
{
    enum { ROUNDS = 8, EACH = 15 };
    static const char *const ways[] = {"all", "all_settled", "any"};
    function_ledger(s);
    struct server *server = server_start(s, "--slots 2");
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++)
            create(server,
                   "{'id':'m%d-%d','process':'collect','wait_for':'%s','args':["
                   "{'$task':{'function':'ledger','max_attempts':2}},"
                   "{'$task':{'process':'ledger','args':[{'$task':{'function':'%s','args':[0]}}]}},"
                   "{'$task':{'function':'sleep','args':[0.01]}}]}",
                   round, i, ways[i % 3], i % 4 ? "sleep" : "fail");
        cancel(server, text(s, "m%d-%d", round, round % EACH), NULL);
        server_kill9(server);
        server = server_start(s, "--slots 2");
    }
    eventually(count_tasks(server, "state=queued&state=running&state=waiting&state=scheduled") ==
               0);
    struct reply *all = get(server, "/v1/tasks?limit=1000");
    struct sse *sse = sse_open(server, "/v1/events?last_event_id=0");
    const char *last = create(server, "{'function':'echo'}");
    struct events events = collect_until(sse, "task.succeeded", last);
    int tasks = json_count(all, "tasks");
    assert_int_equal(tasks, ROUNDS * EACH * 5);
    for (int i = 0; i < tasks; i++) {
        const char *id = json_text(all, text(s, "tasks.%d.id", i));
        const char *state = json_text(all, text(s, "tasks.%d.state", i));
        note(s, "%s has %s", id, state);
        assert_int_equal(count_events(&events, text(s, "task.%s", state), id), 1);
        assert_int_equal(count_events(&events, "task.succeeded", id) +
                             count_events(&events, "task.failed", id) +
                             count_events(&events, "task.cancelled", id),
                         1);
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(ledger_and_crash),
        RUN(ledger_and_shutdown),
        RUN(graphs),
    };
    return RUN_SCENARIOS("ledger", table);
}
