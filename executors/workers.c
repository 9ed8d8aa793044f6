#include "executors/workers.h"

#include "base/log.h"
#include "base/mem.h"
#include "executors/jsonrpc.h"
#include "executors/worker.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* Pauses before a worker is started again, from the second death in a row on. */
enum { PAUSE_MS = 100, PAUSE_MAX_MS = 30000 };

/* --- calls -------------------------------------------------------------------- */

void call_end(struct call *call, const struct outcome *outcome)
{
    struct run *run = call->run;
    if (call->worker)
        map_remove(&call->worker->calls, &call->node);
    run->state = NULL;
    run->host->ended(run, outcome);
}

static void wait_in_line(struct pool *pool, struct call *call)
{
    *pool->last_waiting = call;
    pool->last_waiting = &call->next;
}

static struct call *first_in_line(struct pool *pool)
{
    struct call *call = pool->waiting;
    pool->waiting = call->next;
    if (!pool->waiting)
        pool->last_waiting = &pool->waiting;
    call->next = NULL;
    return call;
}

static void leave_line(struct pool *pool, struct call *call)
{
    struct call **at = &pool->waiting;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    if (!*at)
        pool->last_waiting = at;
}

/* --- a pool's workers ----------------------------------------------------------- */

static bool may_start(const struct pool *pool)
{
    return pool->processes < pool->function->workers.max && !pool->all->stopping &&
           pool->all->processes < WORKERS_MAX && !uv_is_active((const uv_handle_t *)&pool->pause);
}

static void settle(struct pool *pool);

static void pause_over(uv_timer_t *timer)
{
    settle(timer->data);
}

/* The first death may be chance; from the second on there is a pause, until one answers. */
static void died(struct pool *pool)
{
    pool->generation++;
    pool->deaths++;
    int64_t pause = PAUSE_MS;
    for (int i = 2; i < pool->deaths && pause < PAUSE_MAX_MS; i++)
        pause *= 2;
    if (pause > PAUSE_MAX_MS)
        pause = PAUSE_MAX_MS;
    if (pool->deaths < 2)
        return;
    log_warn("workers of %.*s keep dying: the next one is started in %lld ms",
             STR_ARG(pool->function->file), (long long)pause);
    uv_update_time(pool->all->host->loop);
    uv_timer_start(&pool->pause, pause_over, (uint64_t)pause, 0);
}

static struct worker *start_worker(struct pool *pool)
{
    struct worker *worker = worker_new(pool);
    if (!worker)
        return NULL;
    worker->next = pool->workers;
    pool->workers = worker;
    pool->processes++;
    pool->all->processes++;
    return worker;
}

/* As with a process: those that it was for have failed. */
static void fail_all_waiting(struct pool *pool, int error)
{
    while (pool->waiting) {
        struct call *call = first_in_line(pool);
        struct outcome outcome = run_failure(call->run, FAILURE_START_FAILED, "cannot start %s: %s",
                                             pool->function->argv[0], strerror(error));
        call_end(call, &outcome);
    }
}

/* The one with the least to do. */
static struct worker *pick(const struct pool *pool, struct str id)
{
    struct worker *best = NULL;
    for (struct worker *w = pool->workers; w; w = w->next) {
        if (worker_takes(w, id) && (!best || w->calls.count < best->calls.count))
            best = w;
    }
    return best;
}

static void serve(struct pool *pool)
{
    while (pool->waiting) {
        struct worker *worker = pick(pool, pool->waiting->run->id);
        if (!worker && !may_start(pool))
            return;
        if (!worker && !(worker = start_worker(pool)))
            fail_all_waiting(pool, errno);
        else
            worker_give(worker, first_in_line(pool));
    }
}

/* Those that it should have whether or not there is work. */
static void start_ahead(struct pool *pool)
{
    while (pool->processes < pool->function->workers.min && may_start(pool)) {
        if (start_worker(pool))
            continue;
        log_warn("cannot start %s: %s", pool->function->argv[0], strerror(errno));
        pool->deaths++; /* there is a pause after the first failure too */
        died(pool);
        return;
    }
}

static bool unwanted(const struct pool *pool)
{
    return !pool->current || pool->all->draining;
}

/* --- pools ---------------------------------------------------------------------- */

static struct pool *pool_of(struct workers *workers, struct function_set *set,
                            const struct function *function)
{
    struct pool *pool = workers->pools;
    while (pool && !(function_same_workers(pool->function, function) &&
                     str_eq(pool->set->folder, set->folder)))
        pool = pool->next;
    if (pool)
        return pool;
    pool = mem_alloc(sizeof(*pool));
    pool->all = workers;
    pool->set = function_set_ref(set);
    pool->function = function;
    pool->last_waiting = &pool->waiting;
    pool->count = worker_count_of(workers, function->file);
    uv_timer_init(workers->host->loop, &pool->pause);
    pool->pause.data = pool;
    pool->next = workers->pools;
    workers->pools = pool;
    return pool;
}

static void pool_closed(uv_handle_t *pause)
{
    mem_free(pause->data);
}

