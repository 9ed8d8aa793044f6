/* DELETE /v1/tasks/{id}. */
#include "base/mem.h"
#include "engine/remove.h"
#include "handlers/app.h"

struct deletion {
    struct request *request;
    struct removal removal;
};

static void remove_done(struct command *command)
{
    struct removal *removal = container_of(command, struct removal, command);
    request_wake(container_of(removal, struct deletion, removal)->request);
}

static void deleted(struct request *request)
{
    const struct deletion *deletion = request->state;
    if (deletion->removal.command.problem.code != PROBLEM_NONE)
        reply_problem(request, &deletion->removal.command.problem, STR_NONE);
    else
        reply_empty(request, 204);
}

void handle_task_delete(struct request *request)
{
    struct deletion *deletion = ARENA_NEW(&request->arena, struct deletion);
    deletion->request = request;
    deletion->removal.command.arena = &request->arena;
    deletion->removal.id = request->id;
    request->state = deletion;
    request_suspend(request, deleted);
    remove_post(app_of(request)->engine, &deletion->removal, remove_done);
}
