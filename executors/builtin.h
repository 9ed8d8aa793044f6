/* The functions that run inside the server. */
#ifndef EXECUTORS_BUILTIN_H
#define EXECUTORS_BUILTIN_H

#include "executors/run.h"

size_t builtin_count(void);
/* The index-th of them, for the registry; its texts are static. */
struct function builtin_function(size_t index);

/* Bytes of arguments that this run's built-in takes. */
size_t builtin_args_max(const struct run *run);
/* Whether arguments of so many bytes are more than this run's built-in takes; *outcome is then what
 * becomes of it. It uses its args only, never its kwargs. Any thread that has the run. */
bool builtin_refuses(struct run *run, size_t args, struct outcome *outcome);

#endif
