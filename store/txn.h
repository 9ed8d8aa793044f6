/* One transaction of the writer: the connection, the time, and what is to
 * become visible when (and only when) it is committed. Writer thread only. */
#ifndef STORE_TXN_H
#define STORE_TXN_H

#include "base/arena.h"
#include "model/event.h"
#include "store/driver.h"

/* An event of this transaction, stored already, to be published after the commit. */
struct txn_event {
    int64_t id;   /* SSE id; 0: not stored: a line of log, or the end that nobody is told of */
    int64_t task; /* seq of the task it speaks of */
    struct event event;
    struct str data; /* the rendered line of JSON; STR_NONE: nobody is told */
};

struct txn {
    struct db *db;
    int64_t now; /* one time for all that happens together, milliseconds since 1970 */
    bool full;   /* the disk is: what would begin something is to be refused */
    struct arena arena;
    int64_t next_seq;         /* for the next task */
    int64_t next_event;       /* for the next event */
    struct txn_event *events; /* heap */
    size_t event_count, event_capacity;
    size_t told;       /* bytes of the events: their lines and channels */
    int64_t writes;    /* commands applied */
    int64_t commit_ns; /* how long its COMMIT took, once it is over */
};

/* Stores an event (its texts may be short-lived) and keeps it for publishing. */
void txn_emit(struct txn *txn, int64_t task, const struct event *event);
/* Notes the end of a task that nobody is to be told about. */
void txn_end_silently(struct txn *txn, int64_t task, const struct event *event);

/* Tells of something that is not stored as an event: a line of log. */
void txn_tell(struct txn *txn, int64_t task, const struct event *event);

/* The first task and event numbers that are free, from the database. */
void txn_load_counters(struct txn *txn);
/* Ready for the next transaction; the counters stay. */
void txn_clear(struct txn *txn);
void txn_done(struct txn *txn);

#endif
