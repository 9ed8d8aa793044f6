#include "engine/recover.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/finish.h"
#include "engine/lease.h"
#include "engine/task.h"

/* Rows looked at in one transaction. */
enum { SLICE = 500 };

struct recovery {
    struct command command;
    struct arena arena;
    struct engine *engine;
    enum task_state state; /* which tasks are looked at */
    const char *kind;
    int64_t after; /* seq: this slice begins behind it */
    int64_t last;  /* seq of the last one seen */
    size_t seen;   /* in this slice */
    size_t changed;
};

static size_t slice(struct recovery *recovery, struct txn *txn, struct task_row *rows)
{
    size_t count = 0;
    struct stmt *stmt = db_stmt(txn->db, SQL_in_state);
    stmt_bind_text(stmt, ":state", str_of(state_text(recovery->state)));
    stmt_bind_text(stmt, ":kind", str_of(recovery->kind));
    stmt_bind_int(stmt, ":after", recovery->after);
    stmt_bind_int(stmt, ":limit", SLICE);
    while (stmt_step(stmt))
        row_read(stmt, &rows[count++], &txn->arena);
    recovery->seen = count;
    recovery->last = count ? rows[count - 1].seq : recovery->after;
    return count;
}

/* What a worker elsewhere has in hand goes on, unless it is to be cancelled (design 4.10); leases
 * that are over end when the engine sweeps. */
static void requeue_slice(struct recovery *recovery, struct txn *txn)
{
    struct task_row *rows = ARENA_ARRAY(&txn->arena, struct task_row, SLICE);
    size_t count = slice(recovery, txn, rows);
    for (size_t i = 0; i < count; i++) {
        if (!row_again(txn->db, &rows[i], &txn->arena)) /* the end of one before may be its end */
            continue;
        if (!rows[i].cancel_requested && lease_held(txn, &rows[i]))
            continue;
        lease_revoke(txn, &rows[i]);
        finish_lost(recovery->engine, txn, &rows[i], true,
                    STR("the server died while the task was running"));
        recovery->changed++;
        CRASH_POINT(in_recovery);
    }
}

static void apply_running(struct command *command, struct txn *txn)
{
    struct recovery *recovery = container_of(command, struct recovery, command);
    recovery->changed = 0;
    requeue_slice(recovery, txn);
}

/* A waiting task is resolved in the transaction in which its last dependency ends, so there is
 * nothing to mend unless the database was changed by other hands. */
static void apply_waiting(struct command *command, struct txn *txn)
{
    struct recovery *recovery = container_of(command, struct recovery, command);
    struct task_row *rows = ARENA_ARRAY(&txn->arena, struct task_row, SLICE);
    size_t count = slice(recovery, txn, rows);
    recovery->changed = 0;
    for (size_t i = 0; i < count; i++) {
        if (!row_again(txn->db, &rows[i], &txn->arena))
            continue;
        struct stmt *stmt = db_stmt(txn->db, SQL_unresolved_now);
        stmt_bind_int(stmt, ":task", rows[i].seq);
        int64_t unresolved = stmt_step(stmt) ? stmt_int(stmt, 0) : rows[i].unresolved;
        stmt_end(stmt);
        if (unresolved == rows[i].unresolved && unresolved > 0)
            continue;
        log_warn("task %.*s waited for %lld dependencies, but %lld are open: mended",
                 STR_ARG(rows[i].id), (long long)rows[i].unresolved, (long long)unresolved);
        recovery->changed++;
        rows[i].unresolved = unresolved;
        row_touch(txn->db, &rows[i]);
        if (unresolved == 0 && rows[i].continued)
            task_count_ended(recovery->engine, txn, rows[i].seq, rows[i].continued);
        else if (unresolved == 0)
            task_resolve(recovery->engine, txn, &rows[i]);
    }
}

static enum problem_code pass(struct engine *engine, enum task_state state, const char *kind,
                              void (*apply)(struct command *, struct txn *), size_t *changed,
                              char **why)
{
    struct recovery recovery = {.engine = engine, .state = state, .kind = kind};
    recovery.command = (struct command){.apply = apply, .arena = &recovery.arena};
    do {
        recovery.after = recovery.last;
        writer_run(&engine->writer, &recovery.command);
        *changed += recovery.changed;
        CRASH_POINT(slice_recovered);
    } while (recovery.seen == SLICE && recovery.command.problem.code == PROBLEM_NONE);
    enum problem_code problem = recovery.command.problem.code;
    if (problem != PROBLEM_NONE && problem != PROBLEM_STORAGE_FULL)
        *why = mem_string(recovery.command.problem.detail.data);
    arena_done(&recovery.arena);
    return problem;
}

static void log_recovered(size_t running)
{
    if (running)
        log_info("recovery: tasks that were running when the server died: %zu", running);
}

bool recover(struct engine *engine, char **why)
{
    static const struct {
        enum task_state state;
        const char *kind;
        void (*apply)(struct command *, struct txn *);
    } passes[] = {{STATE_RUNNING, "task", apply_running},
                  {STATE_RUNNING, "meta", apply_running},
                  {STATE_WAITING, "task", apply_waiting},
                  {STATE_WAITING, "meta", apply_waiting}};
    size_t changed[STATE_COUNT] = {0};
    for (size_t i = 0; i < array_size(passes); i++) {
        enum task_state state = passes[i].state;
        enum problem_code problem =
            pass(engine, state, passes[i].kind, passes[i].apply, &changed[state], why);
        engine->recovering = engine->recovering || problem == PROBLEM_STORAGE_FULL;
        if (*why)
            return false;
    }
    if (!engine->recovering)
        log_recovered(changed[STATE_RUNNING]);
    return true;
}

/* --- without room ---------------------------------------------------------------------- */

static void apply_again(struct command *command, struct txn *txn)
{
    static const char *const kinds[] = {"task", "meta"};
    struct recovery *recovery = container_of(command, struct recovery, command);
    recovery->changed = 0;
    for (size_t i = 0; i < array_size(kinds); i++) {
        recovery->kind = kinds[i];
        recovery->last = 0;
        do {
            recovery->after = recovery->last;
            requeue_slice(recovery, txn);
        } while (recovery->seen == SLICE);
    }
}

static void recovered(struct command *command)
{
    struct recovery *recovery = container_of(command, struct recovery, command);
    if (command->problem.code == PROBLEM_NONE) {
        log_recovered(recovery->changed);
        recovery->engine->recovering = false;
        recovery->engine->again = true;
    }
    mem_free(recovery);
}

void recover_later(struct engine *engine)
{
    struct recovery *recovery = mem_alloc(sizeof(*recovery));
    *recovery = (struct recovery){.engine = engine, .state = STATE_RUNNING};
    recovery->command = (struct command){.apply = apply_again, .done = recovered, .internal = true};
    writer_post(&engine->writer, &recovery->command);
}
