/* GET /v1/tasks/{id}/result. */
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
        buf_add_str(&body, view->result);
        reply_json(request, 200, &body);
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
