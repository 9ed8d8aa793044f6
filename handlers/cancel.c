/* POST /v1/tasks/{id}/cancel. */
#include "engine/cancel.h"

#include "base/mem.h"
#include "handlers/body.h"
#include "handlers/view.h"

struct cancellation {
    struct request *request;
    struct cancel cancel;
};

static void cancel_done(struct command *command)
{
    struct cancel *cancel = container_of(command, struct cancel, command);
    request_wake(container_of(cancel, struct cancellation, cancel)->request);
}

static void reply_cancelled(struct view *view)
{
    const struct cancellation *cancellation = view->context;
    const struct cancel *cancel = &cancellation->cancel;
    bool dying = cancel->cancelled && !state_terminal(row_state(&view->row));
    struct buf body = {0};
    view_render(view, cancel->cancelled ? STR(",\"cancelled\":true") : STR(",\"cancelled\":false"),
                &body);
    reply_json(view->request, dying ? 202 : 200, &body);
}

static void cancelled(struct request *request)
{
    struct cancellation *cancellation = request->state;
    if (cancellation->cancel.command.problem.code != PROBLEM_NONE) {
        reply_problem(request, &cancellation->cancel.command.problem, STR_NONE);
        return;
    }
    struct view *view = view_new(request, reply_cancelled);
    view->context = cancellation;
    view_start(view);
}

static bool read_body(struct request *request, struct cancel *cancel)
{
    bool notify = true;
    if (!request->has_json)
        return true;
    if (!body_members(request, "notify force subscription") ||
        !body_flag(request, "notify", &notify) || !body_flag(request, "force", &cancel->force) ||
        !body_text(request, "subscription", &cancel->subscription))
        return false;
    cancel->silent = !notify;
    return true;
}

void handle_task_cancel(struct request *request)
{
    struct cancellation *cancellation = ARENA_NEW(&request->arena, struct cancellation);
    struct cancel *cancel = &cancellation->cancel;
    cancellation->request = request;
    cancel->command.arena = &request->arena;
    cancel->id = request->id;
    if (!read_body(request, cancel)) {
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    request->state = cancellation;
    request_suspend(request, cancelled);
    cancel_post(app_of(request)->engine, cancel, cancel_done);
}
