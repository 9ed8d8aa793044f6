#include "engine/loading.h"

#include "base/mem.h"
#include "engine/engine.h"
#include "executors/builtin.h"

/* --- the lines ------------------------------------------------------------------ */

static void line_join(struct line *line, struct attempt *attempt)
{
    attempt->line = line;
    attempt->after = NULL;
    *line->last = attempt;
    line->last = &attempt->after;
}

static void line_leave(struct attempt *attempt)
{
    struct line *line = attempt->line;
    struct attempt **at = &line->first;
    while (*at != attempt)
        at = &(*at)->after;
    *at = attempt->after;
    if (line->last == &attempt->after)
        line->last = at;
    attempt->line = NULL;
}

/* --- a reader's part ------------------------------------------------------------ */

static bool is_builtin(const struct attempt *attempt)
{
    return attempt->run.function->mode == MODE_BUILTIN;
}

static void refuse(struct attempt *attempt, struct str why)
{
    attempt->input_failure = (struct failure){.code = FAILURE_START_FAILED, .message = why};
}

/* Without room, what is more than INPUTS_FREE is only counted. */
static void query_run(struct query *query, struct db *db)
{
    struct attempt *attempt = container_of(query, struct attempt, query);
    struct inputs *inputs = &attempt->inputs;
    struct outcome refusal;
    if (attempt->stop != STOP_NOT)
        return;
    inputs->no_kwargs = is_builtin(attempt);
    inputs->most = is_builtin(attempt) ? builtin_args_max(&attempt->run) : INPUTS_MAX;
    inputs->keep = attempt->room ? inputs->most : INPUTS_FREE;
    struct str why = inputs_fill(db, attempt->task, inputs);
    if (why.data)
        refuse(attempt, why);
    else if (is_builtin(attempt) && builtin_refuses(&attempt->run, inputs->bytes, &refusal))
        attempt->input_failure = refusal.failure;
    else if (inputs->bytes > INPUTS_MAX)
        refuse(attempt, INPUTS_TOO_LARGE);
    attempt->loaded = inputs->bytes <= inputs->keep;
}

static void query_done(struct query *query, bool failed)
{
    struct attempt *attempt = container_of(query, struct attempt, query);
    if (failed)
        refuse(attempt, STR("its arguments could not be read"));
    attempt->order.kind = ORDER_LOADED;
    supervisor_post(&attempt->engine->supervisor, &attempt->order);
}

static void load(struct attempt *attempt)
{
    attempt->query = (struct query){.run = query_run, .done = query_done};
    readers_post(&attempt->engine->readers, &attempt->query);
}

/* --- the loop's ----------------------------------------------------------------- */

void loading_init(struct loading *loading, int64_t room, uv_async_t *wake)
{
    *loading = (struct loading){.room = room, .wake = wake};
    loading->hungry.last = &loading->hungry.first;
    loading->heavy.last = &loading->heavy.first;
}

static struct loading *loading_of(struct attempt *attempt)
{
    return &attempt->engine->supervisor.loading;
}

static void give_room(struct loading *loading)
{
    struct attempt *first;
    while ((first = loading->hungry.first)) {
        int64_t needs = (int64_t)first->inputs.bytes;
        if (loading->held && loading->held + needs > loading->room)
            return;
        line_leave(first);
        loading->held += needs;
        first->room = first->inputs.bytes;
        load(first);
    }
}

/* True: it is launched now. */
static bool ready(struct attempt *attempt)
{
    struct loading *loading = loading_of(attempt);
    if (attempt->stop != STOP_NOT || attempt->input_failure.message.data ||
        attempt->run.args.len + attempt->run.kwargs.len <= INPUTS_FREE)
        return true;
    line_join(&loading->heavy, attempt);
    uv_async_send(loading->wake);
    return false;
}

bool loading_start(struct attempt *attempt)
{
    if (!attempt->needs_inputs || attempt->stop != STOP_NOT)
        return ready(attempt);
    load(attempt);
    return false;
}

bool loading_done(struct attempt *attempt)
{
    if (attempt->stop != STOP_NOT || attempt->input_failure.message.data)
        return true;
    if (attempt->loaded) {
        attempt->run.args = buf_str(&attempt->inputs.args);
        attempt->run.kwargs = buf_str(&attempt->inputs.kwargs);
        return ready(attempt);
    }
    line_join(&loading_of(attempt)->hungry, attempt);
    give_room(loading_of(attempt));
    return false;
}

struct attempt *loading_next(struct loading *loading)
{
    struct attempt *next = loading->heavy.first;
    if (!next)
        return NULL;
    line_leave(next);
    if (loading->heavy.first)
        uv_async_send(loading->wake);
    return next;
}

bool loading_leave(struct attempt *attempt)
{
    struct loading *loading = loading_of(attempt);
    if (!attempt->line)
        return false;
    line_leave(attempt);
    give_room(loading); /* those behind it may need less */
    return true;
}

void loading_end(struct attempt *attempt)
{
    struct loading *loading = loading_of(attempt);
    inputs_done(&attempt->inputs);
    loading->held -= (int64_t)attempt->room;
    attempt->room = 0;
    give_room(loading);
}
