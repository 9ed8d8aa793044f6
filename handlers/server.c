/* What there is to know of the server itself: functions, statistics, health, dashboard. */
#include "base/json.h"
#include "handlers/app.h"

#include <stdatomic.h>
#include <string.h>

static void add_limit(struct buf *body, const char *name, double value)
{
    buf_add_text(body, name);
    if (value > 0)
        buf_add_double(body, value);
    else
        buf_add_text(body, "null");
}

static void add_workers(struct buf *body, struct app *app, const struct function *function)
{
    int64_t alive, idle;
    if (function->mode != MODE_WORKER) {
        buf_add_text(body, "null");
        return;
    }
    workers_count(&app->engine->supervisor.workers, function->file, &alive, &idle);
    buf_addf(body, "{\"alive\":%lld,\"idle\":%lld}", (long long)alive, (long long)idle);
}

static void add_function(struct buf *body, struct app *app, const struct function *function)
{
    int64_t queued, running;
    tally_function_counts(&app->engine->tally, function->name, &queued, &running);
    buf_addf(body, "{\"name\":\"%.*s\",\"mode\":\"%s\",\"description\":", STR_ARG(function->name),
             mode_text(function->mode));
    if (function->description.data)
        buf_add_json(body, function->description);
    else
        buf_add_text(body, "null");
    add_limit(body, ",\"timeout\":", (double)function->timeout / 1000);
    add_limit(body, ",\"concurrency\":", (double)function->concurrency);
    add_limit(body, ",\"max_attempts\":", (double)function->max_attempts);
    buf_addf(body, ",\"queued\":%lld,\"running\":%lld,\"workers\":", (long long)queued,
             (long long)running);
    add_workers(body, app, function);
    buf_add_text(body, ",\"last_error\":");
    last_error_render(&app->engine->last_errors, function->name, body);
    buf_add_char(body, '}');
}

void handle_functions(struct request *request)
{
    struct app *app = app_of(request);
    struct function_set *set = engine_functions(app->engine);
    struct buf body = {0};
    buf_add_text(&body, "{\"functions\":[");
    for (size_t i = 0; i < set->count; i++) {
        if (i)
            buf_add_char(&body, ',');
        add_function(&body, app, &set->items[i]);
    }
    buf_add_text(&body, "]}\n");
    function_set_unref(set);
    reply_json(request, 200, &body);
}

void handle_stats(struct request *request)
{
    struct app *app = app_of(request);
    struct engine *engine = app->engine;
    int64_t states[STATE_COUNT], live = 0;
    struct buf body = {0};
    tally_states(&engine->tally, states);
    for (int i = 0; i < STATE_COUNT; i++) {
        buf_addf(&body, "%s\"%s\":%lld", i ? "," : "{\"states\":{", state_text((enum task_state)i),
                 (long long)states[i]);
        live += state_terminal((enum task_state)i) ? 0 : states[i];
    }
    buf_addf(&body,
             "},\"live\":%lld,\"slots\":{\"total\":%lld,\"used\":%lld},\"subscribers\":%lld,"
             "\"writes\":%lld,\"commits\":%lld}\n",
             (long long)live, (long long)engine->config.slots, (long long)engine_slots_used(engine),
             (long long)atomic_load(&app->hub->subscribers),
             (long long)atomic_load(&engine->writer.writes),
             (long long)atomic_load(&engine->writer.commits));
    reply_json(request, 200, &body);
}

static void reply_status(struct request *request, unsigned status, const char *text)
{
    struct buf body = {0};
    buf_addf(&body, "{\"status\":\"%s\"}\n", text);
    reply_json(request, status, &body);
}

void handle_live(struct request *request)
{
    reply_status(request, 200, "ok");
}

void handle_ready(struct request *request)
{
    struct engine *engine = app_of(request)->engine;
    if (atomic_load(&engine->draining))
        reply_status(request, 503, "draining");
    else if (atomic_load(&engine->room.full))
        reply_status(request, 503, "storage-full");
    else
        reply_status(request, 200, "ready");
}

static const unsigned char dashboard[] = {
#include "dashboard.inc"
};

/* A browser cannot send a token with its first request: the page itself asks for one. */
void handle_dashboard(struct request *request)
{
    struct str accept = request_header_list(request, "Accept");
    bool refused = request->problem.code != PROBLEM_NONE;
    if (refused && (!accept.data || !memmem(accept.data, accept.len, "text/html", 9))) {
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    request_add_header(request, "Content-Security-Policy",
                       STR("default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; "
                           "script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
                           "form-action 'none'; frame-ancestors 'none'"));
    request_add_header(request, "Cache-Control", STR("no-cache"));
    reply_static(request, refused ? 401 : 200, "text/html; charset=utf-8", dashboard,
                 sizeof(dashboard));
}
