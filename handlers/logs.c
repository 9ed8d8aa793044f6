/* GET /v1/tasks/{id}/logs. */
#include "store/logs.h"

#include "base/mem.h"
#include "handlers/app.h"

struct log_view {
    struct request *request;
    struct query query;
    struct buf text;
    bool failed, found;
};

static void query_run(struct query *query, struct db *db)
{
    struct log_view *view = container_of(query, struct log_view, query);
    int64_t seq = row_seq_by_id(db, view->request->id);
    view->found = seq != 0;
    if (seq)
        log_read(db, seq, &view->text);
}

static void query_done(struct query *query, bool failed)
{
    struct log_view *view = container_of(query, struct log_view, query);
    view->failed = failed;
    request_wake(view->request);
}

static void read_done(struct request *request)
{
    struct log_view *view = request->state;
    if (view->failed)
        reply_refuse(request, PROBLEM_INTERNAL, "the database could not be read");
    else if (!view->found)
        reply_refuse(request, PROBLEM_NOT_FOUND, "there is no task with this id");
    else
        reply_body(request, 200, "text/plain; charset=utf-8", &view->text);
    buf_done(&view->text);
}

void handle_task_logs(struct request *request)
{
    struct log_view *view = ARENA_NEW(&request->arena, struct log_view);
    view->request = request;
    view->query = (struct query){.run = query_run, .done = query_done};
    request->state = view;
    request_suspend(request, read_done);
    readers_post(&app_of(request)->engine->readers, &view->query);
}
