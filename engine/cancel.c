#include "engine/cancel.h"

#include "base/mem.h"
#include "engine/finish.h"
#include "engine/lease.h"
#include "engine/share.h"
#include "engine/task.h"

/* Tasks that are cancelled in one transaction. */
enum { SLICE = 500 };

/* Whether the task goes on when one subscriber leaves. A meta-task that waits counts as one more
 * who shares a key; without a key the cancel of a dependency is meant for those who wait, too. */
static bool others_want_it(struct txn *txn, const struct task_row *row)
{
    if (row->cancel_requested)
        return false;
    return row->subscribers > 1 ||
           (row->subscribers == 1 && row->cache_key.data && task_awaited(txn, row->seq));
}

/* Whether whoever asks has a say: with a subscription that is over or was never one only by force.
 */
static bool may_cancel(struct cancel *cancel, struct txn *txn)
{
    bool left =
        !cancel->subscription.data || share_unsubscribe(txn, cancel->row.seq, cancel->subscription);
    return left || cancel->force;
}

static void cancel_apply(struct command *command, struct txn *txn)
{
    struct cancel *cancel = container_of(command, struct cancel, command);
    struct task_row *row = &cancel->row;
    cancel->cancelled = false;
    if (!row_by_id(txn->db, cancel->id, row, command->arena)) {
        problem_set(&command->problem, command->arena, PROBLEM_NOT_FOUND,
                    "there is no task with the id \"%.*s\"", STR_ARG(cancel->id));
        return;
    }
    if (state_terminal(row_state(row)) || !may_cancel(cancel, txn))
        return;
    cancel->cancelled = cancel->force || !others_want_it(txn, row);
    if (!cancel->cancelled) {
        row->subscribers--;
        row->version++;
        row_touch(txn->db, row);
        return;
    }
    if (cancel->silent && !row->cancel_requested)
        row->silent = 1;
    task_cancel(cancel->engine, txn, row, row->id);
    row_by_id(txn->db, cancel->id, row, command->arena);
}

void cancel_post(struct engine *engine, struct cancel *cancel, void (*done)(struct command *))
{
    cancel->engine = engine;
    cancel->command.apply = cancel_apply;
    cancel->command.done = done;
    writer_post(&engine->writer, &cancel->command);
}

/* --- many ------------------------------------------------------------------------------ */

static void cancel_many_apply(struct command *command, struct txn *txn)
{
    struct cancel_many *many = container_of(command, struct cancel_many, command);
    many->in_slice = 0;
    for (size_t i = many->next; i < many->count && i < many->next + SLICE; i++) {
        struct task_row row;
        if (!row_by_seq(txn->db, many->seqs[i], &row, &txn->arena))
            continue;
        bool live = !state_terminal(row_state(&row));
        if (live)
            task_cancel(many->engine, txn, &row, row.id);
        many->in_slice += live || row_state(&row) == STATE_CANCELLED;
    }
}

static void cancel_many_done(struct command *command)
{
    struct cancel_many *many = container_of(command, struct cancel_many, command);
    if (command->problem.code == PROBLEM_NONE) {
        many->cancelled += many->in_slice;
        many->next += SLICE;
        if (many->next < many->count) {
            writer_post(&many->engine->writer, command);
            return;
        }
    }
    many->done(many);
}

void cancel_many_post(struct engine *engine, struct cancel_many *many)
{
    many->engine = engine;
    many->command.apply = cancel_many_apply;
    many->command.done = cancel_many_done;
    writer_post(&engine->writer, &many->command);
}

/* --- everything, at shutdown ------------------------------------------------------------ */

struct cancel_all {
    struct command command;
    struct arena arena;
    struct engine *engine;
    size_t found; /* in the last slice */
};

static void cancel_now(struct engine *engine, struct txn *txn, struct task_row *row)
{
    if (!lease_revoke(txn, row)) {
        task_cancel(engine, txn, row, row->id);
        return;
    }
    if (!row->cancel_requested)
        row->caused_by = row->id;
    finish_cancelled(engine, txn, row);
}

static void cancel_all_apply(struct command *command, struct txn *txn)
{
    static const struct {
        const char *state, *kind;
    } groups[] = {
        {"waiting", "meta"}, {"scheduled", "meta"}, {"scheduled", "task"}, {"queued", "meta"},
        {"queued", "task"},  {"running", "meta"}, /* in the hands of workers elsewhere */
        {"running", "task"}};
    struct cancel_all *all = container_of(command, struct cancel_all, command);
    struct task_row *rows = ARENA_ARRAY(&txn->arena, struct task_row, SLICE);
    all->found = 0;
    for (size_t i = 0; i < array_size(groups) && !all->found; i++) {
        struct stmt *stmt = db_stmt(txn->db, SQL_in_state);
        stmt_bind_text(stmt, ":state", str_of(groups[i].state));
        stmt_bind_text(stmt, ":kind", str_of(groups[i].kind));
        stmt_bind_int(stmt, ":after", 0);
        stmt_bind_int(stmt, ":limit", SLICE);
        while (stmt_step(stmt))
            row_read(stmt, &rows[all->found++], &txn->arena);
    }
    for (size_t i = 0; i < all->found; i++) {
        struct task_row row; /* one before may have taken it along */
        if (row_by_seq(txn->db, rows[i].seq, &row, &txn->arena) && !state_terminal(row_state(&row)))
            cancel_now(all->engine, txn, &row);
    }
}

static void cancel_all_done(struct command *command)
{
    struct cancel_all *all = container_of(command, struct cancel_all, command);
    if (all->found && command->problem.code == PROBLEM_NONE) {
        writer_post(&all->engine->writer, command);
        return;
    }
    engine_drained(all->engine);
    struct arena arena = all->arena;
    arena_done(&arena);
}

void cancel_everything(struct engine *engine)
{
    struct arena arena = {0};
    struct cancel_all *all = ARENA_NEW(&arena, struct cancel_all);
    all->arena = arena;
    all->engine = engine;
    all->command =
        (struct command){.apply = cancel_all_apply, .done = cancel_all_done, .arena = &all->arena};
    writer_post(&engine->writer, &all->command);
}
