#include "executors/environment.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const told_names[TOLD] = {[TOLD_TASK_ID] = "ERRAND_TASK_ID",
                                             [TOLD_FUNCTION] = "ERRAND_FUNCTION",
                                             [TOLD_ATTEMPT] = "ERRAND_ATTEMPT"};

static const struct {
    const char *name, *otherwise;
} kept[] = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
            {"HOME", "/"},
            {"LANG", "C.UTF-8"},
            {"TZ", ":/etc/localtime"}};

static const char *variable(struct arena *arena, const char *name, const char *value)
{
    return arena_printf(arena, "%s=%s", name, value).data;
}

static bool is_set(const char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (; env && *env; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return true;
    }
    return false;
}

/* No name may be there twice: programs differ in which one they take. */
char *const *environment_make(struct arena *arena, const struct function *function,
                              const char *const told[TOLD])
{
    size_t own = 0, count = 0;
    while (function->env && function->env[own])
        own++;
    const char **list = ARENA_ARRAY(arena, const char *, array_size(kept) + TOLD + own + 1);
    for (size_t i = 0; i < array_size(kept); i++) {
        if (is_set(function->env, kept[i].name))
            continue;
        const char *value = getenv(kept[i].name); /* NOLINT(concurrency-mt-unsafe): never set */
        if (function->user && strcmp(kept[i].name, "HOME") == 0)
            value = function->user->home;
        list[count++] = variable(arena, kept[i].name, value ? value : kept[i].otherwise);
    }
    for (size_t i = 0; i < TOLD; i++) {
        if (told[i])
            list[count++] = variable(arena, told_names[i], told[i]);
    }
    for (size_t i = 0; i < own; i++)
        list[count++] = function->env[i];
    return (char *const *)(uintptr_t)list;
}

bool environment_tells(const char *name)
{
    for (size_t i = 0; i < TOLD; i++) {
        if (strcmp(name, told_names[i]) == 0)
            return true;
    }
    return false;
}
