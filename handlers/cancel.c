/* POST /v1/tasks/{id}/cancel. */
#include "engine/cancel.h"

#include "base/mem.h"
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

/* One member of the body; null counts as absent. */
static bool read_member(struct request *request, uint32_t name, uint32_t value,
                        struct cancel *cancel)
{
    const struct json *json = &request->json;
    enum json_type type = json->nodes[value].type;
    bool switched = type == JSON_TRUE || type == JSON_FALSE || type == JSON_NULL;
    struct buf pointer = {0};
    const char *why = "there is no such field";
    bool fine = false;
    if (json_string_is(json, name, STR("notify")) || json_string_is(json, name, STR("force"))) {
        fine = switched;
        why = "this has to be true or false";
        if (json_string_is(json, name, STR("notify")))
            cancel->silent = type == JSON_FALSE;
    } else if (json_string_is(json, name, STR("subscription"))) {
        fine = type == JSON_STRING || type == JSON_NULL;
        why = "this has to be a string";
        cancel->stranger = type == JSON_STRING;
    }
    buf_add_pointer(&pointer, json_string(json, name, &request->arena));
    if (!fine)
        problem_at(&request->problem, &request->arena, PROBLEM_INVALID_REQUEST, buf_str(&pointer),
                   "%s", why);
    buf_done(&pointer);
    return fine;
}

static bool read_body(struct request *request, struct cancel *cancel)
{
    const struct json *json = &request->json;
    if (!request->has_json)
        return true;
    if (json->nodes[0].type != JSON_OBJECT)
        return problem_at(&request->problem, &request->arena, PROBLEM_INVALID_REQUEST, STR(""),
                          "the body has to be an object");
    for (uint32_t i = 1; i < json->nodes[0].next; i = json->nodes[i + 1].next) {
        struct str name = json_string(json, i, &request->arena);
        struct buf pointer = {0};
        buf_add_pointer(&pointer, name);
        bool twice = json_member(json, 0, name) != i + 1;
        if (twice)
            problem_at(&request->problem, &request->arena, PROBLEM_INVALID_REQUEST,
                       buf_str(&pointer), "this field is given twice");
        buf_done(&pointer);
        if (twice || !read_member(request, i, i + 1, cancel))
            return false;
    }
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