static void pool_free(struct pool *pool)
{
    struct workers *workers = pool->all;
    struct pool **at = &workers->pools;
    while (*at != pool)
        at = &(*at)->next;
    *at = pool->next;
    function_set_unref(pool->set);
    uv_close((uv_handle_t *)&pool->pause, pool_closed);
    if (workers->stopping && !workers->pools)
        workers->stopped(workers->arg);
}

/* What a pool has is made what it should have; the pool may be gone afterwards. */
static void settle(struct pool *pool)
{
    serve(pool);
    if (!unwanted(pool))
        start_ahead(pool);
    for (struct worker *w = pool->workers; w && unwanted(pool); w = w->next) {
        if (!w->calls.count)
            worker_leave(w);
    }
    if (!pool->current && !pool->processes && !pool->waiting)
        pool_free(pool);
}

static void settle_all(struct workers *workers)
{
    for (struct pool *pool = workers->pools, *next; pool; pool = next) {
        next = pool->next;
        settle(pool);
    }
}

static void idle_over(uv_timer_t *timer)
{
    pool_idle(timer->data);
}

/* --- what workers tell --------------------------------------------------------- */

void pool_answered(struct worker *worker)
{
    struct pool *pool = worker->pool;
    if (worker->generation == pool->generation)
        pool->deaths = 0;
    serve(pool);
    worker_recount(worker);
    if (!worker->idle)
        return;
    if (unwanted(pool))
        worker_leave(worker);
    else
        uv_timer_start(&worker->timer, idle_over, (uint64_t)pool->function->workers.idle, 0);
}

void pool_idle(struct worker *worker)
{
    const struct pool *pool = worker->pool;
    int64_t alive = 0;
    for (const struct worker *w = pool->workers; w; w = w->next)
        alive += w->alive;
    if (alive > pool->function->workers.min)
        worker_leave(worker);
}

void pool_gone(struct worker *worker)
{
    struct pool *pool = worker->pool;
    struct workers *all = pool->all;
    struct worker **at = &pool->workers;
    while (*at != worker)
        at = &(*at)->next;
    *at = worker->next;
    pool->processes--;
    bool full = all->processes-- == WORKERS_MAX;
    bool unasked = worker->fault || !worker->leaving;
    if (unasked && worker->generation == pool->generation)
        died(pool);
    if (full)
        settle_all(all);
    else
        settle(pool);
}

/* --- the server's side ----------------------------------------------------------- */

void workers_init(struct workers *workers, struct child_pool *children, const struct run_host *host,
                  int64_t grace)
{
    *workers = (struct workers){.children = children, .host = host, .grace = grace};
}

void workers_prepare(struct workers *workers, struct function_set *set)
{
    for (struct pool *pool = workers->pools; pool; pool = pool->next)
        pool->current = false;
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].mode != MODE_WORKER)
            continue;
        struct pool *pool = pool_of(workers, set, &set->items[i]);
        struct function_set *old = pool->set;
        pool->set = function_set_ref(set);
        pool->function = &set->items[i];
        pool->current = true;
        function_set_unref(old);
    }
    settle_all(workers);
}

void workers_drain(struct workers *workers)
{
    workers->draining = true;
    settle_all(workers);
}

void workers_hurry(struct workers *workers)
{
    workers->hurry = true;
    for (struct pool *pool = workers->pools; pool; pool = pool->next) {
        for (struct worker *w = pool->workers; w; w = w->next) {
            if (w->leaving)
                worker_kill(w);
        }
    }
}

void workers_stop(struct workers *workers, void (*stopped)(void *arg), void *arg)
{
    workers->stopping = workers->draining = true;
    workers->stopped = stopped;
    workers->arg = arg;
    for (struct pool *pool = workers->pools; pool; pool = pool->next)
        pool->current = false;
    if (workers->pools)
        settle_all(workers);
    else
        stopped(arg);
}

/* --- the executor ------------------------------------------------------------------ */

static void worker_start(struct run *run)
{
    struct call *call = ARENA_NEW(&run->arena, struct call);
    call->run = run;
    call->pool = pool_of(run->host->workers, run->functions, run->function);
    run->state = call;
    wait_in_line(call->pool, call);
    serve(call->pool);
}

static void stop_waiting(struct call *call)
{
    struct outcome outcome =
        run_failure(call->run, FAILURE_INTERRUPTED, "stopped before a worker had room for it");
    struct pool *pool = call->pool;
    leave_line(pool, call);
    call_end(call, &outcome);
    settle(pool); /* it may have been what a pool was kept for */
}

static void worker_stop(struct run *run, int signal)
{
    struct call *call = run->state;
    struct worker *worker = call ? call->worker : NULL;
    if (!call)
        return;
    call->asked = true;
    if (!worker) {
        stop_waiting(call);
    } else if (signal == SIGKILL) {
        worker->ended_a_call = worker->ended_a_call || !worker->leaving;
        worker_kill(worker);
    } else {
        struct buf line = {0};
        jsonrpc_cancel(run->id, &line);
        worker_send(worker, buf_str(&line));
        buf_done(&line);
    }
}

const struct executor worker_executor = {worker_start, worker_stop};
