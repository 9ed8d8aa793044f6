/* Sharing by cache_key (design 5.4): who holds a key, who joins, who leaves.
 * Writer thread, in its transaction. */
#ifndef ENGINE_SHARE_H
#define ENGINE_SHARE_H

#include "model/spec.h"
#include "store/rows.h"
#include "store/txn.h"

/* The newest task with the key, whatever its state. False: there is none. */
bool share_holder(struct db *db, struct str key, struct task_row *row, struct arena *arena);
/* A live task loses the key, and goes on without it. False: there was none. */
bool share_free(struct db *db, struct str key);
/* The create that spec asks for joins the live task: its channels are told too, and it subscribes
 * unless it is an inline dependency, which a meta-task wants by waiting for it. */
void share_join(struct txn *txn, int64_t task, const struct spec *spec);
/* A new subscription's id, in the arena. */
struct str share_subscribe(struct txn *txn, int64_t task, struct arena *arena);
/* Takes the subscription back. False: the task has none of this id (any more). */
bool share_unsubscribe(struct txn *txn, int64_t task, struct str subscription);

#endif
