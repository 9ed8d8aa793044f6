/* What has happened since the server started: tasks by function, how long they
 * waited and ran, commits and events. For GET /metrics.
 *
 * The writer notes each move of a task within its transaction; the notes are
 * counted after the commit, or dropped with it. One lock a commit, nothing is
 * allocated for an event. */
#ifndef ENGINE_METER_H
#define ENGINE_METER_H

#include "base/histogram.h"
#include "base/map.h"
#include "model/function.h"
#include "model/state.h"
#include "store/rows.h"
#include "store/txn.h"

#include <pthread.h>

struct meter_counts {
    int64_t created;
    int64_t causes[CAUSE_COUNT]; /* moves of each cause */
    int64_t ended[STATE_COUNT];  /* terminal states only */
    struct histogram waits;      /* SCALE_SPAN_MS, from being queued to the start */
    struct histogram runs;       /* SCALE_SPAN_MS, from the start of an attempt to its end */
};

struct meter_function {
    struct map_node node;
    struct meter_function *next;
    struct str name;            /* owned */
    struct meter_counts counts; /* as of the last commit; under the lock */
};

/* Of the whole server. */
struct meter_totals {
    int64_t events[EVENT_COUNT]; /* stored, by type */
    struct histogram batches;    /* SCALE_BATCH, commands in a transaction */
    struct histogram commits;    /* SCALE_SYNC_US, how long COMMIT took */
};

struct meter_note {
    struct meter_function *function;
    const struct state_move *move; /* NULL: the task is new */
    int64_t span;                  /* of waiting or running, milliseconds; -1: none */
};

struct meter {
    int64_t since;            /* when it began to count, milliseconds since 1970 */
    struct map by_name;       /* the writer's */
    struct meter_note *notes; /* of this transaction; the writer's */
    size_t note_count, note_capacity;
    pthread_mutex_t lock;             /* "meter": guards the next, and the counts */
    struct meter_function *functions; /* all that were ever known: none is taken out */
    size_t function_count;
    struct meter_totals totals;
};

void meter_init(struct meter *meter);
void meter_done(struct meter *meter);

/* Writer: these functions are shown from now on, be it with zeros. */
void meter_know(struct meter *meter, const struct function_set *set);
/* Writer: the row is new. */
void meter_add(struct meter *meter, const struct task_row *row);
/* Writer: the row has made this move. */
void meter_move(struct meter *meter, int64_t now, const struct state_move *move,
                const struct task_row *row);
/* Writer, after the commit: counts what was noted, and the transaction itself. */
void meter_publish(struct meter *meter, const struct txn *txn);
void meter_undo(struct meter *meter);

/* One function as of one moment. */
struct meter_reading {
    struct str name; /* the meter's; lives as long as it does */
    struct meter_counts counts;
};
/* Any thread: all of one moment, by name; an array in the arena. */
size_t meter_read(struct meter *meter, struct meter_totals *totals, struct meter_reading **readings,
                  struct arena *arena);

#endif
