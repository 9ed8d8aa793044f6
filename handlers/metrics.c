/* GET /metrics. Everything is read and rendered on a reader thread. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/usage.h"
#include "handlers/app.h"
#include "handlers/exposition.h"

#include <stdatomic.h>
#include <sys/stat.h>

struct scrape {
    struct request *request;
    struct query query;
    struct app *app;
    struct db *db; /* while it is read */
    struct meter_totals totals;
    struct meter_reading *readings; /* of each function */
    size_t count;
    struct usage usage;
    struct buf body;
};

/* A row of the table below. */
struct family {
    struct metric metric;
    void (*write)(struct scrape *scrape, const struct family *family);
    int of; /* which of several it is, for the functions that write more than one */
};

/* --- of tasks and functions --------------------------------------------------------- */

static void write_value(struct scrape *scrape, const struct family *family, double value)
{
    exposition_sample(&scrape->body, &family->metric, NO_LABELS, value);
}

static void write_build(struct scrape *scrape, const struct family *family)
{
    exposition_sample(&scrape->body, &family->metric, LABELS({"version", STR(ERRAND_VERSION)}), 1);
}

static void write_states(struct scrape *scrape, const struct family *family)
{
    int64_t states[STATE_COUNT];
    tally_states(&scrape->app->engine->tally, states);
    for (int i = 0; i < STATE_COUNT; i++)
        exposition_sample(&scrape->body, &family->metric,
                          LABELS({"state", str_of(state_text((enum task_state)i))}),
                          (double)states[i]);
}

static void write_created(struct scrape *scrape, const struct family *family)
{
    for (size_t i = 0; i < scrape->count; i++)
        exposition_sample(&scrape->body, &family->metric,
                          LABELS({"function", scrape->readings[i].name}),
                          (double)scrape->readings[i].counts.created);
}

static void write_ended(struct scrape *scrape, const struct family *family)
{
    for (size_t i = 0; i < scrape->count; i++) {
        for (int k = 0; k < STATE_COUNT; k++) {
            if (state_terminal((enum task_state)k))
                exposition_sample(&scrape->body, &family->metric,
                                  LABELS({"function", scrape->readings[i].name},
                                         {"state", str_of(state_text((enum task_state)k))}),
                                  (double)scrape->readings[i].counts.ended[k]);
        }
    }
}

static void write_cause(struct scrape *scrape, const struct family *family)
{
    for (size_t i = 0; i < scrape->count; i++)
        exposition_sample(&scrape->body, &family->metric,
                          LABELS({"function", scrape->readings[i].name}),
                          (double)scrape->readings[i].counts.causes[family->of]);
}

static void write_queue(struct scrape *scrape, const struct family *family)
{
    for (size_t i = 0; i < scrape->count; i++) {
        int64_t queued, running;
        tally_function_counts(&scrape->app->engine->tally, scrape->readings[i].name, &queued,
                              &running);
        exposition_sample(&scrape->body, &family->metric,
                          LABELS({"function", scrape->readings[i].name}),
                          (double)(family->of == STATE_QUEUED ? queued : running));
    }
}

static void write_oldest(struct scrape *scrape, const struct family *family)
{
    int64_t since = row_queued_since(scrape->db);
    int64_t age = since ? clock_now() - since : 0;
    if (db_status(scrape->db) == DB_OK)
        write_value(scrape, family, (double)(age > 0 ? age : 0) / 1000);
}

static void write_waits(struct scrape *scrape, const struct family *family)
{
    for (size_t i = 0; i < scrape->count; i++)
        exposition_histogram(&scrape->body, &family->metric,
                             LABELS({"function", scrape->readings[i].name}),
                             &scrape->readings[i].counts.waits, SCALE_SPAN_MS);
}

static void write_runs(struct scrape *scrape, const struct family *family)
{
    for (size_t i = 0; i < scrape->count; i++)
        exposition_histogram(&scrape->body, &family->metric,
                             LABELS({"function", scrape->readings[i].name}),
                             &scrape->readings[i].counts.runs, SCALE_SPAN_MS);
}

