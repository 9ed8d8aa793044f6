#include "tests/api/lib/tasks.h"

#include <string.h>

const char *create(struct server *server, const char *body, ...)
{
    va_list arguments;
    va_start(arguments, body);
    const char *whole = vjson(server->scenario, body, arguments);
    va_end(arguments);
    struct reply *reply = call(server, .path = "/v1/tasks", .body = whole);
    if (reply->status != 201)
        fail_at(HERE, "create %s: status %d: %s", whole, reply->status, reply->body.text);
    return json_text(reply, "id");
}

void tasks_expect_joined(const struct reply *reply, const char *id, struct place place)
{
    reply_expect_status(reply, 200, place);
    body_expect_text(&reply->body, "id", id, place);
    body_expect_json(&reply->body, "joined", "true", place);
}

struct reply *task(struct server *server, const char *id)
{
    struct reply *reply = get(server, "/v1/tasks/%s", id);
    expect_status(reply, 200);
    return reply;
}

void await_task(struct server *server, const char *id)
{
    eventually(get(server, "/v1/tasks/%s", id)->status == 200);
}

static bool is_terminal(const char *state)
{
    return !strcmp(state, "succeeded") || !strcmp(state, "failed") || !strcmp(state, "cancelled");
}

struct reply *finished(struct server *server, const char *id)
{
    struct reply *reply = get(server, "/v1/tasks/%s?wait=%d", id, DEADLINE_MS / 1000 - 1);
    expect_status(reply, 200);
    if (!is_terminal(json_text(reply, "state")))
        fail_at(HERE, "%s does not end: %s", id, reply->body.text);
    return reply;
}

struct reply *tasks_expect_outcome(struct server *server, const char *id, const char *state,
                                   struct place place)
{
    struct reply *reply = finished(server, id);
    body_expect_text(&reply->body, "state", state, place);
    return reply;
}

struct reply *tasks_expect_state(struct server *server, const char *id, const char *state,
                                 struct place place)
{
    struct reply *reply = task(server, id);
    body_expect_text(&reply->body, "state", state, place);
    return reply;
}

struct reply *tasks_await_state(struct server *server, const char *id, const char *state,
                                struct place place)
{
    struct patience patience = patience_begin();
    for (;;) {
        struct reply *reply = task(server, id);
        const char *now = json_text(reply, "state");
        if (!strcmp(now, state))
            return reply;
        if (is_terminal(now))
            fail_at(place, "%s is %s and will never be %s: %s", id, now, state, reply->body.text);
        patience_more(&patience, text(server->scenario, "%s is %s", id, state), place);
    }
}

void tasks_await_progress(struct server *server, const char *id, double value, struct place place)
{
    struct patience patience = patience_begin();
    for (;;) {
        struct reply *reply = task(server, id);
        if (json_has(reply, "progress.value") && json_number(reply, "progress.value") >= value)
            return;
        if (is_terminal(json_text(reply, "state")))
            fail_at(place, "%s ended too early: %s", id, reply->body.text);
        patience_more(&patience, text(server->scenario, "progress %g of %s", value, id), place);
    }
}

struct reply *tasks_expect_failure(struct server *server, const char *id, const char *code,
                                   struct place place)
{
    struct reply *reply = tasks_expect_outcome(server, id, "failed", place);
    body_expect_text(&reply->body, "error.code", code, place);
    return reply;
}

void tasks_expect_result(struct server *server, const char *id, const char *want,
                         struct place place)
{
    struct reply *reply = get(server, "/v1/tasks/%s/result?wait=%d", id, DEADLINE_MS / 1000 - 1);
    reply_expect_status(reply, 200, place);
    body_expect_json(&reply->body, "", want, place);
}

struct reply *cancel(struct server *server, const char *id, const char *body)
{
    const char *path = text(server->scenario, "/v1/tasks/%s/cancel", id);
    const char *whole = body ? requote(text(server->scenario, "%s", body)) : NULL;
    return call(server, .method = "POST", .path = path, .body = whole);
}

int count_tasks(struct server *server, const char *query)
{
    struct reply *reply = get(server, "/v1/tasks?limit=1000%s%s", *query ? "&" : "", query);
    expect_status(reply, 200);
    return json_count(reply, "tasks");
}
