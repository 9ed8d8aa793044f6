#include "engine/lease.h"

#include "base/mem.h"
#include "engine/continuation.h"
#include "engine/finish.h"
#include "engine/task.h"
#include "store/leases.h"

#include <string.h>
#include <sys/random.h>

enum {
    SWEEP_MAX = 500,        /* leases that are looked at in one transaction */
    PROGRESS_A_SECOND = 50, /* as of attempts that run here (engine/reports.c) */
    SECOND_MS = 1000,
    SECRET_BYTES = 16,
    LOG_PART_BYTES = 131072, /* stored as one; longer than any line */
};

/* --- tokens -------------------------------------------------------------------- */

static struct str secret_new(struct arena *arena)
{
    unsigned char bytes[SECRET_BYTES];
    char text[2 * SECRET_BYTES];
    while (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        ; /* interrupted */
    for (size_t i = 0; i < sizeof(bytes); i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    return arena_str(arena, (struct str){text, sizeof(text)});
}

static bool find_by_token(struct db *db, struct str token, struct lease_row *lease,
                          struct arena *arena)
{
    int64_t task, attempt;
    return str_int(str_cut(&token, '-'), &task) && token.data &&
           str_int(str_cut(&token, '-'), &attempt) && token.data &&
           lease_find(db, task, attempt, lease, arena) && str_eq_secret(token, lease->secret);
}

/* --- the life of a lease --------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return b && b < a ? b : a;
}

static void set_due(struct engine *engine, struct lease_row *lease)
{
    int64_t due = earlier(lease->expires_at, lease->timeout_at);
    due = earlier(due, lease->cancel_by);
    if (lease->progress.data)
        due = earlier(due, lease->progress_since + SECOND_MS);
    lease->due_at = due;
    if (due < engine->next_lease)
        engine->next_lease = due;
}

void lease_start(struct engine *engine, struct txn *txn, struct task_row *row, int64_t ttl,
                 struct arena *arena, struct str *token, int64_t *expires_at)
{
    task_move(engine, txn, row, CAUSE_START, NULL);
    struct lease_row lease = {.task = row->seq,
                              .attempt = row->attempt,
                              .secret = secret_new(&txn->arena),
                              .ttl = ttl,
                              .expires_at = txn->now + ttl,
                              .timeout_at = row->timeout ? txn->now + row->timeout : 0};
    set_due(engine, &lease);
    lease_insert(txn->db, &lease);
    *token = arena_printf(arena, "%lld-%lld-%.*s", (long long)row->seq, (long long)row->attempt,
                          STR_ARG(lease.secret));
    *expires_at = lease.expires_at;
}

/* How a lease comes to be over. */
static const char ANSWERED[] = "answered", EXPIRED[] = "expired", TIMEOUT[] = "timeout",
                  CANCELLED[] = "cancelled", ELSEWHERE[] = "ended from elsewhere";

/* NULL: it is not over, nor will it be before the transaction ends. */
static const char *why_over(const struct lease_row *lease, int64_t now)
{
    if (!lease->due_at)
        return lease->ended.data;
    int64_t end = earlier(earlier(lease->expires_at, lease->timeout_at), lease->cancel_by);
    if (end > now)
        return NULL;
    if (end == lease->timeout_at)
        return TIMEOUT;
    return end == lease->expires_at ? EXPIRED : CANCELLED;
}

static void over(struct txn *txn, struct lease_row *lease, const char *how)
{
    lease->due_at = 0;
    lease->progress = STR_NONE;
    lease->ended = str_of(how);
    lease_save(txn->db, lease);
}

static bool find_held(struct txn *txn, const struct task_row *row, struct lease_row *lease)
{
    return row_state(row) == STATE_RUNNING &&
           lease_find(txn->db, row->seq, row->attempt, lease, &txn->arena) && lease->due_at;
}

bool lease_held(struct txn *txn, const struct task_row *row)
{
    struct lease_row lease;
    return find_held(txn, row, &lease);
}

bool lease_revoke(struct txn *txn, const struct task_row *row)
{
    struct lease_row lease;
    bool held = find_held(txn, row, &lease);
    if (held)
        over(txn, &lease, ELSEWHERE);
    return held;
}

static void tell_progress(struct engine *engine, struct txn *txn, struct task_row *row,
                          struct lease_row *lease, struct str progress)
{
    if (txn->now - lease->progress_since >= SECOND_MS) {
        lease->progress_since = txn->now;
        lease->progress_count = 0;
    }
    lease->progress = STR_NONE;
    lease->progress_count++;
    task_progress(engine, txn, row, progress);
}

/* The last report before the end is told, however many there were. */
static void tell_last(struct engine *engine, struct txn *txn, struct task_row *row,
                      struct lease_row *lease)
{
    if (lease->progress.data)
        tell_progress(engine, txn, row, lease, lease->progress);
}

/* --- what a worker says ------------------------------------------------------------ */

static bool room_for_progress(const struct lease_row *lease, int64_t now)
{
    return now - lease->progress_since >= SECOND_MS || lease->progress_count < PROGRESS_A_SECOND;
}

static void heartbeat(struct lease_call *call, struct txn *txn, struct task_row *row,
                      struct lease_row *lease)
{
    struct engine *engine = call->engine;
    lease->expires_at = txn->now + lease->ttl;
    if (row->cancel_requested && !lease->cancel_by) {
        const struct function *function = function_find(engine->claimable, row->function);
        lease->cancel_by =
            txn->now + (function && function->grace >= 0 ? function->grace : engine->config.grace);
    }
    if (call->progress.data && room_for_progress(lease, txn->now))
        tell_progress(engine, txn, row, lease, call->progress);
    else if (call->progress.data)
        lease->progress = call->progress;
    set_due(engine, lease);
    lease_save(txn->db, lease);
    call->cancel = row->cancel_requested;
    call->expires_at = lease->expires_at;
}

/* What it returns may be another task, if its function says so. */
static void answer(struct lease_call *call, struct txn *txn, struct task_row *row,
                   struct lease_row *lease)
{
    const struct function *function = function_find(call->engine->claimable, row->function);
    struct attempt attempt = {.run = {.function = function, .functions = call->engine->claimable}};
    struct finish *finish = &attempt.finish;
    finish->outcome = (struct outcome){.succeeded = call->kind == LEASE_RESULT,
                                       .final = call->final,
                                       .result = call->result,
                                       .failure = call->failure};
    if (finish->outcome.succeeded && function && function->continues)
        continuation_read(&attempt);
    tell_last(call->engine, txn, row, lease);
    over(txn, lease, ANSWERED);
    if (call->kind == LEASE_BACK && !row->cancel_requested)
        task_move(call->engine, txn, row, CAUSE_INTERRUPT, NULL);
    else if (call->kind == LEASE_ERROR && call->failure.code == FAILURE_INTERRUPTED)
        finish_lost(call->engine, txn, row, false, call->failure.message);
    else
        finish_row(call->engine, txn, row, finish);
    arena_done(&attempt.run.arena);
}

static void store_log(struct engine *engine, struct txn *txn, int64_t task, struct str log)
{
    while (log.len) {
        size_t len = log.len;
        if (len > LOG_PART_BYTES) {
            const char *end = memrchr(log.data, '\n', LOG_PART_BYTES);
            len = end ? (size_t)(end - log.data) + 1 : len;
        }
        task_log(engine, txn, task, (struct str){log.data, len}, 0, 0);
        log = (struct str){log.data + len, log.len - len};
    }
}

static bool check_grant(struct lease_call *call, const struct task_row *row)
{
    if (!call->grant || function_granted(call->grant, row->function))
        return true;
    return problem_set(&call->command.problem, call->command.arena, PROBLEM_INSUFFICIENT_SCOPE,
                       "the token does not have the scope work for the function \"%.*s\"",
                       STR_ARG(row->function));
}

/* A heartbeat that comes when the attempt has taken too long is told to stop; any other call of a
 * lease that is over is refused. */
static bool check_over(struct lease_call *call, const struct lease_row *lease, int64_t now)
{
    const char *why = why_over(lease, now);
    call->cancel = why && strcmp(why, TIMEOUT) == 0 && call->kind == LEASE_HEARTBEAT;
    call->expires_at = lease->timeout_at;
    if (why && !call->cancel)
        problem_set(&call->command.problem, call->command.arena, PROBLEM_TASK_FINISHED,
                    "the lease is over: %s", why);
    return why;
}

static bool check_cancelled(struct lease_call *call, const struct task_row *row)
{
    if (call->kind != LEASE_ERROR || call->failure.code != FAILURE_CANCELLED ||
        row->cancel_requested)
        return true;
    return problem_at(&call->command.problem, call->command.arena, PROBLEM_INVALID_REQUEST,
                      STR("/code"),
                      "nobody has asked to cancel this task; \"interrupted\" gives it back");
}

static void call_apply(struct command *command, struct txn *txn)
{
    struct lease_call *call = container_of(command, struct lease_call, command);
    struct lease_row lease;
    struct task_row row;
    if (!find_by_token(txn->db, call->token, &lease, &txn->arena) ||
        !row_by_seq(txn->db, lease.task, &row, &txn->arena)) {
        problem_set(&command->problem, command->arena, PROBLEM_NOT_FOUND, "there is no such lease");
        return;
    }
    if (!check_grant(call, &row) || check_over(call, &lease, txn->now) ||
        !check_cancelled(call, &row))
        return;
    store_log(call->engine, txn, row.seq, call->log);
    if (call->kind == LEASE_HEARTBEAT)
        heartbeat(call, txn, &row, &lease);
    else
        answer(call, txn, &row, &lease);
    call->id = arena_str(command->arena, row.id);
    call->state = arena_str(command->arena, row.state);
}

void lease_call_post(struct engine *engine, struct lease_call *call, void (*done)(struct command *))
{
    call->engine = engine;
    call->command.apply = call_apply;
    call->command.done = done;
    writer_post(&engine->writer, &call->command);
}

/* --- what time does to it ------------------------------------------------------------ */

static void end_by_timeout(struct engine *engine, struct txn *txn, struct task_row *row)
{
    struct finish finish = {
        .outcome.failure = {.code = FAILURE_TIMEOUT,
                            .message =
                                arena_printf(&txn->arena, "the attempt took longer than %.3f s",
                                             (double)row->timeout / 1000)}};
    finish_row(engine, txn, row, &finish);
}

static void look_at(struct engine *engine, struct txn *txn, struct lease_row *lease)
{
    struct task_row row;
    const char *why = why_over(lease, txn->now);
    bool running = row_by_seq(txn->db, lease->task, &row, &txn->arena) &&
                   row_state(&row) == STATE_RUNNING && row.attempt == lease->attempt;
    if (!running) {
        over(txn, lease, ELSEWHERE);
        return;
    }
    tell_last(engine, txn, &row, lease);
    if (!why) {
        set_due(engine, lease);
        lease_save(txn->db, lease);
        return;
    }
    over(txn, lease, why);
    /* An expiry counts: a task that is the death of each worker that takes it has to end as well.
     */
    if (why == TIMEOUT)
        end_by_timeout(engine, txn, &row);
    else
        finish_lost(engine, txn, &row, true, STR("its worker did not renew the lease"));
}

void lease_sweep(struct engine *engine, struct txn *txn)
{
    if (engine->next_lease > txn->now)
        return;
    struct lease_row *leases = ARENA_ARRAY(&txn->arena, struct lease_row, SWEEP_MAX);
    size_t count = leases_due(txn->db, txn->now, leases, SWEEP_MAX, &txn->arena);
    for (size_t i = 0; i < count; i++)
        look_at(engine, txn, &leases[i]);
    engine->next_lease = leases_next_due(txn->db);
    engine->again = engine->again || count == SWEEP_MAX;
}
