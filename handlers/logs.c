/* GET /v1/tasks/{id}/logs. */
#include "store/logs.h"

#include "base/mem.h"
#include "handlers/params.h"
#include "handlers/stream.h"

struct log_view {
    struct request *request;
    struct query query;
    struct buf text;
    int64_t task; /* seq; 0: there is none */
    bool follow, failed;
};

static void query_run(struct query *query, struct db *db)
{
    struct log_view *view = container_of(query, struct log_view, query);
    view->task = row_seq_by_id(db, view->request->id);
    if (view->task && !view->follow)
        log_read(db, view->task, &view->text);
}

static void query_done(struct query *query, bool failed)
{
    struct log_view *view = container_of(query, struct log_view, query);
    view->failed = failed;
    request_wake(view->request);
}

static void follow(struct log_view *view)
{
    const struct filter filter = {.tasks = &view->request->id,
                                  .task_count = 1,
                                  .seq = view->task,
                                  .logs = true,
                                  .follow = true};
    struct subscription subscription = {.filter = &filter};
    stream_start(view->request, &subscription, STREAM_LOG);
}

static void read_done(struct request *request)
{
    struct log_view *view = request->state;
    if (view->failed)
        reply_refuse(request, PROBLEM_INTERNAL, "the database could not be read");
    else if (!view->task)
        reply_refuse(request, PROBLEM_NOT_FOUND, "there is no task with this id");
    else if (view->follow)
        follow(view);
    else
        reply_body(request, 200, "text/plain; charset=utf-8", &view->text);
}

static void view_release(void *view)
{
    buf_done(&((struct log_view *)view)->text);
}

void handle_task_logs(struct request *request)
{
    struct log_view *view = ARENA_NEW(&request->arena, struct log_view);
    view->request = request;
    if (!param_switch(request, "follow", &view->follow)) {
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    view->query = (struct query){.run = query_run, .done = query_done};
    request->state = view;
    request_at_end(request, view_release, view);
    request_suspend(request, read_done);
    readers_post(&app_of(request)->engine->readers, &view->query);
}
