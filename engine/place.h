/* Where the tasks of a plan come to stand: which are new, which join a live
 * task with their cache_key, which find a success that is still good (design
 * 5.4). Writer thread, in its transaction. */
#ifndef ENGINE_PLACE_H
#define ENGINE_PLACE_H

#include "engine/engine.h"
#include "engine/share.h"
#include "model/spec.h"
#include "store/rows.h"

enum placing {
    PLACE_UNWANTED, /* only inside a meta-task that is not made */
    PLACE_NEW,
    PLACE_JOINED,
    PLACE_CACHED, /* it has succeeded already */
};

/* The task behind a $task, at first sight. */
struct placed_dependency {
    int64_t seq;
    struct str state; /* STR_NONE: new in this plan */
    int64_t version;
};

struct placed {
    enum placing how;
    struct task_row row;     /* of the task that it became, as stored */
    struct share *share;     /* who joins it; NULL: nobody */
    struct str subscription; /* with which its creator may leave it; STR_NONE: no cache_key */
    struct placed_dependency *dependencies; /* of a new one: one for each of its $tasks */
};

struct place {
    struct engine *engine;
    const struct plan *plan;
    struct arena *arena;
    struct problem *problem; /* why place_check refused */
    int64_t links;           /* continuations that led to this plan */
    struct placed *tasks;    /* one for each task of the plan */
    size_t new_count;
};

/* Decides all places, and writes nothing. False: *problem says what is wrong. */
bool place_check(struct place *place, struct txn *txn);
/* The task behind a $task, after place_check's decisions. False: *problem says what is wrong. */
bool place_dependency(struct place *place, struct txn *txn, const struct dependency *dependency,
                      struct placed_dependency *found);
/* Stores what place_check decided. */
void place_store(struct place *place, struct txn *txn);
/* The task that plan->specs[i] became. */
struct placed *place_of(const struct place *place, size_t i);

#endif
