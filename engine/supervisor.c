#include "engine/supervisor.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "engine/continuation.h"
#include "engine/engine.h"
#include "engine/finish.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static struct attempt *attempt_of(struct run *run)
{
    return container_of(run, struct attempt, run);
}

static struct attempt *find(struct supervisor *supervisor, int64_t task)
{
    struct map_node *node = map_find(&supervisor->attempts, map_hash((uint64_t)task));
    while (node && container_of(node, struct attempt, node)->task != task)
        node = map_next(node);
    return node ? container_of(node, struct attempt, node) : NULL;
}

/* --- the end ------------------------------------------------------------------ */

static void timer_closed(uv_handle_t *handle)
{
    finish_post(handle->data);
}

static void forget(struct attempt *attempt)
{
    struct supervisor *supervisor = &attempt->engine->supervisor;
    struct attempt **at = &supervisor->noisy;
    while (attempt->noisy && *at != attempt)
        at = &(*at)->next_noisy;
    if (attempt->noisy)
        *at = attempt->next_noisy;
    map_remove(&supervisor->attempts, &attempt->node);
}

static void attempt_ended(struct attempt *attempt, const struct outcome *outcome)
{
    struct finish *finish = &attempt->finish;
    forget(attempt); /* what it said and is not posted goes along with the end */
    finish->outcome = *outcome;
    finish->outcome.result = arena_str(&attempt->run.arena, outcome->result);
    loading_end(attempt);
    finish->interrupted = attempt->stop == STOP_SHUTDOWN || outcome->interrupted;
    if (attempt->stop == STOP_TIMEOUT)
        finish->outcome =
            run_failure(&attempt->run, FAILURE_TIMEOUT, "the attempt took longer than %.3f s",
                        (double)attempt->timeout / 1000);
    if (finish->outcome.succeeded && attempt->run.function->continues)
        continuation_read(attempt);
    if (attempt->timer_open)
        uv_close((uv_handle_t *)&attempt->timer, timer_closed);
    else
        finish_post(attempt);
}

static void run_ended(struct run *run, const struct outcome *outcome)
{
    attempt_ended(attempt_of(run), outcome);
}

void attempt_free(struct attempt *attempt)
{
    function_set_unref(attempt->run.functions);
    inputs_done(&attempt->inputs);
    buf_done(&attempt->progress);
    buf_done(&attempt->log);
    arena_done(&attempt->run.arena);
    mem_free(attempt);
}

/* --- taking it down ----------------------------------------------------------- */

static void timer_start(struct attempt *attempt, uv_timer_cb callback, int64_t ms)
{
    if (!attempt->timer_open) {
        uv_timer_init(&attempt->engine->supervisor.loop, &attempt->timer);
        attempt->timer.data = attempt;
        attempt->timer_open = true;
    }
    uv_update_time(&attempt->engine->supervisor.loop);
    uv_timer_start(&attempt->timer, callback, (uint64_t)ms, 0);
}

static void kill_now(struct attempt *attempt)
{
    attempt->killed = true;
    attempt->run.executor->stop(&attempt->run, SIGKILL);
}

static void grace_over(uv_timer_t *timer)
{
    kill_now(timer->data);
}

static void launch(struct attempt *attempt);

/* Not started yet. Where a reader has it, it ends when that is done. */
static void give_up_waiting(struct attempt *attempt)
{
    if (loading_leave(attempt))
        launch(attempt);
}

/* TERM, and KILL after the grace. A cancel is the stronger reason: it is the one that is told. */
static void attempt_stop(struct attempt *attempt, enum stop_reason reason)
{
    bool first = attempt->stop == STOP_NOT;
    if (first || reason == STOP_CANCEL)
        attempt->stop = reason;
    if (!attempt->launched) {
        give_up_waiting(attempt);
        return;
    }
    if (!first)
        return;
    timer_start(attempt, grace_over, attempt->grace);
    attempt->run.executor->stop(&attempt->run, SIGTERM); /* last: the run may end in it */
}

/* Its task has ended already: nothing that it could say is wanted. */
static void attempt_kill(struct attempt *attempt)
{
    if (attempt->run.function->mode == MODE_WORKER) { /* others may run in the same process */
        attempt_stop(attempt, STOP_CANCEL);
        return;
    }
    attempt->stop = STOP_CANCEL;
    if (attempt->launched)
        kill_now(attempt);
    else
        give_up_waiting(attempt);
}

