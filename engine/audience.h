/* Who is told (design 5.2). Writer thread, in its transaction. */
#ifndef ENGINE_AUDIENCE_H
#define ENGINE_AUDIENCE_H

#include "store/rows.h"
#include "store/txn.h"

/* Whether any meta-task, live or not, has the task among its dependencies. */
bool audience_exists(struct db *db, int64_t seq);
/* The live meta-tasks that wait for a task, at any distance, each once; rows in the txn's arena. */
size_t audience_ancestors(struct txn *txn, int64_t seq, struct task_row **rows);
/* The channels that hear of a task's success: its own and its ancestors', each once. A JSON array,
 * or STR_NONE if there are none. */
struct str audience_of(struct txn *txn, const struct task_row *row);

#endif
