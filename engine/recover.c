#include "engine/recover.h"

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
    int64_t after; /* seq of the last one seen */
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
    recovery->after = count ? rows[count - 1].seq : recovery->after;
    return count;
}

/* What a worker elsewhere has in hand goes on, unless it is to be cancelled (design 4.10); leases
 * that are over end when the engine sweeps. */
static void apply_running(struct command *command, struct txn *txn)
{
    struct recovery *recovery = container_of(command, struct recovery, command);
    struct task_row *rows = ARENA_ARRAY(&txn->arena, struct task_row, SLICE);
    size_t count = slice(recovery, txn, rows);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].cancel_requested && lease_held(txn, &rows[i]))
            continue;
        lease_revoke(txn, &rows[i]);
        finish_lost(recovery->engine, txn, &rows[i], true,
                    STR("the server died while the task was running"));
        recovery->changed++;
    }
}

/* A waiting task is resolved in the transaction in which its last dependency ends, so there is
 * nothing to mend unless the database was changed by other hands. */
static void apply_waiting(struct command *command, struct txn *txn)
{
    struct recovery *recovery = container_of(command, struct recovery, command);
    struct task_row *rows = ARENA_ARRAY(&txn->arena, struct task_row, SLICE);
    size_t count = slice(recovery, txn, rows);
    for (size_t i = 0; i < count; i++) {
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
            task_move(recovery->engine, txn, &rows[i], CAUSE_RESOLVED, NULL);
    }
}

static bool pass(struct engine *engine, enum task_state state, const char *kind,
                 void (*apply)(struct command *, struct txn *), size_t *changed)
{
    struct recovery recovery = {.engine = engine, .state = state, .kind = kind};
    recovery.command = (struct command){.apply = apply, .arena = &recovery.arena};
    do {
        recovery.seen = 0;
        writer_run(&engine->writer, &recovery.command);
    } while (recovery.seen == SLICE && recovery.command.problem.code == PROBLEM_NONE);
    *changed += recovery.changed;
    bool fine = recovery.command.problem.code == PROBLEM_NONE;
    arena_done(&recovery.arena);
    return fine;
}

bool recover(struct engine *engine)
{
    size_t running = 0, waiting = 0;
    if (!pass(engine, STATE_RUNNING, "task", apply_running, &running) ||
        !pass(engine, STATE_RUNNING, "meta", apply_running, &running) ||
        !pass(engine, STATE_WAITING, "task", apply_waiting, &waiting) ||
        !pass(engine, STATE_WAITING, "meta", apply_waiting, &waiting))
        return false;
    if (running)
        log_info("recovery: tasks that were running when the server died: %zu", running);
    return true;
}
