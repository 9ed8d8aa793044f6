/* A function: something the operator allows to run, and the set of all of them.
 * Immutable once made; shared by threads through a reference count. */
#ifndef MODEL_FUNCTION_H
#define MODEL_FUNCTION_H

#include "base/arena.h"
#include "model/retry.h"

/* Of a process: 0 to 255. */
enum { EXIT_STATUSES = 256 };

enum function_mode { MODE_BUILTIN, MODE_PROCESS };

struct function {
    struct str name;
    enum function_mode mode;
    struct str description;         /* STR_NONE: none given */
    const char *const *argv;        /* process: NULL-ended; argv[0] is a path the folder resolves */
    const char *const *env;         /* process: NULL-ended "NAME=value", the manifest's own */
    int64_t timeout;                /* milliseconds for an attempt; 0: no limit */
    int64_t grace;                  /* milliseconds from TERM to KILL; -1: the server's */
    int64_t concurrency;            /* at once; 0: no limit of its own */
    int64_t max_attempts;           /* at least 1 */
    struct backoff backoff;         /* between attempts */
    bool fail_on_interrupt;         /* manifest "on_interrupt":"fail" */
    bool continues;                 /* its result may be another task (design 3.5) */
    bool safe_exits[EXIT_STATUSES]; /* process: statuses that are no failure (design 5.6) */
    const struct builtin *builtin;  /* MODE_BUILTIN: what to run (executors/builtin.c) */
};

/* Sorted by name. */
struct function_set {
    struct function *items;
    size_t count;
    struct str folder;  /* absolute; the children's working directory */
    struct arena arena; /* owns all texts */
    int refs;           /* atomic */
};

const char *mode_text(enum function_mode mode);
/* NULL if there is none. */
const struct function *function_find(const struct function_set *set, struct str name);
/* Takes one more reference, gives one back; the last one frees. Any thread. */
struct function_set *function_set_ref(struct function_set *set);
void function_set_unref(struct function_set *set);

#endif
