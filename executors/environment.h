/* What the environment of a function's child has (design 2.1): what is kept of
 * the server's own, what errand tells, and the manifest's "env". */
#ifndef EXECUTORS_ENVIRONMENT_H
#define EXECUTORS_ENVIRONMENT_H

#include "base/arena.h"
#include "model/function.h"

#include <stdbool.h>

/* What errand tells. */
enum { TOLD_TASK_ID, TOLD_FUNCTION, TOLD_ATTEMPT, TOLD };

/* For execve, in the arena. A value that is NULL is not told. */
char *const *environment_make(struct arena *arena, const struct function *function,
                              const char *const told[TOLD]);
/* Whether errand tells a variable of that name: a manifest cannot set it. */
bool environment_tells(const char *name);

#endif
