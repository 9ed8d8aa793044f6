/* The last error of each function: of its newest attempt that failed, whatever
 * became of the task. For GET /v1/functions; in memory only.
 *
 * The writer notes it within its transaction; it shows after the commit, or is
 * dropped with it. */
#ifndef ENGINE_LAST_ERROR_H
#define ENGINE_LAST_ERROR_H

#include "base/map.h"
#include "model/failure.h"
#include "store/rows.h"
#include "store/txn.h"

#include <pthread.h>

struct last_error {
    struct map_node node;
    struct str function; /* owned */
    struct buf json;     /* {"code","message","at","task"} */
};

/* Of this transaction; in its arena. */
struct last_error_note {
    struct last_error_note *next;
    struct str function, json;
};

struct last_errors {
    struct last_error_note *notes, **last_note; /* the writer's */
    pthread_mutex_t lock;                       /* "last error": guards the next */
    struct map by_function;
};

void last_errors_init(struct last_errors *errors);
void last_errors_done(struct last_errors *errors);

/* Writer: an attempt of the row has failed. */
void last_error_note(struct last_errors *errors, struct txn *txn, const struct task_row *row,
                     const struct failure *failure);
void last_errors_publish(struct last_errors *errors);
void last_errors_undo(struct last_errors *errors);

/* Any thread: appends the function's, or null. */
void last_error_render(struct last_errors *errors, struct str function, struct buf *out);

#endif
