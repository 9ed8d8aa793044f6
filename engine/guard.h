/* Guarded tasks: one that fails for good ends the server, in order (design 5.6). */
#ifndef ENGINE_GUARD_H
#define ENGINE_GUARD_H

#include "engine/engine.h"
#include "store/rows.h"

/* Writer, in the transaction in which the guarded task fails. */
void guard_failed(struct engine *engine, struct txn *txn, const struct task_row *row,
                  struct str message);
/* Writer: the transaction is committed, and its events are told. */
void guard_committed(struct engine *engine);
/* Writer: the transaction was undone. */
void guard_undone(struct engine *engine);

#endif