static void write_slots(struct scrape *scrape, const struct family *family)
{
    write_value(scrape, family, (double)scrape->app->engine->config.slots);
}

static void write_slots_used(struct scrape *scrape, const struct family *family)
{
    write_value(scrape, family, (double)engine_slots_used(scrape->app->engine));
}

/* --- of the store, the hub and HTTP ------------------------------------------------- */

static void write_commits(struct scrape *scrape, const struct family *family)
{
    write_value(scrape, family, (double)atomic_load(&scrape->app->engine->writer.commits));
}

static void write_batches(struct scrape *scrape, const struct family *family)
{
    exposition_histogram(&scrape->body, &family->metric, NO_LABELS, &scrape->totals.batches,
                         SCALE_BATCH);
}

static void write_commit_times(struct scrape *scrape, const struct family *family)
{
    exposition_histogram(&scrape->body, &family->metric, NO_LABELS, &scrape->totals.commits,
                         SCALE_SYNC_US);
}

static void write_files(struct scrape *scrape, const struct family *family)
{
    static const char *const suffixes[] = {"", "-wal"};
    struct arena *arena = &scrape->request->arena;
    const char *path = engine_database(&scrape->app->engine->config, arena);
    for (size_t i = 0; i < array_size(suffixes); i++) {
        struct stat file;
        if (stat(arena_printf(arena, "%s%s", path, suffixes[i]).data, &file) == 0)
            exposition_sample(&scrape->body, &family->metric,
                              LABELS({"file", arena_printf(arena, "errand.db%s", suffixes[i])}),
                              (double)file.st_size);
    }
}

static void write_events(struct scrape *scrape, const struct family *family)
{
    for (int i = EVENT_NONE + 1; i < EVENT_COUNT; i++)
        exposition_sample(&scrape->body, &family->metric,
                          LABELS({"type", str_of(event_text((enum event_type)i))}),
                          (double)scrape->totals.events[i]);
}

static void write_full(struct scrape *scrape, const struct family *family)
{
    write_value(scrape, family, atomic_load(&scrape->app->engine->room.full));
}

static void write_subscribers(struct scrape *scrape, const struct family *family)
{
    write_value(scrape, family, (double)atomic_load(&scrape->app->hub->subscribers));
}

static void write_lags(struct scrape *scrape, const struct family *family)
{
    write_value(scrape, family, (double)atomic_load(&scrape->app->hub->lags));
}

static void write_dropped(struct scrape *scrape, const struct family *family)
{
    write_value(scrape, family, (double)atomic_load(&scrape->app->hub->dropped));
}

static void write_requests(struct scrape *scrape, const struct family *family)
{
    for (unsigned i = 2; i <= 5; i++)
        exposition_sample(&scrape->body, &family->metric,
                          LABELS({"code", arena_printf(&scrape->request->arena, "%uxx", i)}),
                          (double)http_answers(scrape->request->thread->server, i));
}

static void write_connections(struct scrape *scrape, const struct family *family)
{
    write_value(scrape, family, (double)atomic_load(&scrape->app->hub->admission->connections));
}

static void write_refused(struct scrape *scrape, const struct family *family)
{
    struct admission *admission = scrape->app->hub->admission;
    exposition_sample(&scrape->body, &family->metric, LABELS({"reason", STR("all")}),
                      (double)atomic_load(&admission->refused[ADMISSION_ALL]));
    exposition_sample(&scrape->body, &family->metric, LABELS({"reason", STR("address")}),
                      (double)atomic_load(&admission->refused[ADMISSION_ADDRESS]));
    exposition_sample(&scrape->body, &family->metric, LABELS({"reason", STR("streams")}),
                      (double)atomic_load(&admission->streams_refused));
}

