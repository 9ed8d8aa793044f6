/* Continuation: a function whose manifest says "continues" may return another
 * task, whose result becomes its own (design 3.5). */
#ifndef ENGINE_CONTINUATION_H
#define ENGINE_CONTINUATION_H

#include "engine/engine.h"
#include "model/spec.h"
#include "store/rows.h"

/* Tasks that one task may lead to, each returned by the one before. */
enum { LINKS_MAX = 100 };

struct continuation {
    struct plan plan;             /* the returned task and what is inside it */
    struct dependency dependency; /* how the returning task refers to it */
};

/* Reads the result of an attempt that has succeeded: if it is {"$task": …}, sets
 * attempt->finish.continuation, or makes the outcome a failure. Loop thread. */
void continuation_read(struct attempt *attempt);
/* Stores the returned task, for which the row waits from now on. False: *failure says why that
 * cannot be, and nothing was written. Writer thread. */
bool continuation_store(struct engine *engine, struct txn *txn, struct task_row *row,
                        const struct continuation *continuation, struct failure *failure);

#endif
