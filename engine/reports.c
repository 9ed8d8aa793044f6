#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/finish.h"

#include <stdatomic.h>
#include <string.h>

enum {
    PROGRESS_A_SECOND = 50, /* reports that are told; of more, the newest (design 5.2) */
    SECOND_NS = 1000000000,
    LOG_NS = 200000000,        /* lines wait at most so long while the log is young */
    LOG_LATER_NS = 1000000000, /* and so long once its first half is full */
    LOG_POST_BYTES = 65536,    /* so many are posted at once without waiting */
    LOG_HALF = 524288,         /* of what is kept: store/logs.h */
    TICK_MS = 20,
};

static void tick(uv_timer_t *timer);

static void make_noisy(struct attempt *attempt)
{
    struct supervisor *supervisor = &attempt->engine->supervisor;
    if (attempt->noisy)
        return;
    attempt->noisy = true;
    attempt->next_noisy = supervisor->noisy;
    if (!supervisor->noisy)
        uv_timer_start(&supervisor->tick, tick, TICK_MS, TICK_MS);
    supervisor->noisy = attempt;
}

/* A server without room has no use for what can be said later: what a function says meanwhile stays
 * with its attempt, which keeps a bounded part of it. */
static bool must_wait(struct attempt *attempt)
{
    struct engine *engine = attempt->engine;
    return atomic_load(&engine->room.full) || atomic_load(&engine->writer.behind);
}

static void flush_progress(struct attempt *attempt)
{
    if (!attempt->progress.len)
        return;
    progress_post(attempt, buf_str(&attempt->progress));
    attempt->progress_posted++;
    attempt->progress.len = 0;
}

/* Whether this second still has room for a report. */
static bool progress_due(struct attempt *attempt)
{
    int64_t now = clock_mono_ns();
    if (now - attempt->progress_second >= SECOND_NS) {
        attempt->progress_second = now;
        attempt->progress_posted = 0;
    }
    return attempt->progress_posted < PROGRESS_A_SECOND && !must_wait(attempt);
}

static void flush_log(struct attempt *attempt)
{
    log_post(attempt, buf_str(&attempt->log), attempt->dropped_lines, attempt->dropped_bytes);
    attempt->log_bytes += (int64_t)attempt->log.len;
    attempt->dropped_lines = attempt->dropped_bytes = 0;
    buf_done(&attempt->log);
}

void report_progress(struct attempt *attempt, struct str value)
{
    attempt->progress.len = 0;
    buf_add_str(&attempt->progress, value);
    if (progress_due(attempt))
        flush_progress(attempt);
    else
        make_noisy(attempt);
}

/* Once the first half of the log is stored, only the newest half of what waits can matter. Before,
 * so much waits only for room on the disk. */
static void drop_oldest(struct attempt *attempt)
{
    struct buf *log = &attempt->log;
    while (log->len > LOG_HALF) {
        size_t line = (size_t)((char *)memchr(log->data, '\n', log->len) - log->data) + 1;
        size_t part = line;
        int64_t lines = 1;
        while (part < LOG_HALF / 8) { /* a good piece at a time: moving the rest is not free */
            char *end = memchr(log->data + part, '\n', log->len - part);
            part = (size_t)(end - log->data) + 1;
            lines++;
        }
        memmove(log->data, log->data + part, log->len - part);
        log->len -= part;
        attempt->dropped_lines += lines;
        attempt->dropped_bytes += (int64_t)part;
    }
}

void report_log(struct attempt *attempt, const char *stream, struct str line)
{
    struct buf *log = &attempt->log;
    if (!log->len)
        attempt->log_since = clock_mono_ns();
    buf_add_time(log, clock_now());
    buf_addf(log, " %s ", stream);
    buf_add_lossy(log, line);
    buf_add_char(log, '\n');
    bool young = attempt->log_bytes < LOG_HALF;
    if (young && log->len >= LOG_POST_BYTES && !must_wait(attempt))
        flush_log(attempt);
    else
        drop_oldest(attempt);
    make_noisy(attempt);
}

static void flush(struct attempt *attempt)
{
    int64_t now = clock_mono_ns();
    int64_t patience = attempt->log_bytes < LOG_HALF ? LOG_NS : LOG_LATER_NS;
    if (progress_due(attempt))
        flush_progress(attempt);
    if (attempt->log.len && now - attempt->log_since >= patience && !must_wait(attempt))
        flush_log(attempt);
}

static void tick(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    struct attempt **at = &supervisor->noisy;
    while (*at) {
        struct attempt *attempt = *at;
        flush(attempt);
        attempt->noisy = attempt->progress.len || attempt->log.len;
        if (attempt->noisy)
            at = &attempt->next_noisy;
        else
            *at = attempt->next_noisy;
    }
    if (!supervisor->noisy)
        uv_timer_stop(timer);
}