static void write_evictions(struct scrape *scrape, const struct family *family)
{
    write_value(scrape, family, (double)atomic_load(&scrape->request->thread->server->evictions));
}

static void write_timeouts(struct scrape *scrape, const struct family *family)
{
    static const char *const phases[PHASES] = {[PHASE_FIRST] = "header",
                                               [PHASE_IDLE] = "idle",
                                               [PHASE_BODY] = "body",
                                               [PHASE_ANSWER] = "answer"};
    struct http_server *server = scrape->request->thread->server;
    for (size_t i = 0; i < PHASES; i++) {
        if (phases[i])
            exposition_sample(&scrape->body, &family->metric, LABELS({"phase", str_of(phases[i])}),
                              (double)atomic_load(&server->timeouts[i]));
    }
}

static void write_held(struct scrape *scrape, const struct family *family)
{
    write_value(scrape, family, (double)atomic_load(&scrape->request->thread->server->held));
}

/* --- of the process ----------------------------------------------------------------- */

enum process_value { CPU, RESIDENT, VIRTUAL, OPEN_FILES, OPEN_FILES_ALLOWED, START };

static void write_process(struct scrape *scrape, const struct family *family)
{
    const struct usage *usage = &scrape->usage;
    const double values[] = {
        [CPU] = usage->cpu_seconds,
        [RESIDENT] = (double)usage->resident_bytes,
        [VIRTUAL] = (double)usage->virtual_bytes,
        [OPEN_FILES] = (double)usage->open_files,
        [OPEN_FILES_ALLOWED] = (double)usage->open_files_allowed,
        [START] = (double)scrape->app->engine->meter.since / 1000,
    };
    write_value(scrape, family, values[family->of]);
}

/* --- the table: what docs/operations.md lists --------------------------------------- */

#define COUNTER(name, help)                                                                        \
    {                                                                                              \
        name, METRIC_COUNTER, help                                                                 \
    }
#define GAUGE(name, help)                                                                          \
    {                                                                                              \
        name, METRIC_GAUGE, help                                                                   \
    }
#define HISTOGRAM(name, help)                                                                      \
    {                                                                                              \
        name, METRIC_HISTOGRAM, help                                                               \
    }

