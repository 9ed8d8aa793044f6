#include "engine/create.h"
#include "engine/task.h"

#include "base/fault.h"
#include "base/mem.h"

enum {
    SWEEP_TASKS = 200, /* deleted in one transaction: a command waits no longer than that takes */
    SWEEP_EVENTS = 1000,
    SWEEP_ANSWERS = 1000,
    SWEEP_PAUSE_MS = 1000, /* at least, between looks when there is nothing to delete */
};

static size_t sweep_tasks(struct engine *engine, struct txn *txn, int64_t before)
{
    int64_t seqs[SWEEP_TASKS];
    size_t count = 0;
    struct stmt *stmt = db_stmt(txn->db, SQL_expired);
    stmt_bind_int(stmt, ":before", before);
    stmt_bind_int(stmt, ":limit", SWEEP_TASKS);
    while (count < SWEEP_TASKS && stmt_step(stmt))
        seqs[count++] = stmt_int(stmt, 0);
    stmt_end(stmt);
    for (size_t i = 0; i < count; i++) {
        struct task_row row;
        if (!row_by_seq(txn->db, seqs[i], &row, &txn->arena))
            continue;
        row_delete(txn->db, &row);
        tally_forget(&engine->tally, &row);
    }
    return count;
}

/* First answers to an Idempotency-Key. */
static int64_t sweep_answers(struct txn *txn)
{
    struct stmt *stmt = db_stmt(txn->db, SQL_answers_delete);
    stmt_bind_int(stmt, ":before", txn->now - IDEMPOTENCY_MS);
    stmt_bind_int(stmt, ":limit", SWEEP_ANSWERS);
    return stmt_run(stmt);
}

/* When the oldest of a kind has been kept for that long; INT64_MAX: there is none. */
static int64_t oldest_expires(struct txn *txn, enum statement oldest, int64_t kept)
{
    struct stmt *stmt = db_stmt(txn->db, oldest);
    int64_t at = stmt_step(stmt) ? stmt_int(stmt, 0) : 0;
    stmt_end(stmt);
    return at ? at + kept : INT64_MAX;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* 0: nothing is kept that will have to go. */
static int64_t next_sweep(struct txn *txn, int64_t retain)
{
    int64_t pause = txn->now + SWEEP_PAUSE_MS;
    int64_t next = oldest_expires(txn, SQL_next_expired, retain);
    next = earlier(next, oldest_expires(txn, SQL_oldest_event_at, retain));
    next = earlier(next, oldest_expires(txn, SQL_oldest_answer_at, IDEMPOTENCY_MS));
    if (next == INT64_MAX)
        return 0;
    return next > pause ? next : pause;
}

void sweep_by(struct engine *engine, int64_t at)
{
    if (!engine->next_sweep || at < engine->next_sweep)
        engine->next_sweep = at;
}

void sweep_expired(struct engine *engine, struct txn *txn)
{
    if (!engine->next_sweep || txn->now < engine->next_sweep || engine->closed)
        return;
    int64_t before = txn->now - engine->config.retain;
    size_t tasks = sweep_tasks(engine, txn, before);
    struct stmt *stmt = db_stmt(txn->db, SQL_events_delete);
    stmt_bind_int(stmt, ":before", before);
    stmt_bind_int(stmt, ":limit", SWEEP_EVENTS);
    int64_t events = stmt_run(stmt);
    int64_t answers = sweep_answers(txn);
    CRASH_POINT(swept);
    if (tasks == SWEEP_TASKS || events == SWEEP_EVENTS || answers == SWEEP_ANSWERS) {
        engine->again = true;
        return;
    }
    engine->next_sweep = next_sweep(txn, engine->config.retain);
}
