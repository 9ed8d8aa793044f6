/* The arguments of a meta-task's process step: its own, with the results of its
 * dependencies in the places of their $task objects. */
#ifndef ENGINE_INPUTS_H
#define ENGINE_INPUTS_H

#include "engine/supervisor.h"

/* What all results together may add to the arguments; more fails the task. */
enum { INPUTS_MAX = 256 << 20 };

/* Fills attempt->run.args and kwargs, or input_failure. Reader thread. */
void inputs_load(struct attempt *attempt, struct db *db);

#endif
