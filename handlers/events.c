/* GET /v1/events and GET /v1/tasks/{id}/events. */
#include "store/events.h"
#include "base/id.h"
#include "base/mem.h"
#include "handlers/app.h"
#include "handlers/params.h"
#include "handlers/stream.h"
#include "handlers/tickets.h"

/* --- all events ------------------------------------------------------------------------ */

static bool id_fits(struct request *request, const char *name, struct str value)
{
    return id_valid(value) || problem_parameter(&request->problem, &request->arena, str_of(name),
                                                "this has 1 to 64 characters of A-Z a-z 0-9 _ -");
}

static size_t count_query(struct request *request, const char *name)
{
    struct str rest = request->query, value;
    size_t count = 0;
    while (request_query_next(request, name, &rest, &value))
        count++;
    return count;
}

static bool read_list(struct request *request, const char *name, const struct str **list,
                      size_t *count)
{
    bool channel = str_eq(str_of(name), STR("channel"));
    size_t given = count_query(request, name);
    struct str *values = ARENA_ARRAY(&request->arena, struct str, given);
    *list = values;
    struct str rest = request->query, value;
    while (request_query_next(request, name, &rest, &value)) {
        if (!(channel ? channel_fits(request, value) : id_fits(request, name, value)))
            return false;
        value = channel ? ticket_channel(request, value) : value;
        if (!str_listed(value, values, *count))
            values[(*count)++] = value;
    }
    return true;
}

static bool read_types(struct request *request, unsigned *types)
{
    struct str rest = request->query, value;
    while (request_query_next(request, "type", &rest, &value)) {
        enum event_type type;
        if (!event_parse(value, &type))
            return problem_parameter(&request->problem, &request->arena, STR("type"),
                                     "there is no event type of this name");
        *types |= 1u << type;
    }
    return true;
}

void handle_events(struct request *request)
{
    struct subscription subscription = {0};
    struct filter own = {0}, *filter = &own;
    subscription.filter = filter;
    if (param_position(request, &subscription.last_id, &subscription.resume) &&
        read_list(request, "channel", &filter->channels, &filter->channel_count) &&
        read_list(request, "task", &filter->tasks, &filter->task_count) &&
        read_list(request, "function", &filter->functions, &filter->function_count) &&
        read_types(request, &filter->types) && param_switch(request, "logs", &filter->logs) &&
        ticket_narrow(request, filter))
        stream_start(request, &subscription, STREAM_EVENTS);
    else
        reply_problem(request, &request->problem, STR_NONE);
}

/* --- one task's events ------------------------------------------------------------------- */

struct task_stream {
    struct request *request;
    struct query query;
    struct subscription subscription;
    struct filter filter;
    struct str id;
    bool failed, found, over; /* over: it has ended, and there is nothing more to tell */
};

static void query_run(struct query *query, struct db *db)
{
    struct task_stream *stream = container_of(query, struct task_stream, query);
    struct task_row row;
    stream->found = row_by_id(db, stream->id, &row, &stream->request->arena);
    if (!stream->found)
        return;
    struct event_bounds bounds = event_bounds_read(db);
    int64_t last_id = stream->subscription.resume ? stream->subscription.last_id : 0;
    struct stmt *stmt = db_stmt(db, SQL_task_events_after);
    stmt_bind_int(stmt, ":task", row.seq);
    stmt_bind_int(stmt, ":after", event_bounds_miss(&bounds, last_id) ? 0 : last_id);
    stmt_bind_int(stmt, ":limit", 1);
    stream->over = !stmt_step(stmt) && state_terminal(row_state(&row));
    stmt_end(stmt);
    stream->filter.seq = row.seq;
    stream->filter.tasks = &stream->id;
    stream->filter.task_count = 1;
    stream->subscription.filter = &stream->filter;
}

static void query_done(struct query *query, bool failed)
{
    struct task_stream *stream = container_of(query, struct task_stream, query);
    stream->failed = failed;
    request_wake(stream->request);
}

static void looked_up(struct request *request)
{
    struct task_stream *stream = request->state;
    if (stream->failed)
        reply_refuse(request, PROBLEM_INTERNAL, "the database could not be read");
    else if (!stream->found)
        reply_refuse(request, PROBLEM_NOT_FOUND, "there is no task with this id");
    else if (stream->over)
        reply_empty(request, 204); /* stops an EventSource */
    else
        stream_start(request, &stream->subscription, STREAM_EVENTS);
}

void handle_task_events(struct request *request)
{
    struct task_stream *stream = ARENA_NEW(&request->arena, struct task_stream);
    stream->request = request;
    stream->id = request->id;
    if (!param_position(request, &stream->subscription.last_id, &stream->subscription.resume) ||
        !param_switch(request, "logs", &stream->filter.logs) ||
        !ticket_opens(request, stream->id)) {
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    stream->query = (struct query){.run = query_run, .done = query_done};
    request->state = stream;
    request_suspend(request, looked_up);
    readers_post(&app_of(request)->engine->readers, &stream->query);
}
