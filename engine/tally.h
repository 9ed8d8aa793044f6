/* How many tasks are in each state, and of each function queued and running:
 * what the writer needs to know what may start, and what others may ask.
 *
 * The writer keeps it in step with its transaction (tally_move) and either
 * publishes or takes back what it noted. It also remembers the head of each
 * function's queue, which saves a look-up for every start; that is a cache of
 * one row a function, forgotten whenever it might be stale. */
#ifndef ENGINE_TALLY_H
#define ENGINE_TALLY_H

#include "base/map.h"
#include "model/function.h"
#include "model/state.h"
#include "store/rows.h"

#include <pthread.h>

/* Where a queued task stands: lane, then priority (higher first), then seq. */
struct queue_place {
    int64_t lane, priority, seq;
};

struct tally_function {
    struct map_node node;
    struct tally_function *next;       /* in the list of all */
    struct str name;                   /* owned */
    int64_t queued, running;           /* the writer's, within its transaction */
    int64_t outlived;                  /* the writer's: attempts whose task was ended from outside,
                                          still dying where they ran */
    int64_t seen_queued, seen_running; /* as of the last commit; under the lock */
    bool head_known;
    struct queue_place head;
};

struct tally_change {
    struct tally_function *function;
    int from, to; /* enum task_state, or -1 */
};

struct tally {
    struct map by_name;
    struct tally_function *functions;
    int64_t states[STATE_COUNT];
    struct tally_change *changes; /* of this transaction */
    size_t change_count, change_capacity;
    pthread_mutex_t lock; /* "tally": guards the seen_ members and the list's growth */
    int64_t seen_states[STATE_COUNT];
};

void tally_init(struct tally *tally);
void tally_done(struct tally *tally);
/* Counts what the database holds, before the writer starts. */
void tally_load(struct tally *tally, struct db *db);

/* Writer: the row went from state from (-1: it is new) to its present state. */
void tally_move(struct tally *tally, int from, const struct task_row *row);
/* Writer: the row, in its terminal state, is deleted. */
void tally_forget(struct tally *tally, const struct task_row *row);
void tally_publish(struct tally *tally);
void tally_undo(struct tally *tally);
/* Queued, scheduled and waiting tasks, as the writer's transaction stands. */
int64_t tally_backlog(const struct tally *tally);
/* NULL: it never had a task. What is found stays as long as the tally. */
struct tally_function *tally_find(struct tally *tally, struct str name);
/* The function's counts, made if there are none yet. */
struct tally_function *tally_function_of(struct tally *tally, struct str name);
/* Whether t's queue has a head that comes before *best, or the first that is seen where *best is
 * all zero (a seq is never 0); *best then becomes it. */
bool tally_leads(struct tally_function *t, struct db *db, struct queue_place *best);
/* Whether as many of the function's tasks run, or are still dying, as its manifest allows. */
bool tally_full(const struct tally_function *t, const struct function *function);

/* Any thread: the counts as of the last commit. */
void tally_states(struct tally *tally, int64_t states[STATE_COUNT]);
void tally_function_counts(struct tally *tally, struct str name, int64_t *queued, int64_t *running);

#endif