static void time_over(uv_timer_t *timer)
{
    attempt_stop(timer->data, STOP_TIMEOUT);
}

/* --- the start ---------------------------------------------------------------- */

static void launch(struct attempt *attempt)
{
    struct outcome outcome;
    if (attempt->stop != STOP_NOT) { /* asked to stop before it could start */
        outcome = run_failure(&attempt->run, FAILURE_INTERRUPTED, "stopped before it started");
        attempt_ended(attempt, &outcome);
        return;
    }
    if (attempt->input_failure.message.data) {
        outcome = (struct outcome){.failure = attempt->input_failure};
        attempt_ended(attempt, &outcome);
        return;
    }
    attempt->launched = true;
    attempt->run.executor->start(&attempt->run); /* last: the run may end in it */
}

static void attempt_start(struct supervisor *supervisor, struct attempt *attempt)
{
    attempt->run.host = &supervisor->host;
    if (supervisor->over) /* claimed just before the writer was told */
        attempt->stop = STOP_SHUTDOWN;
    else if (attempt->timeout)
        timer_start(attempt, time_over, attempt->timeout);
    map_put(&supervisor->attempts, &attempt->node, map_hash((uint64_t)attempt->task));
    if (loading_start(attempt))
        launch(attempt);
}

/* --- orders --------------------------------------------------------------------- */

/* Stops or kills all that runs. Ending a run changes the map, so the runs are collected first. */
static void stop_all(struct supervisor *supervisor, bool now)
{
    size_t count = 0;
    supervisor->over = true;
    struct attempt **all = mem_alloc(supervisor->attempts.count * sizeof(struct attempt *));
    for (size_t i = 0; supervisor->attempts.count && i <= supervisor->attempts.mask; i++) {
        for (struct map_node *n = supervisor->attempts.buckets[i]; n; n = n->next)
            all[count++] = container_of(n, struct attempt, node);
    }
    for (size_t i = 0; i < count; i++) {
        if (now && all[i]->stop != STOP_NOT && all[i]->launched)
            kill_now(all[i]);
        else
            attempt_stop(all[i], STOP_SHUTDOWN);
    }
    mem_free(all);
}

static void drain_over(uv_timer_t *timer)
{
    stop_all(timer->data, false);
}

static void drain(struct supervisor *supervisor)
{
    workers_drain(&supervisor->workers);
    uv_update_time(&supervisor->loop);
    uv_timer_start(&supervisor->drain, drain_over, (uint64_t)supervisor->engine->config.drain, 0);
}

static void workers_stopped(void *supervisor)
{
    child_pool_done(&((struct supervisor *)supervisor)->processes);
}

static void close_handles(struct supervisor *supervisor)
{
    uv_close((uv_handle_t *)&supervisor->wake, NULL);
    uv_close((uv_handle_t *)&supervisor->tick, NULL);
    uv_close((uv_handle_t *)&supervisor->drain, NULL);
    http_pool_done(&supervisor->http);
    workers_stop(&supervisor->workers, workers_stopped, supervisor);
}

static void obey(struct supervisor *supervisor, struct order *order)
{
    struct attempt *attempt;
    switch (order->kind) {
    case ORDER_START:
        attempt_start(supervisor, container_of(order, struct attempt, order));
        return;
    case ORDER_LOADED:
        attempt = container_of(order, struct attempt, order);
        if (loading_done(attempt))
            launch(attempt);
        return;
    case ORDER_STOP:
        attempt = find(supervisor, order->task);
        if (attempt)
            attempt_stop(attempt, STOP_CANCEL);
        break;
    case ORDER_KILL:
        attempt = find(supervisor, order->task);
        if (attempt)
            attempt_kill(attempt);
        break;
    case ORDER_FUNCTIONS:
        workers_prepare(&supervisor->workers, order->functions);
        function_set_unref(order->functions);
        break;
    case ORDER_DRAIN:
        drain(supervisor);
        break;
    case ORDER_HURRY:
        workers_hurry(&supervisor->workers);
        stop_all(supervisor, true);
        break;
    case ORDER_EXIT:
        close_handles(supervisor);
        break;
    }
    mem_free(order);
}

