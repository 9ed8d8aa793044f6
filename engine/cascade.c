#include "engine/task.h"

#include "base/mem.h"
#include "engine/audience.h"
#include "model/policy.h"

/* Tasks whose end is still to be followed up. A list, not recursion: chains may be long. */
struct ended_list {
    int64_t *seqs; /* heap */
    size_t count, capacity;
};

static void ended_push(struct ended_list *list, int64_t seq)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->seqs = mem_resize(list->seqs, list->capacity * sizeof(*list->seqs));
    }
    list->seqs[list->count++] = seq;
}

/* A meta-task that waits for the ended task. */
struct dependent {
    int64_t task;
    int64_t places; /* how many of its $task places the ended task fills */
    bool optional;  /* all of them may stay null */
};

static size_t dependents_waiting(struct txn *txn, int64_t seq, struct dependent **found)
{
    size_t count = 0, capacity = 0;
    *found = NULL;
    struct stmt *stmt = db_stmt(txn->db, SQL_dependents_waiting);
    stmt_bind_int(stmt, ":dependency", seq);
    while (stmt_step(stmt)) {
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 8;
            *found = mem_resize(*found, capacity * sizeof(**found));
        }
        (*found)[count++] =
            (struct dependent){stmt_int(stmt, 0), stmt_int(stmt, 1), stmt_int(stmt, 2)};
    }
    return count;
}

/* The seqs that a statement about one task gives; *found is heap. */
static size_t read_seqs(struct txn *txn, enum statement which, int64_t seq, int64_t **found)
{
    size_t count = 0, capacity = 0;
    *found = NULL;
    struct stmt *stmt = db_stmt(txn->db, which);
    stmt_bind_int(stmt, ":task", seq);
    while (stmt_step(stmt)) {
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 8;
            *found = mem_resize(*found, capacity * sizeof(**found));
        }
        (*found)[count++] = stmt_int(stmt, 0);
    }
    return count;
}

bool task_awaited(struct txn *txn, int64_t seq)
{
    struct stmt *stmt = db_stmt(txn->db, SQL_dependents_waiting);
    stmt_bind_int(stmt, ":dependency", seq);
    bool waits = stmt_step(stmt);
    stmt_end(stmt);
    return waits;
}

static bool wanted(struct txn *txn, const struct task_row *row)
{
    return row->subscribers > 0 || task_awaited(txn, row->seq);
}

static void cancel(struct engine *engine, struct txn *txn, struct task_row *row,
                   struct str caused_by, struct ended_list *list)
{
    static const struct failure failure = {.code = FAILURE_CANCELLED,
                                           .message = {"the task was cancelled", 22}};
    if (row_state(row) == STATE_RUNNING) {
        if (row->cancel_requested)
            return;
        row->cancel_requested = 1;
        row->caused_by = caused_by;
        row->version++;
        row_touch(txn->db, row);
        engine_order(engine, order_new(ORDER_STOP, row->seq));
        return;
    }
    row->caused_by = caused_by;
    task_move(engine, txn, row, CAUSE_CANCEL, &(struct move_with){.failure = &failure});
    ended_push(list, row->seq);
}

/* A meta-task has stopped waiting: what it alone wanted is not wanted any more. */
static void release(struct engine *engine, struct txn *txn, const struct task_row *meta,
                    struct str caused_by, struct ended_list *list)
{
    int64_t *seqs;
    size_t count = read_seqs(txn, SQL_dependency_seqs, meta->seq, &seqs);
    for (size_t i = 0; i < count; i++) {
        struct task_row row;
        if (row_by_seq(txn->db, seqs[i], &row, &txn->arena) && !state_terminal(row_state(&row)) &&
            !wanted(txn, &row))
            cancel(engine, txn, &row, caused_by, list);
    }
    mem_free(seqs);
}

static struct str origin_of(const struct task_row *row)
{
    return row->caused_by.data ? row->caused_by : row->id;
}

static void end_meta(struct engine *engine, struct txn *txn, struct task_row *meta,
                     enum verdict verdict, struct str caused_by, struct ended_list *list)
{
    bool cancelled = verdict == VERDICT_CANCEL;
    bool any = str_eq(meta->wait_for, STR("any")) && !meta->continued;
    struct failure failure = {
        .code = cancelled ? FAILURE_CANCELLED : FAILURE_DEPENDENCY_FAILED,
        .message = arena_printf(&txn->arena, "the task %.*s, which this one needs, %s",
                                STR_ARG(caused_by), cancelled ? "was cancelled" : "failed")};
    if (any)
        failure.message = STR("none of the tasks of which this one needs any has succeeded");
    meta->caused_by = caused_by;
    task_move(engine, txn, meta, cancelled ? CAUSE_DEPENDENCY_CANCELLED : CAUSE_DEPENDENCY_FAILED,
              &(struct move_with){.failure = &failure});
    ended_push(list, meta->seq);
}

void task_resolve(struct engine *engine, struct txn *txn, struct task_row *meta)
{
    bool early = meta->run_at > txn->now;
    task_move(engine, txn, meta, early ? CAUSE_RESOLVED_EARLY : CAUSE_RESOLVED, NULL);
}

