#include "executors/worker.h"

#include "base/log.h"
#include "base/mem.h"
#include "executors/environment.h"
#include "executors/jsonrpc.h"
#include "executors/limit.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

/* From the end of a worker's pipes to its own. */
enum { HANGUP_MS = 1000 };

void worker_recount(struct worker *worker)
{
    struct worker_count *count = worker->pool->count;
    bool alive = !worker->leaving && !worker->hung_up && !worker->child.exited;
    bool idle = alive && !worker->calls.count;
    if (alive != worker->alive)
        atomic_fetch_add(&count->alive, alive ? 1 : -1);
    if (idle != worker->idle)
        atomic_fetch_add(&count->idle, idle ? 1 : -1);
    worker->alive = alive;
    worker->idle = idle;
}

/* --- the end ------------------------------------------------------------------ */

static void worker_free(uv_handle_t *timer)
{
    struct worker *worker = timer->data;
    map_done(&worker->calls);
    buf_done(&worker->to_send);
    buf_done(&worker->line);
    buf_done(&worker->err_line);
    mem_free(worker);
}

/* What its tasks are told. */
static struct outcome lost(const struct worker *worker, struct run *run)
{
    const siginfo_t *status = &worker->child.status;
    const char *limit = limit_hit(&worker->child, &worker->pool->function->limits, &run->arena);
    struct buf why = {0};
    if (limit)
        buf_addf(&why, "%s: ", limit);
    if (worker->fault)
        buf_addf(&why, "the worker was killed: %s", worker->fault);
    else if (worker->ended_a_call)
        buf_add_text(&why, "the worker was killed because the task did not end");
    else
        buf_addf(&why,
                 status->si_code == CLD_EXITED ? "the worker ended with exit status %d"
                                               : "the worker was ended by signal %d",
                 status->si_status);
    if (!worker->fault && !worker->ended_a_call && worker->last.len) {
        buf_add_text(&why, ": ");
        buf_add_lossy(&why, worker->last);
    }
    struct outcome outcome = {
        .failure = {.code = FAILURE_WORKER_LOST, .message = arena_str(&run->arena, buf_str(&why))}};
    buf_done(&why);
    return outcome;
}

static void worker_drain(struct child *child)
{
    struct worker *worker = container_of(child, struct worker, child);
    worker_read_rest(worker);
    watch_close(child->pool, &worker->in);
    watch_close(child->pool, &worker->out);
    watch_close(child->pool, &worker->err);
}

static void worker_gone(struct child *child)
{
    struct worker *worker = container_of(child, struct worker, child);
    struct map_node *node;
    worker_recount(worker);
    while ((node = map_any(&worker->calls))) {
        struct call *call = container_of(node, struct call, node);
        struct outcome outcome = lost(worker, call->run);
        outcome.interrupted = worker->ended_a_call && !call->asked;
        call_end(call, &outcome);
    }
    pool_gone(worker);
    uv_close((uv_handle_t *)&worker->timer, worker_free);
}

void worker_kill(struct worker *worker)
{
    worker->leaving = true;
    uv_timer_stop(&worker->timer);
    child_signal(&worker->child, SIGKILL);
    worker_recount(worker);
}

void worker_fault(struct worker *worker, const char *what)
{
    if (worker->fault)
        return;
    worker->fault = what;
    log_warn("worker %.*s, process %lld, is killed: %s", STR_ARG(worker->pool->function->file),
             (long long)worker->child.pid, what);
    worker_kill(worker);
}

static void hangup_over(uv_timer_t *timer)
{
    worker_fault(timer->data, "it closed its standard input or output");
}

void worker_hangup(struct worker *worker)
{
    if (worker->leaving || worker->hung_up)
        return;
    worker->hung_up = true;
    uv_timer_start(&worker->timer, hangup_over, HANGUP_MS, 0);
    worker_recount(worker);
}

static void grace_over(uv_timer_t *timer)
{
    child_signal(&((struct worker *)timer->data)->child, SIGKILL);
}

void worker_leave(struct worker *worker)
{
    const struct workers *all = worker->pool->all;
    int64_t grace = worker->pool->function->grace;
    if (worker->leaving)
        return;
    worker->leaving = true;
    watch_close(worker->child.pool, &worker->in);
    child_signal(&worker->child, all->hurry ? SIGKILL : SIGTERM);
    uv_timer_start(&worker->timer, grace_over, (uint64_t)(grace >= 0 ? grace : all->grace), 0);
    worker_recount(worker);
}

/* --- the start ---------------------------------------------------------------- */

static const struct child_kind worker_kind = {worker_drain, worker_gone};

/* 0 or an errno. */
static int launch(struct worker *worker)
{
    struct pool *pool = worker->pool;
    const struct function *function = pool->function;
    int ours[3] = {-1, -1, -1}, theirs[3] = {-1, -1, -1};
    struct arena arena = {0};
    const char *const told[TOLD] = {[TOLD_FUNCTION] = arena_str(&arena, function->file).data};
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = child_pipe(&ours[i], &theirs[i], i > 0) ? 0 : errno;
    if (rc == 0) {
        const struct spawn spawn = {
            .path = function->argv[0],
            .argv = (char *const *)(uintptr_t)function->argv,
            .envp = environment_make(&arena, function, told),
            .folder = pool->set->folder.data,
            .limits = function->limits,
            .user = function->user,
            .fds = {theirs[0], theirs[1], theirs[2], -1},
        };
        rc = child_start(&worker->child, pool->all->children, &worker_kind, &spawn);
    }
    child_close(theirs, array_size(theirs));
    if (rc)
        child_close(ours, array_size(ours));
    else
        worker_listen(worker, ours[0], ours[1], ours[2]);
    arena_done(&arena);
    return rc;
}

struct worker *worker_new(struct pool *pool)
{
    struct worker *worker = mem_alloc(sizeof(*worker));
    worker->pool = pool;
    worker->generation = pool->generation;
    int rc = launch(worker);
    if (rc) {
        mem_free(worker);
        errno = rc;
        return NULL;
    }
    uv_timer_init(pool->all->host->loop, &worker->timer);
    worker->timer.data = worker;
    worker_recount(worker);
    return worker;
}

/* --- work --------------------------------------------------------------------- */

struct call *worker_call(const struct worker *worker, struct str id)
{
    struct map_node *node = map_find(&worker->calls, map_hash_str(id));
    while (node && !str_eq(container_of(node, struct call, node)->run->id, id))
        node = map_next(node);
    return node ? container_of(node, struct call, node) : NULL;
}

/* An id may be there twice: a task was ended from outside and deleted, and its id used again. The
 * worker could not tell them apart. */
bool worker_takes(const struct worker *worker, struct str id)
{
    return worker->alive && !worker->child.exited &&
           (int64_t)worker->calls.count < worker->pool->function->workers.inflight &&
           !worker_call(worker, id);
}

void worker_give(struct worker *worker, struct call *call)
{
    const struct run *run = call->run;
    const struct jsonrpc_call request = {.id = run->id,
                                         .function = run->function->name,
                                         .args = run->args,
                                         .kwargs = run->kwargs,
                                         .attempt = run->attempt};
    struct buf line = {0};
    call->worker = worker;
    map_put(&worker->calls, &call->node, map_hash_str(run->id));
    uv_timer_stop(&worker->timer);
    worker_recount(worker);
    jsonrpc_request(&request, &line);
    worker_send(worker, buf_str(&line));
    buf_done(&line);
}
