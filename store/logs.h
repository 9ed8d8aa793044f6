/* The logs of tasks: whole lines in chunks, at most LOG_MAX bytes a task. The
 * first half stays; of the rest the newest half stays, and the reader is told
 * how much is missing in between. */
#ifndef STORE_LOGS_H
#define STORE_LOGS_H

#include "store/driver.h"

enum {
    LOG_MAX = 1 << 20,   /* bytes of a task */
    LOG_PIECE = 1 << 16, /* of a piece that is more than one line */
};

/* Adds whole lines (each with its line end), at most LOG_MAX / 2 bytes and not none; dropped_*:
 * what the sender had to leave out before them. In the caller's transaction. */
void log_append(struct db *db, int64_t task, struct str text, int64_t dropped_lines,
                int64_t dropped_bytes);
/* Appends the whole log to out. */
void log_read(struct db *db, int64_t task, struct buf *out);

/* Appends the next piece after *cursor (0: from the start) and moves the cursor; false: there is
 * none yet. *past_gap, false at the start, keeps whether what was left out has been told. */
bool log_read_on(struct db *db, int64_t task, int64_t *cursor, bool *past_gap, struct buf *out);

#endif