static const struct family families[] = {
    {GAUGE("errand_build_info", "Always 1; says which version runs."), write_build, 0},
    {GAUGE("errand_tasks", "Tasks that are stored."), write_states, 0},
    {COUNTER("errand_tasks_created_total", "Tasks that were created."), write_created, 0},
    {COUNTER("errand_tasks_ended_total", "Tasks that came to their end."), write_ended, 0},
    {COUNTER("errand_attempts_total", "Starts of tasks."), write_cause, CAUSE_START},
    {COUNTER("errand_retries_total", "Attempts that failed and are followed by another."),
     write_cause, CAUSE_RETRY},
    {COUNTER("errand_restarts_total", "Ends of tasks that run for ever and are run again."),
     write_cause, CAUSE_RESTART},
    {COUNTER("errand_interruptions_total",
             "Attempts that the end of a server cut short and that go back to the queue."),
     write_cause, CAUSE_INTERRUPT},
    {GAUGE("errand_queue_length", "Tasks that may start and have no room yet."), write_queue,
     STATE_QUEUED},
    {GAUGE("errand_tasks_running", "Tasks that run."), write_queue, STATE_RUNNING},
    {GAUGE("errand_queue_oldest_age_seconds",
           "How long the task has been queued that has been queued for longest; 0 without one."),
     write_oldest, 0},
    {HISTOGRAM("errand_task_wait_seconds", "Time from being queued to the start."), write_waits, 0},
    {HISTOGRAM("errand_task_run_seconds", "Time from the start of an attempt to its end."),
     write_runs, 0},
    {GAUGE("errand_slots", "Child processes that may run at once."), write_slots, 0},
    {GAUGE("errand_slots_used", "Slots that are taken."), write_slots_used, 0},
    {COUNTER("errand_commits_total", "Transactions that were committed."), write_commits, 0},
    {HISTOGRAM("errand_commit_batch_size", "Commands in a transaction."), write_batches, 0},
    {HISTOGRAM("errand_commit_seconds", "How long COMMIT took, with its sync to the disk."),
     write_commit_times, 0},
    {GAUGE("errand_database_bytes", "Sizes of the files of the database."), write_files, 0},
    {GAUGE("errand_storage_full", "1 while new tasks are refused for want of room on the disk."),
     write_full, 0},
    {COUNTER("errand_events_total", "Events that were stored."), write_events, 0},
    {GAUGE("errand_sse_subscribers", "Event streams that are open."), write_subscribers, 0},
    {COUNTER("errand_sse_lags_total", "Times that a subscriber fell behind what is live."),
     write_lags, 0},
    {COUNTER("errand_sse_dropped_total",
             "Subscribers that were cut off because they took nothing."),
     write_dropped, 0},
    {COUNTER("errand_http_requests_total", "Requests that were answered, by class of the status."),
     write_requests, 0},
    {GAUGE("errand_http_connections", "Connections that are open, event streams among them."),
     write_connections, 0},
    {COUNTER("errand_http_refused_total", "Connections and event streams beyond a limit."),
     write_refused, 0},
    {COUNTER("errand_http_evictions_total",
             "Connections that asked nothing and were closed to make room for others."),
     write_evictions, 0},
    {COUNTER("errand_http_timeouts_total", "Connections that took too long and were closed."),
     write_timeouts, 0},
    {GAUGE("errand_http_held_bytes",
           "Memory of bodies and answers under way, beyond what each has free."),
     write_held, 0},
    {COUNTER("process_cpu_seconds_total", "User and system CPU time of the server itself."),
     write_process, CPU},
    {GAUGE("process_resident_memory_bytes", "Memory of the server itself that is resident."),
     write_process, RESIDENT},
    {GAUGE("process_virtual_memory_bytes", "Address space of the server itself."), write_process,
     VIRTUAL},
    {GAUGE("process_open_fds", "File descriptors that are open."), write_process, OPEN_FILES},
    {GAUGE("process_max_fds", "File descriptors that may be open."), write_process,
     OPEN_FILES_ALLOWED},
    {GAUGE("process_start_time_seconds", "When the server started, in seconds since 1970."),
     write_process, START},
};

/* --- the request -------------------------------------------------------------------- */

/* Where the database cannot be read, what comes from it is left out: the rest is wanted most then.
 */
static void query_run(struct query *query, struct db *db)
{
    struct scrape *scrape = container_of(query, struct scrape, query);
    scrape->db = db;
    scrape->count = meter_read(&scrape->app->engine->meter, &scrape->totals, &scrape->readings,
                               &scrape->request->arena);
    usage_read(&scrape->usage);
    for (size_t i = 0; i < array_size(families); i++) {
        exposition_head(&scrape->body, &families[i].metric);
        families[i].write(scrape, &families[i]);
    }
}

static void scrape_release(void *scrape)
{
    buf_done(&((struct scrape *)scrape)->body);
}

static void query_done(struct query *query, bool failed)
{
    (void)failed;
    request_wake(container_of(query, struct scrape, query)->request);
}

static void scraped(struct request *request)
{
    struct scrape *scrape = request->state;
    reply_body(request, 200, EXPOSITION_TYPE, &scrape->body);
}

void handle_metrics(struct request *request)
{
    struct scrape *scrape = ARENA_NEW(&request->arena, struct scrape);
    scrape->request = request;
    scrape->app = app_of(request);
    scrape->query = (struct query){.run = query_run, .done = query_done};
    request->state = scrape;
    request_at_end(request, scrape_release, scrape);
    request_suspend(request, scraped);
    readers_post(&scrape->app->engine->readers, &scrape->query);
}
