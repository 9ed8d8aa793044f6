/* The arguments of a meta-task's process step: its own, with the results of its
 * dependencies in the places of their $task objects. */
#ifndef ENGINE_INPUTS_H
#define ENGINE_INPUTS_H

#include "base/arena.h"
#include "store/driver.h"

/* What all results together may add to the arguments; more fails the task. */
enum { INPUTS_MAX = 256 << 20 };

/* Why a task with more of them fails. */
#define INPUTS_TOO_LARGE STR("the results it needs are too large together")

struct inputs {
    bool no_kwargs; /* they are not used: what stands in them is not read */
    size_t most;    /* bytes of results beyond which nobody wants to know how many they are */
    size_t keep;    /* bytes of results beyond which they are only counted */
    size_t bytes;   /* of results, as found */
    struct buf args, kwargs; /* the caller's; empty where bytes are more than keep */
};

/* Reads the arguments of a task's process step. STR_NONE, or why they cannot be had (static). */
struct str inputs_fill(struct db *db, int64_t task, struct inputs *inputs);
void inputs_done(struct inputs *inputs);

#endif