/* The task that a function returned has ended: what it became is what the returning task becomes
 * (design 3.5). */
static void settle_continued(struct engine *engine, struct txn *txn, struct task_row *row,
                             const struct task_row *ended, struct ended_list *list)
{
    enum task_state state = row_state(ended);
    row->unresolved = 0;
    if (state != STATE_SUCCEEDED) {
        end_meta(engine, txn, row, state == STATE_FAILED ? VERDICT_FAIL : VERDICT_CANCEL,
                 origin_of(ended), list);
        return;
    }
    struct str result = result_read(txn->db, ended->seq, &txn->arena);
    task_move(engine, txn, row, CAUSE_INNER_SUCCEEDED, &(struct move_with){.result = result});
    ended_push(list, row->seq);
}

static void settle(struct engine *engine, struct txn *txn, const struct dependent *dependent,
                   const struct task_row *ended, struct ended_list *list)
{
    struct task_row meta;
    enum wait_for wait_for = WAIT_ALL;
    if (!row_by_seq(txn->db, dependent->task, &meta, &txn->arena) ||
        row_state(&meta) != STATE_WAITING)
        return;
    if (meta.continued) { /* it may still have losers of wait_for any that others want */
        if (meta.continued == ended->seq)
            settle_continued(engine, txn, &meta, ended, list);
        return;
    }
    wait_for_parse(meta.wait_for, &wait_for);
    enum verdict verdict = policy_verdict(wait_for, row_state(ended), dependent->optional);
    meta.unresolved -= dependent->places;
    if (wait_for == WAIT_ANY && !meta.caused_by.data)
        meta.caused_by = origin_of(ended); /* where it began, if all of them end badly */
    if (verdict == VERDICT_WIN) {
        meta.winner = ended->seq;
        meta.caused_by = STR_NONE;
        task_resolve(engine, txn, &meta);
        release(engine, txn, &meta, meta.id, list);
    } else if (verdict == VERDICT_FAIL || verdict == VERDICT_CANCEL) {
        end_meta(engine, txn, &meta, verdict, origin_of(ended), list);
    } else if (meta.unresolved > 0) {
        meta.version++;
        row_touch(txn->db, &meta);
    } else if (policy_resolved(wait_for)) {
        task_resolve(engine, txn, &meta);
    } else {
        end_meta(engine, txn, &meta, VERDICT_FAIL, meta.caused_by, list);
    }
}

/* Results that were kept only because this task needed them. */
static void drop_inputs(struct txn *txn, const struct task_row *row)
{
    int64_t *seqs;
    size_t count = read_seqs(txn, SQL_gone_inputs, row->seq, &seqs);
    for (size_t i = 0; i < count; i++) {
        if (!row_needed(txn->db, seqs[i]))
            result_delete(txn->db, seqs[i]);
    }
    mem_free(seqs);
}

static void follow_up(struct engine *engine, struct txn *txn, struct ended_list *list)
{
    while (list->count) {
        struct task_row row;
        struct dependent *dependents;
        if (!row_by_seq(txn->db, list->seqs[--list->count], &row, &txn->arena))
            continue;
        size_t count = dependents_waiting(txn, row.seq, &dependents);
        for (size_t i = 0; i < count; i++)
            settle(engine, txn, &dependents[i], &row, list);
        mem_free(dependents);
        if (!row_has_dependencies(&row))
            continue;
        if (row_state(&row) != STATE_SUCCEEDED || row.unresolved > 0)
            release(engine, txn, &row, origin_of(&row), list);
        drop_inputs(txn, &row);
    }
    mem_free(list->seqs);
}

void task_count_ended(struct engine *engine, struct txn *txn, int64_t meta, int64_t dependency)
{
    struct ended_list list = {0};
    struct dependent dependent = {.task = meta};
    struct task_row ended;
    struct stmt *stmt = db_stmt(txn->db, SQL_dependent);
    stmt_bind_int(stmt, ":task", meta);
    stmt_bind_int(stmt, ":dependency", dependency);
    if (stmt_step(stmt)) {
        dependent.places = stmt_int(stmt, 0);
        dependent.optional = stmt_int(stmt, 1);
    }
    stmt_end(stmt);
    if (row_by_seq(txn->db, dependency, &ended, &txn->arena))
        settle(engine, txn, &dependent, &ended, &list);
    follow_up(engine, txn, &list);
}

void task_ended(struct engine *engine, struct txn *txn, const struct task_row *row)
{
    struct ended_list list = {0};
    if (!row_has_dependencies(row) && !audience_exists(txn->db, row->seq))
        return; /* nearly always: nobody waits for it, and it waited for nobody */
    ended_push(&list, row->seq);
    follow_up(engine, txn, &list);
}

void task_cancel(struct engine *engine, struct txn *txn, struct task_row *row, struct str caused_by)
{
    struct ended_list list = {0};
    cancel(engine, txn, row, caused_by, &list);
    follow_up(engine, txn, &list);
}
