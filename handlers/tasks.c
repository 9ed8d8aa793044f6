/* POST /v1/tasks and GET /v1/tasks/{id}. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "engine/create.h"
#include "handlers/params.h"
#include "handlers/prefer.h"
#include "handlers/submission.h"
#include "handlers/view.h"

/* Longest Idempotency-Key, in bytes. */
enum { IDEMPOTENCY_KEY_MAX = 255 };

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

/* The dependencies of a task that was made by this create. */
static struct dependency_row *new_dependencies(const struct create *create, size_t index)
{
    const struct spec *spec = &create->plan.specs[index];
    const struct placed *placed = &create->place.tasks[index];
    struct dependency_row *rows =
        ARENA_ARRAY(create->command.arena, struct dependency_row, spec->dependency_count);
    for (size_t k = 0; k < spec->dependency_count; k++) {
        const struct dependency *dependency = &spec->dependencies[k];
        const struct placed_dependency *found = &placed->dependencies[k];
        const struct task_row *inside =
            dependency->spec >= 0 ? &place_of(&create->place, (size_t)dependency->spec)->row : NULL;
        rows[k] = (struct dependency_row){.id = inside ? inside->id : dependency->id,
                                          .state = inside ? inside->state : found->state,
                                          .at = dependency->at,
                                          .version = inside ? inside->version : found->version};
    }
    return rows;
}

/* One that shares another task is shown as that one. */
static void render_created(struct create *create, size_t index, struct buf *out)
{
    const struct placed *placed = &create->place.tasks[index];
    size_t stands = plan_stands_for(&create->plan, index);
    const struct spec *spec = &create->plan.specs[stands];
    struct payload payload = {spec->args, spec->kwargs, spec->metadata};
    struct task_json task = {
        .row = &placed->row, .payload = &payload, .retain = create->engine->config.retain};
    struct buf extra = {0};
    if (create->place.tasks[stands].how == PLACE_NEW) {
        task.dependencies = new_dependencies(create, stands);
        task.dependency_count = spec->dependency_count;
    } else {
        const struct shown *shown = &create->shown[stands];
        bool fits =
            request_try_hold(container_of(create, struct creation, create)->request, shown->bytes);
        task.payload = fits ? &shown->payload : NULL;
        task.dependencies = shown->dependencies;
        task.dependency_count = shown->dependency_count;
    }
    if (placed->how != PLACE_NEW)
        buf_add_text(&extra, ",\"joined\":true");
    if (placed->subscription.data)
        buf_addf(&extra, ",\"subscription\":\"%.*s\"", STR_ARG(placed->subscription));
    task.extra = buf_str(&extra);
    task_json_render(&task, out);
    buf_done(&extra);
}

static void render_roots(struct create *create, struct buf *out)
{
    const struct plan *plan = &create->plan;
    bool minimal = create->ids_only;
    if (plan->batch)
        buf_add_text(out, minimal ? "{\"ids\":[" : "{\"tasks\":[");
    for (size_t i = 0; i < plan->root_count; i++) {
        if (i)
            buf_add_char(out, ',');
        if (minimal)
            buf_addf(out, plan->batch ? "\"%.*s\"" : "{\"id\":\"%.*s\"}",
                     STR_ARG(create->place.tasks[plan->roots[i]].row.id));
        else
            render_created(create, plan->roots[i], out);
    }
    buf_add_text(out, plan->batch ? "]}\n" : "\n");
}

static void make_answer(struct create *create, struct create_answer *answer)
{
    const struct plan *plan = &create->plan;
    const struct placed *first = &create->place.tasks[plan->roots[0]];
    struct buf body = {0};
    render_roots(create, &body);
    *answer = (struct create_answer){.status = plan->batch || first->how == PLACE_NEW ? 201 : 200,
                                     .task = plan->batch ? STR_NONE : first->row.id,
                                     .body = arena_str(create->command.arena, buf_str(&body))};
    buf_done(&body);
}

static void reply_created(struct view *view)
{
    struct creation *creation = view->context;
    const struct create_answer *answer = &creation->create.answered;
    struct buf body = {0};
    buf_add_str(&body, answer->body);
    reply_json(creation->request, (unsigned)answer->status, &body);
}

