/* The keys of a manifest that say what a process may use, whose it is, and what it is told. */
#ifndef ENGINE_MANIFEST_LIMITS_H
#define ENGINE_MANIFEST_LIMITS_H

#include "model/function.h"

struct cJSON;

/* Each gives NULL, or why the value is refused, to follow the key's name. */
const char *manifest_limits(const struct cJSON *item, struct arena *arena, struct limits *limits);
/* Looks the account up now: a child can only make system calls before it is the program. */
const char *manifest_user(const struct cJSON *item, struct arena *arena,
                          const struct account **user);
/* As function.env has it, in the arena. */
const char *manifest_env(const struct cJSON *item, struct arena *arena, const char *const **env);
/* Of limits and user together: NULL, or why "limits" is refused. */
const char *manifest_limits_wrong(const struct function *function);

#endif
