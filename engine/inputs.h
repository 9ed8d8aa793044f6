/* The arguments of a meta-task's process step: its own, with the results of its
 * dependencies in the places of their $task objects. */
#ifndef ENGINE_INPUTS_H
#define ENGINE_INPUTS_H

#include "engine/supervisor.h"

/* What all results together may add to the arguments; more fails the task. */
enum { INPUTS_MAX = 256 << 20 };

/* The arguments of a task's process step, in the arena; STR_NONE, or why they cannot be had. */
struct str inputs_fill(struct db *db, int64_t task, struct arena *arena, struct str *args,
                       struct str *kwargs);
/* Fills attempt->run.args and kwargs, or input_failure. Reader thread. */
void inputs_load(struct attempt *attempt, struct db *db);

#endif
