/* POST /v1/tasks and GET /v1/tasks/{id}. */
#include "base/clock.h"
#include "base/mem.h"
#include "engine/create.h"
#include "handlers/params.h"
#include "handlers/view.h"

/* --- create ----------------------------------------------------------------------- */

struct creation {
    struct request *request;
    struct create create;
    struct preferences prefer;
    int64_t wait_ms;
};

static void create_done(struct command *command)
{
    struct create *create = container_of(command, struct create, command);
    request_wake(container_of(create, struct creation, create)->request);
}

static void render_created(const struct creation *creation, size_t index, struct buf *out)
{
    const struct create *create = &creation->create;
    const struct spec *spec = &create->plan.specs[index];
    struct dependency_row *rows =
        ARENA_ARRAY(&creation->request->arena, struct dependency_row, spec->dependency_count);
    for (size_t k = 0; k < spec->dependency_count; k++) {
        const struct dependency *dependency = &spec->dependencies[k];
        const struct task_row *inside =
            dependency->spec >= 0 ? &create->rows[dependency->spec] : NULL;
        rows[k] = (struct dependency_row){.id = inside ? inside->id : dependency->id,
                                          .state = inside ? inside->state
                                                          : create->outside_states[index][k],
                                          .at = dependency->at};
    }
    const struct payload payload = {spec->args, spec->kwargs, spec->metadata};
    const struct task_json task = {.row = &create->rows[index],
                                   .payload = &payload,
                                   .dependencies = rows,
                                   .dependency_count = spec->dependency_count,
                                   .retain = create->engine->config.retain};
    task_json_render(&task, out);
}

static void reply_batch(struct creation *creation)
{
    const struct plan *plan = &creation->create.plan;
    struct buf body = {0};
    buf_add_text(&body, creation->prefer.minimal ? "{\"ids\":[" : "{\"tasks\":[");
    for (size_t i = 0; i < plan->root_count; i++) {
        if (i)
            buf_add_char(&body, ',');
        if (creation->prefer.minimal)
            buf_addf(&body, "\"%.*s\"", STR_ARG(plan->specs[plan->roots[i]].id));
        else
            render_created(creation, plan->roots[i], &body);
    }
    buf_add_text(&body, "]}\n");
    reply_json(creation->request, 201, &body);
}

static void reply_one(struct creation *creation)
{
    const struct plan *plan = &creation->create.plan;
    struct buf body = {0};
    if (creation->prefer.minimal)
        buf_addf(&body, "{\"id\":\"%.*s\"}", STR_ARG(plan->specs[plan->roots[0]].id));
    else
        render_created(creation, plan->roots[0], &body);
    buf_add_char(&body, '\n');
    reply_json(creation->request, 201, &body);
}

static void reply_waited(struct view *view)
{
    struct buf body = {0}, extra = {0};
    if (view->result.data)
        buf_addf(&extra, ",\"result\":%.*s", STR_ARG(view->result));
    view_render(view, buf_str(&extra), &body);
    buf_done(&extra);
    view_add_etag(view);
    reply_json(view->request, 201, &body);
}

static void created(struct request *request)
{
    struct creation *creation = request->state;
    const struct plan *plan = &creation->create.plan;
    function_set_unref(creation->create.functions);
    if (creation->create.command.problem.code != PROBLEM_NONE) {
        reply_problem(request, &creation->create.command.problem, STR_NONE);
        return;
    }
    if (plan->batch) {
        reply_batch(creation);
        return;
    }
    struct str id = plan->specs[plan->roots[0]].id;
    request_add_header(request, "Location",
                       arena_printf(&request->arena, "/v1/tasks/%.*s", STR_ARG(id)));
    if (!creation->wait_ms || creation->prefer.minimal) {
        reply_one(creation);
        return;
    }
    struct view *view = view_new(request, reply_waited);
    view->id = id;
    view->wait_ms = creation->wait_ms;
    view->want_result = true;
    view_start(view);
}

static bool read_wait(struct request *request, struct creation *creation)
{
    prefer_read(request, &creation->prefer);
    creation->wait_ms = creation->prefer.has_wait ? creation->prefer.wait_ms : 0;
    if (!param_wait(request, &creation->wait_ms))
        return false;
    bool asked = creation->prefer.has_wait || request_query(request, "wait", 0).data;
    if (request->json.nodes[0].type == JSON_ARRAY && asked)
        return problem_parameter(&request->problem, &request->arena, STR("wait"),
                                 "an array cannot be waited for");
    return true;
}

void handle_task_create(struct request *request)
{
    struct engine *engine = app_of(request)->engine;
    struct creation *creation = ARENA_NEW(&request->arena, struct creation);
    struct create *create = &creation->create;
    creation->request = request;
    create->command.arena = &request->arena;
    create->functions = engine_functions(engine);
    if (!read_wait(request, creation) ||
        !plan_parse(&request->json, create->functions, clock_now(), &request->arena, &create->plan,
                    &request->problem)) {
        function_set_unref(create->functions);
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    request->state = creation;
    request_suspend(request, created);
    create_post(engine, create, create_done);
}

/* --- get ---------------------------------------------------------------------------- */

/* If-None-Match (RFC 9110, section 13.1.2): weak comparison. */
static bool none_match(struct str header, struct str etag)
{
    while (header.data) {
        struct str tag = str_trim(str_cut(&header, ','));
        if (str_starts(tag, STR("W/")))
            tag = (struct str){tag.data + 2, tag.len - 2};
        if (str_eq(tag, etag) || str_eq(tag, STR("*")))
            return false;
    }
    return true;
}

static void reply_task(struct view *view)
{
    struct request *request = view->request;
    struct str etag = arena_printf(&request->arena, "\"%lld\"", (long long)view->row.version);
    view_add_etag(view);
    if (!none_match(request_header(request, "If-None-Match"), etag)) {
        reply_empty(request, 304);
        return;
    }
    struct buf body = {0};
    view_render(view, STR_NONE, &body);
    reply_json(request, 200, &body);
}

void handle_task_get(struct request *request)
{
    struct view *view = view_new(request, reply_task);
    if (param_wait(request, &view->wait_ms))
        view_start(view);
    else
        reply_problem(request, &request->problem, STR_NONE);
}