/* The task as it is when the wait is over, with what the first answer says beside it. */
static void reply_waited(struct view *view)
{
    struct creation *creation = view->context;
    const struct create *create = &creation->create;
    struct buf body = {0}, extra = {0};
    if (creation->prefer.minimal) {
        reply_created(view);
        return;
    }
    if (!create->replayed && create->answered.status == 200)
        buf_add_text(&extra, ",\"joined\":true");
    if (!create->replayed && create->place.tasks[create->plan.roots[0]].subscription.data)
        buf_addf(&extra, ",\"subscription\":\"%.*s\"",
                 STR_ARG(create->place.tasks[create->plan.roots[0]].subscription));
    if (view->result.data)
        buf_addf(&extra, ",\"result\":%.*s", STR_ARG(view->result));
    view_render(view, buf_str(&extra), &body);
    buf_done(&extra);
    view_add_etag(view);
    reply_json(view->request, (unsigned)create->answered.status, &body);
}

static void created(struct request *request)
{
    struct creation *creation = request->state;
    struct create *create = &creation->create;
    if (create->command.problem.code == PROBLEM_NONE && !create->answered.body.data)
        make_answer(create, &create->answered);
    if (create->command.problem.code != PROBLEM_NONE) {
        reply_problem(request, &create->command.problem, STR_NONE);
        return;
    }
    struct str id = create->answered.task;
    struct view *view = view_new(request, reply_waited);
    view->context = creation;
    view->id = id;
    view->wait_ms = creation->wait_ms;
    view->want_result = !creation->prefer.minimal; /* what is not shown is not taken */
    view->missing = reply_created;                 /* replayed, and deleted since */
    if (id.data)
        request_add_header(request, "Location",
                           arena_printf(&request->arena, "/v1/tasks/%.*s", STR_ARG(id)));
    if (create->replayed)
        request_add_header(request, "Idempotency-Replayed", STR("true"));
    if (creation->wait_ms && id.data)
        view_start(view);
    else
        reply_created(view);
}

static void functions_release(void *functions)
{
    function_set_unref(functions);
}

static bool read_wait(struct request *request, struct creation *creation)
{
    if (!prefer_read(request, &creation->prefer))
        return false;
    creation->wait_ms = creation->prefer.has_wait ? creation->prefer.wait_ms : 0;
    if (!param_wait(request, &creation->wait_ms))
        return false;
    bool asked = creation->prefer.has_wait || request_query(request, "wait", 0).data;
    if (request->json.nodes[0].type == JSON_ARRAY && asked)
        return problem_parameter(&request->problem, &request->arena, STR("wait"),
                                 "an array cannot be waited for");
    return true;
}

static bool read_key(struct request *request, struct create *create)
{
    struct str key = request_header(request, "Idempotency-Key");
    char hash[SHA256_HEX + 1];
    if (!key.data)
        return true;
    if (key.len < 1 || key.len > IDEMPOTENCY_KEY_MAX)
        return problem_parameter(&request->problem, &request->arena, STR("Idempotency-Key"),
                                 "this has 1 to 255 bytes");
    sha256_hex(buf_str(&request->body), hash);
    create->key = arena_str(&request->arena, key);
    create->body_hash = arena_str(&request->arena, str_of(hash));
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
    request_at_end(request, functions_release, create->functions);
    create->answer = make_answer;
    bool fine = read_wait(request, creation) && read_key(request, create);
    create->ids_only = creation->prefer.minimal;
    bool planned = fine && plan_parse(&request->json, create->functions,
                                      authority_grant(request, SCOPE_SUBMIT), clock_now(),
                                      &request->arena, &create->plan, &create->refused);
    fine = fine && (planned ? submission_allowed(request, &create->plan)
                            : submission_refused(request, &create->refused));
    if (fine && !create->key.data)
        request->problem = create->refused;
    if (!fine || (!planned && !create->key.data)) {
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    request->state = creation;
    request_suspend(request, created);
    create_post(engine, create, create_done);
}

/* --- get ---------------------------------------------------------------------------- */

static void reply_task(struct view *view)
{
    struct request *request = view->request;
    if (etag_known(request, view_add_etag(view))) {
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
