/* The registry: reads the functions folder and its manifests into a
 * function_set (design 2). Does I/O; called at start and on SIGHUP. */
#ifndef ENGINE_REGISTRY_H
#define ENGINE_REGISTRY_H

#include "model/function.h"

/* path: the folder; missing_is_fine: a folder that is not there gives the built-ins only. NULL: the
 * folder cannot be used as it is, and *message (mem_free it) names the file and says why. The set
 * has one reference, the caller's. */
struct function_set *registry_load(const char *path, bool missing_is_fine, char **message);

#endif
