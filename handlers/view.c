#include "handlers/view.h"

#include "base/mem.h"

static void look(struct view *view);

static bool asked_by_get(const struct request *request)
{
    return str_eq(request->method, STR("GET")) || str_eq(request->method, STR("HEAD"));
}

/* What was done has to be said, also where answers that others do not take fill the memory: then
 * without what is large, which can be had by a GET. Here it is counted once, and again as a part of
 * the answer: while that is sent there are two of it. */
static void leave_out(struct view *view, struct db *db)
{
    struct task_sizes sizes = task_sizes_read(db, view->row.seq);
    bool result = view->want_result && !view->row.result_gone;
    view->payload_left_out = !request_try_hold(view->request, (size_t)sizes.sent);
    if (result && sizes.result)
        view->result_left_out = !request_try_hold(view->request, (size_t)sizes.result);
}

static void query_run(struct query *query, struct db *db)
{
    struct view *view = container_of(query, struct view, query);
    struct arena *arena = &view->request->bulk;
    view->found = row_by_id(db, view->id, &view->row, &view->request->arena);
    if (!view->found)
        return;
    if (view->wait_ms && !state_terminal(row_state(&view->row)))
        return; /* it is read when the wait is over, and does not fill memory until then */
    if (!asked_by_get(view->request))
        leave_out(view, db);
    if (!view->payload_left_out)
        payload_read(db, view->row.seq, &view->payload, arena);
    if (!view->payload_left_out && row_has_dependencies(&view->row))
        view->dependency_count = dependencies_read(db, view->row.seq, &view->dependencies, arena);
    if (view->want_result && !view->row.result_gone && !view->result_left_out)
        view->result = result_read(db, view->row.seq, arena);
}

static void query_done(struct query *query, bool failed)
{
    struct view *view = container_of(query, struct view, query);
    view->failed = failed;
    request_wake(view->request);
}

static void waiter_done(struct waiter *waiter)
{
    request_wake(container_of(waiter, struct view, waiter)->request);
}

static struct view *view_of(struct request *request)
{
    return request->state;
}

static void waited(struct request *request)
{
    view_of(request)->wait_ms = 0;
    look(view_of(request));
}

static void taken(struct request *request)
{
    struct view *view = view_of(request);
    view->result = view->take.result;
    request->taken_from = true;
    if (view->take.command.problem.code == PROBLEM_NONE)
        view->ready(view);
    else
        reply_problem(request, &view->take.command.problem, STR_NONE);
}

static void take_done(struct command *command)
{
    struct take *take = container_of(command, struct take, command);
    request_wake(container_of(take, struct view, take)->request);
}

/* Only one reader gets it: the writer says who. */
static void take(struct view *view)
{
    view->take.command.arena = &view->request->arena;
    view->take.task = view->row.seq;
    request_suspend(view->request, taken);
    take_post(app_of(view->request)->engine, &view->take, take_done);
}

static bool takes(const struct view *view)
{
    return view->result.data && str_eq(view->row.result_access, STR("once")) &&
           !str_eq(view->request->method, STR("HEAD"));
}

static void seen(struct request *request)
{
    struct view *view = view_of(request);
    if (view->failed) {
        reply_refuse(request, PROBLEM_INTERNAL, "the database could not be read");
    } else if (!view->found && view->missing) {
        view->missing(view);
    } else if (!view->found) {
        reply_refuse(request, PROBLEM_NOT_FOUND, "there is no task with this id");
    } else if (takes(view)) {
        take(view);
    } else if (view->wait_ms && !state_terminal(row_state(&view->row))) {
        view->waiter.task = view->row.seq;
        view->waiter.wait_ms = view->wait_ms;
        view->waiter.done = waiter_done;
        request_suspend(request, waited);
        hub_wait(app_of(request)->hub, &view->waiter);
    } else {
        view->ready(view);
    }
}

static void look(struct view *view)
{
    view->query = (struct query){.run = query_run, .done = query_done};
    request_suspend(view->request, seen);
    readers_post(&app_of(view->request)->engine->readers, &view->query);
}

struct view *view_new(struct request *request, void (*ready)(struct view *view))
{
    struct view *view = ARENA_NEW(&request->arena, struct view);
    view->request = request;
    view->id = request->id;
    view->ready = ready;
    return view;
}

void view_start(struct view *view)
{
    view->request->state = view;
    look(view);
}

void view_render(const struct view *view, struct str extra, struct buf *out)
{
    const struct task_json task = {.row = &view->row,
                                   .payload = view->payload_left_out ? NULL : &view->payload,
                                   .result_left_out = view->result_left_out,
                                   .dependencies = view->dependencies,
                                   .dependency_count = view->dependency_count,
                                   .retain = app_of(view->request)->engine->config.retain,
                                   .extra = extra};
    task_json_render(&task, out);
    buf_add_char(out, '\n');
}

struct str view_add_etag(const struct view *view)
{
    struct request *request = view->request;
    int64_t version = task_json_version(&view->row, view->dependencies, view->dependency_count);
    struct str etag = arena_printf(&request->arena, "\"%lld\"", (long long)version);
    request_add_header(request, "ETag", etag);
    return etag;
}
