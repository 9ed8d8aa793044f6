/* A function: something the operator allows to run, and the set of all of them.
 * Immutable once made; shared by threads through a reference count. */
#ifndef MODEL_FUNCTION_H
#define MODEL_FUNCTION_H

#include "base/arena.h"
#include "model/retry.h"

#include <sys/types.h>

/* Of a process: 0 to 255. */
enum { EXIT_STATUSES = 256 };

enum function_mode { MODE_BUILTIN, MODE_PROCESS, MODE_WORKER, MODE_HTTP, MODE_REMOTE, MODES };

/* Of all files together, and in one of them. */
enum { WORKERS_MAX = 1024, INFLIGHT_MAX = 1000 };

/* Warm processes that serve a file's functions (manifest "workers"). */
struct worker_rules {
    int64_t min, max; /* processes; min are started ahead */
    int64_t idle;     /* milliseconds after which one above min is let go */
    int64_t inflight; /* tasks at once in one process */
};

#define WORKERS_DEFAULT ((struct worker_rules){.max = 2, .idle = 60000, .inflight = 1})

/* What a process of the function may use; 0: as much as the server (manifest "limits"). */
struct limits {
    int64_t memory;    /* bytes */
    int64_t cpu;       /* seconds of processor time */
    int64_t files;     /* open descriptors */
    int64_t output;    /* bytes of standard output, or of a worker's result; at most --max-result */
    int64_t processes; /* of its user, in all */
};

/* Of the system; read with the manifest that names it (manifest "user"). */
struct account {
    const char *name, *home;
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* its supplementary ones */
    size_t group_count;
};

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
    struct str file;          /* worker: the file that serves it, without extension: its pool */
    const struct str *serves; /* worker: the names that the file serves, if it says so */
    size_t serves_count;
    struct worker_rules workers;
    uint64_t stamp;             /* worker: of the files that argv names; another when they change */
    const char *url, *method;   /* http */
    const char *const *headers; /* http: NULL-ended "Name: value" */
    struct limits limits;
    const struct account *user;    /* whose process it is; NULL: the server's own user */
    const struct builtin *builtin; /* MODE_BUILTIN: what to run (executors/builtin.c) */
};

/* The functions that somebody may name. */
struct function_grant {
    bool all;
    const struct str *names; /* if not */
    size_t count;
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
/* Whether it counts against --slots: what runs elsewhere, or costs no process, does not. NULL is a
 * function that is gone; what it left running may be a process. */
bool function_takes_slot(const struct function *function);
/* Whether a worker started for one is as good for the other; the folder is not looked at. */
bool function_same_workers(const struct function *a, const struct function *b);
/* name: STR_NONE is all of them. */
bool function_granted(const struct function_grant *grant, struct str name);
/* NULL if there is none. */
const struct function *function_find(const struct function_set *set, struct str name);
/* Takes one more reference, gives one back; the last one frees. Any thread. */
struct function_set *function_set_ref(struct function_set *set);
void function_set_unref(struct function_set *set);

#endif
