/* What happens to tasks, inside the writer's transaction: the one place where
 * states change, events arise and results cascade. Writer thread only. */
#ifndef ENGINE_TASK_H
#define ENGINE_TASK_H

#include "engine/engine.h"
#include "model/failure.h"
#include "store/rows.h"

/* What goes with a move; all optional. */
struct move_with {
    struct str result;             /* JSON */
    bool safe_exit;                /* it succeeded by an exit status that is no failure */
    const struct failure *failure; /* its attempt is filled in */
};

/* Moves the row along the table of states, stores it, counts it and tells of it. Asserts that the
 * table knows the move. */
void task_move(struct engine *engine, struct txn *txn, struct task_row *row, enum task_cause cause,
               const struct move_with *with);
/* Stores a new row and tells of it. */
void task_add(struct engine *engine, struct txn *txn, struct task_row *row);
/* Tells of progress: the task's own event and one for each of its ancestors (design 5.2). */
void task_progress(struct engine *engine, struct txn *txn, struct task_row *row,
                   struct str progress);

/* Stores lines of the task's log (store/logs.h) and tells those who follow. */
void task_log(struct engine *engine, struct txn *txn, int64_t task, struct str lines,
              int64_t dropped_lines, int64_t dropped_bytes);

/* What follows from the end of a task: meta-tasks that wait for it go on or end, and what nobody
 * wants any more is cancelled. */
void task_ended(struct engine *engine, struct txn *txn, const struct task_row *row);
/* Nothing is left that this meta-task has to wait for: it is queued, or scheduled if its time is
 * still to come. */
void task_resolve(struct engine *engine, struct txn *txn, struct task_row *meta);
/* A new meta-task refers to a task that has ended already: counts that for this meta-task alone, as
 * others that wait with the same task have counted it before. */
void task_count_ended(struct engine *engine, struct txn *txn, int64_t meta, int64_t dependency);
/* Whether a task waits for this one. One that has its winner (wait_for any) waits for none any
 * more. */
bool task_awaited(struct txn *txn, int64_t seq);
/* Cancels a live task: at once, or, if it runs, by asking the supervisor to take it down. */
void task_cancel(struct engine *engine, struct txn *txn, struct task_row *row,
                 struct str caused_by);

/* Starts what may start, for as long as there is room. */
void claim_ready(struct engine *engine, struct txn *txn);
/* Queues scheduled tasks whose time has come. */
void claim_due(struct engine *engine, struct txn *txn);

/* There will be something to delete at this time. */
void sweep_by(struct engine *engine, int64_t at);
/* Deletes what has been finished for longer than --retain, a small batch at a time. */
void sweep_expired(struct engine *engine, struct txn *txn);

/* Hands an order to the supervisor once the transaction is committed. */
void engine_order(struct engine *engine, struct order *order);
/* Nothing runs any more, and nothing will be started. */
void engine_drained(struct engine *engine);
/* Writer: says so if it has come to that. */
void engine_check_drained(struct engine *engine);

#endif
