/* The functions that run inside the server. */
#ifndef EXECUTORS_BUILTIN_H
#define EXECUTORS_BUILTIN_H

#include "model/function.h"

size_t builtin_count(void);
/* The index-th of them, for the registry; its texts are static. */
struct function builtin_function(size_t index);

#endif
