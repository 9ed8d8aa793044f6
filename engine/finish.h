/* How attempts end, and what they say before: from the supervisor to the
 * writer. */
#ifndef ENGINE_FINISH_H
#define ENGINE_FINISH_H

#include "engine/engine.h"

/* Stores the attempt's outcome (attempt->finish is set) and frees the attempt. Loop thread. */
void finish_post(struct attempt *attempt);
/* Stores a report or log lines; copies what it is given. Loop thread. */
void progress_post(struct attempt *attempt, struct str value);
void log_post(struct attempt *attempt, struct str lines, int64_t dropped_lines,
              int64_t dropped_bytes);
/* Writer: a running row whose attempt was cut short by others, for this reason: it runs again, or
 * fails where its function wants that. counts: as one of the interruptions of which the last fails
 * it. */
void finish_lost(struct engine *engine, struct txn *txn, struct task_row *row, bool counts,
                 struct str why);
/* Writer: ends a running row, or sends it on, as finish says; a cancel that was asked for wins. */
void finish_row(struct engine *engine, struct txn *txn, struct task_row *row,
                const struct finish *finish);
/* Writer: a running row that is dead is now cancelled. */
void finish_cancelled(struct engine *engine, struct txn *txn, struct task_row *row);

/* Writer: a row that runs for ever has ended its run, badly where failure is set: it is to run
 * again. */
void finish_restart(struct engine *engine, struct txn *txn, struct task_row *row,
                    const struct failure *failure);

#endif
