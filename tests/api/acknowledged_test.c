/* Section 5.7: an acknowledged task is never lost: kill -9 at any moment, and it will still run. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

enum { CONNECTIONS = 8, ROUNDS = 6 };

/* Clients that each send a create as soon as the last one is answered. */
struct pour {
    struct server *server;
    struct http *connections[CONNECTIONS];
    int in_flight[CONNECTIONS]; /* the number of the task that is asked for; -1: none */
    int sent, acknowledged;
    bool acked[4096];
};

static void send_one(struct pour *pour, int connection, int round)
{
    struct scenario *s = pour->server->scenario;
    int number = pour->sent++;
    const char *body =
        json(s, "{'id':'r%d-%d','function':'echo','args':[%d]}", round, number, number);
    size_t length;
    const char *bytes =
        request_bytes(pour->server, &(struct request){.path = "/v1/tasks", .body = body}, &length);
    pour->in_flight[connection] =
        http_write(pour->connections[connection], bytes, length) ? number : -1;
}

/* False when the connection is dead: then nothing can be said of the task that was asked for. */
static bool take_answer(struct pour *pour, int connection)
{
    if (pour->in_flight[connection] < 0)
        return false;
    struct reply *reply = http_read(pour->connections[connection], false);
    if (!reply)
        return false;
    expect_status(reply, 201);
    pour->acked[pour->in_flight[connection]] = true;
    pour->acknowledged++;
    return true;
}

static void pour_until(struct pour *pour, int round, int enough)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        pour->connections[i] = server_connect(pour->server);
        send_one(pour, i, round);
    }
    for (int i = 0; pour->acknowledged < enough; i = (i + 1) % CONNECTIONS) {
        if (!take_answer(pour, i))
            fail_at(HERE, "a create was not answered");
        send_one(pour, i, round);
    }
}

/* 5.7: kill -9 while creates pour in: what was answered 201 is there after the restart, and runs.
 */
SCENARIO(creates_pour_in)
{
    struct server *server = server_start(s, "%s", "");
    for (int round = 0; round < ROUNDS; round++) {
        struct pour *pour = keep(s, sizeof *pour);
        pour->server = server;
        pour_until(pour, round, 20 + round * 37);
        server_kill9(server);
        for (int i = 0; i < CONNECTIONS; i++)
            take_answer(pour, i);
        server = server_start(s, "%s", "");
        note(s, "round %d: %d sent, %d acknowledged", round, pour->sent, pour->acknowledged);
        for (int i = 0; i < pour->sent; i++) {
            const char *id = text(s, "r%d-%d", round, i);
            if (pour->acked[i] || get(server, "/v1/tasks/%s", id)->status == 200)
                expect_result(server, id, text(s, "%d", i));
        }
    }
}

/* 5.7: the same for the results: what was told as succeeded is so after the crash. */
SCENARIO(told_is_kept)
{
    enum { TASKS = 60 };
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?type=task.succeeded");
    const char *batch = "";
    for (int i = 0; i < TASKS; i++)
        batch =
            json(s, "%s%s{'id':'t%d','function':'echo','args':[%d]}", batch, i ? "," : "", i, i);
    expect_status(post(server, "/v1/tasks", "[%s]", batch), 201);
    const char *told[TASKS / 2];
    for (int i = 0; i < TASKS / 2; i++)
        told[i] = json_text(sse_next(sse), "task");
    server_kill9(server);
    server = server_start(s, "%s", "");
    for (int i = 0; i < TASKS / 2; i++) {
        struct reply *reply = expect_state(server, told[i], "succeeded");
        expect_number(reply, "attempt", 1);
    }
    for (int i = 0; i < TASKS; i++)
        expect_result(server, text(s, "t%d", i), text(s, "%d", i));
}

/* 3.1 and 5.7: a batch is there as a whole or not at all. */
SCENARIO(batches_are_whole)
{
    enum { EACH = 25 };
    struct server *server = server_start(s, "%s", "");
    for (int round = 0; round < 4; round++) {
        struct http *clients[CONNECTIONS];
        for (int i = 0; i < CONNECTIONS; i++) {
            const char *batch = "";
            for (int j = 0; j < EACH; j++)
                batch = json(s, "%s%s{'id':'r%d-%d-%d','function':'echo','delay':3600}", batch,
                             j ? "," : "", round, i, j);
            const char *body = text(s, "[%s]", batch);
            size_t length;
            const char *bytes = request_bytes(
                server, &(struct request){.path = "/v1/tasks", .body = body}, &length);
            clients[i] = server_connect(server);
            http_write(clients[i], bytes, length);
        }
        struct reply *first = http_read(clients[round], false);
        assert_non_null(first);
        expect_status(first, 201);
        server_kill9(server);
        server = server_start(s, "%s", "");
        for (int i = 0; i < CONNECTIONS; i++) {
            note(s, "round %d, batch %d", round, i);
            int there = 0;
            for (int j = 0; j < EACH; j++)
                there += get(server, "/v1/tasks/r%d-%d-%d", round, i, j)->status == 200;
            assert_true(there == EACH || (there == 0 && i != round));
        }
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(creates_pour_in),
        RUN(told_is_kept),
        RUN(batches_are_whole),
    };
    return RUN_SCENARIOS("acknowledged", table);
}
