/* What a client asks for: the body of POST /v1/tasks, checked and flattened.
 *
 * plan_parse turns one task or an array of them into a plan: every task that is
 * to be made, inline ones included, dependencies before the tasks that need
 * them (except where an array refers forward by id), with the references
 * between them resolved to indexes. Of several tasks with one cache_key the
 * first stands for all. Ids that are not in the request stay texts
 * for the store to look up. Pure; any thread. */
#ifndef MODEL_SPEC_H
#define MODEL_SPEC_H

#include "base/json.h"
#include "model/function.h"
#include "model/problem.h"

enum {
    PLAN_MAX_TASKS = 10000,   /* elements of an array body */
    PLAN_MAX_REFS = 10000,    /* $task objects in a request */
    PLAN_MAX_PATHS = 4 << 20, /* bytes of the JSON Pointers of those, and of their tasks */
    CHANNELS_MAX = 32,
    CHANNEL_MAX_CHARS = 128,
    METADATA_MAX = 16384, /* bytes */
    PRIORITY_MAX = 100,
    ATTEMPTS_MAX = 100,
    CACHE_KEY_MAX = 256, /* bytes */
};

enum wait_for { WAIT_ALL, WAIT_ALL_SETTLED, WAIT_ANY };

/* Who may read the result: everybody, the first who asks, nobody. */
enum result_access { RESULT_MANY, RESULT_ONCE, RESULT_DISCARD };

/* One $task, in the order in which they stand: args first, then kwargs. */
struct dependency {
    struct str at;      /* JSON Pointer in the task that needs it, such as /args/0 */
    struct str pointer; /* the same place in the request */
    struct str id;      /* STR_NONE for an inline task */
    int64_t spec;       /* index in the plan, or -1: a task that exists already */
    bool optional;
};

struct spec {
    struct str id;      /* never STR_NONE after plan_parse */
    struct str pointer; /* of the task in the request: "" or /3 or /args/0/$task */
    bool id_given;
    bool meta;  /* "process" was given */
    bool inner; /* inline dependency: nobody subscribed to it by creating it */
    const struct function *function;
    struct str args, kwargs; /* JSON, one line */
    struct str metadata;     /* JSON or STR_NONE */
    const struct str *channels;
    size_t channel_count;
    struct str channels_json; /* JSON array, or STR_NONE when there are none */
    int64_t priority;
    int64_t run_at;  /* milliseconds since 1970, perhaps below 0; 0: at once */
    int64_t timeout; /* milliseconds; 0: none */
    int64_t max_attempts;
    struct backoff backoff;
    enum wait_for wait_for;
    bool process_as_task;
    struct str cache_key; /* STR_NONE: none */
    int64_t cache_ttl;    /* milliseconds that a success stays good; -1: as long as it is kept */
    bool force;           /* runs anew, and takes the key */
    int64_t same_as;      /* index of the task of this plan whose cache_key it shares; -1: none */
    enum result_access result_access;
    bool forever;
    bool guard;
    const struct dependency *dependencies;
    size_t dependency_count;
};

struct plan {
    struct spec *specs;
    size_t count;
    const size_t *roots; /* the tasks that stand in the body itself, in its order */
    size_t root_count;
    bool batch; /* the body was an array */
};

/* grant: the functions that whoever asks may name, besides those that are built in: they do nothing
 * but compute. NULL: all. now: what delay counts from. Everything in the plan lives in the arena,
 * in json's text or in functions. False: *problem says what and where. */
bool plan_parse(const struct json *json, const struct function_set *functions,
                const struct function_grant *grant, int64_t now, struct arena *arena,
                struct plan *plan, struct problem *problem);

/* The index of the task that is made for the i-th: itself, or the one whose key it shares. */
size_t plan_stands_for(const struct plan *plan, size_t i);
/* A member of a task as a client may write it (model/field.def), for the API's description. */
enum field_use { USE_ALL, USE_META, USE_TASK };
struct spec_field {
    const char *name;
    enum field_use use;
    bool nullable;      /* null counts as absent */
    const char *schema; /* base/schema.h */
    const char *about;
};
/* False: there are no more than i. */
bool spec_field(size_t i, struct spec_field *field);

const char *wait_for_text(enum wait_for wait_for);
const char *result_access_text(enum result_access access);

#endif
