/* GET and PUT /v1/tasks/{id}/result. */
#include "base/mem.h"
#include "engine/take.h"
#include "handlers/params.h"
#include "handlers/view.h"

static void reply_ended_badly(struct view *view, bool cancelled)
{
    struct request *request = view->request;
    struct buf extra = {0};
    struct problem problem;
    buf_add_text(&extra, ",\"error\":");
    buf_add_str(&extra, view->row.error.data ? view->row.error : STR("null"));
    problem_set(&problem, &request->arena, cancelled ? PROBLEM_TASK_CANCELLED : PROBLEM_TASK_FAILED,
                "there is no result: the task %s", cancelled ? "was cancelled" : "failed");
    reply_problem(request, &problem, buf_str(&extra));
    buf_done(&extra);
}

static void reply_result(struct view *view)
{
    struct request *request = view->request;
    struct buf body = {0};
    switch (row_state(&view->row)) {
    case STATE_SUCCEEDED:
        if (!view->result.data) {
            reply_refuse(request, PROBLEM_RESULT_GONE, "the result was %s",
                         str_eq(view->row.result_access, STR("once")) ? "read once already"
                                                                      : "dropped, as asked for");
            break;
        }
        reply_arena(request, 200, "application/json", view->result);
        break;
    case STATE_FAILED:
        reply_ended_badly(view, false);
        break;
    case STATE_CANCELLED:
        reply_ended_badly(view, true);
        break;
    default:
        request_add_header(request, "Retry-After", STR("1"));
        view_render(view, STR_NONE, &body);
        reply_json(request, 202, &body);
        break;
    }
}

void handle_task_result(struct request *request)
{
    struct view *view = view_new(request, reply_result);
    view->want_result = true;
    if (param_wait(request, &view->wait_ms))
        view_start(view);
    else
        reply_problem(request, &request->problem, STR_NONE);
}

/* --- from outside ------------------------------------------------------------------------ */

struct supplying {
    struct request *request;
    struct supply supply;
};

static void supply_done(struct command *command)
{
    struct supply *supply = container_of(command, struct supply, command);
    request_wake(container_of(supply, struct supplying, supply)->request);
}

static void reply_supplied(struct view *view)
{
    struct buf body = {0};
    view_render(view, STR_NONE, &body);
    view_add_etag(view);
    reply_json(view->request, 200, &body);
}

static void supplied(struct request *request)
{
    const struct supplying *supplying = request->state;
    if (supplying->supply.command.problem.code != PROBLEM_NONE)
        reply_problem(request, &supplying->supply.command.problem, STR_NONE);
    else
        view_start(view_new(request, reply_supplied));
}

void handle_task_supply(struct request *request)
{
    struct supplying *supplying = ARENA_NEW(&request->arena, struct supplying);
    struct supply *supply = &supplying->supply;
    supplying->request = request;
    supply->command.arena = &request->arena;
    supply->id = request->id;
    supply->result = buf_str(&request->body);
    request->state = supplying;
    request_suspend(request, supplied);
    supply_post(app_of(request)->engine, supply, supply_done);
}
