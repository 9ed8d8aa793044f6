/* POST /v1/tasks/cancel: the filters of the list, as JSON. First the tasks are looked up, on a
 * reader thread; then they are cancelled, slice by slice. */
#include "base/clock.h"
#include "base/mem.h"
#include "engine/cancel.h"
#include "handlers/app.h"
#include "handlers/body.h"
#include "store/list.h"

struct many {
    struct request *request;
    struct list_filter filter;
    struct query query;
    bool failed;
    int64_t *seqs; /* heap */
    size_t count, capacity;
    struct cancel_many cancel;
};

static bool add_task(void *arg, const struct task_row *row)
{
    struct many *many = arg;
    if (many->count == many->capacity) {
        many->capacity = many->capacity ? many->capacity * 2 : 64;
        many->seqs = mem_resize(many->seqs, many->capacity * sizeof(*many->seqs));
    }
    many->seqs[many->count++] = row->seq;
    return true;
}

static void query_run(struct query *query, struct db *db)
{
    struct many *many = container_of(query, struct many, query);
    do {
        list_tasks(db, &many->filter, add_task, many, &many->filter.before);
    } while (many->filter.before);
}

static void query_done(struct query *query, bool failed)
{
    struct many *many = container_of(query, struct many, query);
    many->failed = failed;
    request_wake(many->request);
}

static void cancel_done(struct cancel_many *cancel)
{
    request_wake(container_of(cancel, struct many, cancel)->request);
}

static void cancelled(struct request *request)
{
    struct many *many = request->state;
    struct buf body = {0};
    if (many->cancel.command.problem.code != PROBLEM_NONE) {
        reply_problem(request, &many->cancel.command.problem, STR_NONE);
        return;
    }
    buf_addf(&body, "{\"cancelled\":%zu}\n", many->cancel.cancelled);
    reply_json(request, 202, &body);
}

static void looked_up(struct request *request)
{
    struct many *many = request->state;
    if (many->failed) {
        reply_refuse(request, PROBLEM_INTERNAL, "the database could not be read");
        return;
    }
    many->cancel = (struct cancel_many){.command.arena = &request->arena,
                                        .seqs = many->seqs,
                                        .count = many->count,
                                        .done = cancel_done};
    request_suspend(request, cancelled);
    cancel_many_post(app_of(request)->engine, &many->cancel);
}

static void many_release(void *many)
{
    mem_free(((struct many *)many)->seqs);
}

/* --- the filter -------------------------------------------------------------------------- */

static bool add_state(struct request *request, uint32_t node, unsigned *states)
{
    enum task_state state;
    if (request->json.nodes[node].type != JSON_STRING ||
        !state_parse(json_string(&request->json, node, &request->arena), &state))
        return body_refuse(request, "state", "this has to be a state, or an array of states");
    *states |= 1u << state;
    return true;
}

/* Untouched if absent; an empty list is none of them. */
static bool read_states(struct request *request, unsigned *states)
{
    const struct json *json = &request->json;
    uint32_t node = json_member(json, 0, STR("state"));
    if (!node || json->nodes[node].type == JSON_NULL)
        return true;
    *states = 0;
    if (json->nodes[node].type != JSON_ARRAY)
        return add_state(request, node, states);
    for (uint32_t i = node + 1; i < json->nodes[node].next; i = json->nodes[i].next) {
        if (!add_state(request, i, states))
            return false;
    }
    return true;
}

static bool read_time(struct request *request, const char *name, int64_t *ms)
{
    struct str text = STR_NONE;
    if (!body_text(request, name, &text))
        return false;
    return !text.data || clock_parse(text, ms) ||
           body_refuse(request, name, "this has to be an RFC 3339 time");
}

static bool read_filter(struct request *request, struct list_filter *filter)
{
    unsigned live = 0;
    for (int state = 0; state < STATE_COUNT; state++)
        live |= state_terminal((enum task_state)state) ? 0 : 1u << state;
    unsigned states = live;
    *filter = (struct list_filter){
        .created_after = LIST_OPEN_AFTER, .created_before = LIST_OPEN_BEFORE, .limit = 1000};
    if (!body_members(request, "state kind function channel created_after created_before") ||
        !read_states(request, &states) || !body_text(request, "kind", &filter->kind) ||
        !body_text(request, "function", &filter->function) ||
        !body_text(request, "channel", &filter->channel) ||
        !read_time(request, "created_after", &filter->created_after) ||
        !read_time(request, "created_before", &filter->created_before))
        return false;
    if (filter->kind.data && !str_eq(filter->kind, STR("task")) &&
        !str_eq(filter->kind, STR("meta")))
        return body_refuse(request, "kind", "this has to be task or meta");
    filter->states = states & live;
    return true;
}

void handle_cancel_many(struct request *request)
{
    struct many *many = ARENA_NEW(&request->arena, struct many);
    struct buf body = {0};
    many->request = request;
    if (!read_filter(request, &many->filter)) {
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    if (!many->filter.states) { /* no state, or only such in which nothing is left to cancel */
        buf_add_text(&body, "{\"cancelled\":0}\n");
        reply_json(request, 202, &body);
        return;
    }
    many->query = (struct query){.run = query_run, .done = query_done};
    request->state = many;
    request_at_end(request, many_release, many);
    request_suspend(request, looked_up);
    readers_post(&app_of(request)->engine->readers, &many->query);
}