static void woken(uv_async_t *wake)
{
    struct supervisor *supervisor = wake->data;
    for (struct mail *mail = mailbox_take(&supervisor->mailbox), *next; mail; mail = next) {
        next = mail->next;
        obey(supervisor, container_of(mail, struct order, mail));
    }
    struct attempt *heavy = loading_next(&supervisor->loading);
    if (heavy)
        launch(heavy);
}

void supervisor_post(struct supervisor *supervisor, struct order *order)
{
    mailbox_post(&supervisor->mailbox, &order->mail);
}

void supervisor_prepare(struct supervisor *supervisor, struct function_set *set)
{
    struct order *order = order_new(ORDER_FUNCTIONS, 0);
    order->functions = function_set_ref(set);
    supervisor_post(supervisor, order);
}

struct order *order_new(enum order_kind kind, int64_t task)
{
    struct order *order = mem_alloc(sizeof(*order));
    order->kind = kind;
    order->task = task;
    return order;
}

/* --- life ------------------------------------------------------------------------ */

static void run_progressed(struct run *run, struct str value)
{
    report_progress(attempt_of(run), value);
}

static void run_logged(struct run *run, const char *stream, struct str line)
{
    report_log(attempt_of(run), stream, line);
}

static void mailbox_wake(void *arg)
{
    uv_async_send(arg);
}

static void loop_main(void *arg)
{
    struct supervisor *supervisor = arg;
    uv_run(&supervisor->loop, UV_RUN_DEFAULT);
}

static bool open_children(struct supervisor *supervisor, const char *data, int64_t slots,
                          char **message)
{
    struct buf path = {0};
    size_t killed = 0;
    buf_addf(&path, "%s/errand.children", data);
    bool fine =
        children_open(&supervisor->children, path.data, (size_t)slots + WORKERS_MAX, &killed);
    if (!fine) {
        struct buf why = {0};
        buf_addf(&why, "%s: %s", path.data, strerror(errno));
        *message = buf_take(&why, NULL);
    }
    CRASH_POINT(leftovers_gone);
    if (killed)
        log_warn("killed what an earlier server left running, process groups: %zu", killed);
    buf_done(&path);
    return fine;
}

bool supervisor_open(struct supervisor *supervisor, struct engine *engine, const char *data,
                     int64_t slots, char **message)
{
    *supervisor = (struct supervisor){.engine = engine};
    if (!open_children(supervisor, data, slots, message))
        return false;
    int rc = uv_loop_init(&supervisor->loop);
    if (rc == 0)
        rc = uv_async_init(&supervisor->loop, &supervisor->wake, woken);
    if (rc != 0) {
        *message = mem_string(uv_strerror(rc));
        return false;
    }
    uv_timer_init(&supervisor->loop, &supervisor->tick);
    uv_timer_init(&supervisor->loop, &supervisor->drain);
    supervisor->wake.data = supervisor->tick.data = supervisor->drain.data = supervisor;
    mailbox_init(&supervisor->mailbox, mailbox_wake, &supervisor->wake);
    if (!child_pool_init(&supervisor->processes, &supervisor->loop, &supervisor->children)) {
        *message = mem_string("no descriptor is left");
        return false;
    }
    http_pool_init(&supervisor->http, &supervisor->loop);
    loading_init(&supervisor->loading, engine->config.max_inputs, &supervisor->wake);
    supervisor->host = (struct run_host){.loop = &supervisor->loop,
                                         .max_result = engine->config.max_result,
                                         .executors = &supervisor->processes,
                                         .http = &supervisor->http,
                                         .workers = &supervisor->workers,
                                         .progressed = run_progressed,
                                         .logged = run_logged,
                                         .ended = run_ended};
    workers_init(&supervisor->workers, &supervisor->processes, &supervisor->host,
                 engine->config.grace);
    return true;
}

void supervisor_start(struct supervisor *supervisor)
{
    thread_start(&supervisor->thread, "supervisor", loop_main, supervisor, &supervisor->stopping);
}

void supervisor_stop(struct supervisor *supervisor)
{
    atomic_store(&supervisor->stopping, true);
    supervisor_post(supervisor, order_new(ORDER_EXIT, 0));
    pthread_join(supervisor->thread, NULL);
    uv_loop_close(&supervisor->loop);
    map_done(&supervisor->attempts);
    workers_done(&supervisor->workers);
    children_close(&supervisor->children);
    mailbox_done(&supervisor->mailbox);
}
