/* The keys of a manifest that only a worker has (design 2.3). */
#ifndef ENGINE_MANIFEST_WORKER_H
#define ENGINE_MANIFEST_WORKER_H

#include "model/function.h"

struct cJSON;

/* Each gives NULL, or why the value is refused, to follow the key's name. */
const char *manifest_workers(const struct cJSON *item, struct arena *arena,
                             struct worker_rules *rules);
const char *manifest_functions(const struct cJSON *item, struct arena *arena,
                               struct function *function);

#endif
