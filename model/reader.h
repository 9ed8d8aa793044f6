/* Inside of plan_parse, shared by its two files: spec.c reads one task's
 * members, plan.c follows $task objects and ties the tasks together. */
#ifndef MODEL_READER_H
#define MODEL_READER_H

#include "model/spec.h"

struct reader {
    const struct json *json;
    const struct function_set *functions;
    const struct function_grant *grant; /* which of them may be named; NULL: all */
    int64_t now;
    struct arena *arena;
    struct problem *problem;
    struct buf path;    /* JSON Pointer of the place being read */
    struct buf scratch; /* for whatever is copied to the arena next */
    struct spec *specs; /* grows; elements move */
    size_t count, capacity;
    size_t refs;  /* $task objects seen */
    size_t paths; /* bytes of all that reader_place gave */
};

/* Reads the task at node, and the inline tasks in it first, into reader->specs; *index is its
 * place there. */
bool reader_task(struct reader *reader, uint32_t node, bool inner, size_t *index);
/* Reads the members of one task, but does not look inside args and kwargs for tasks. */
bool reader_members(struct reader *reader, uint32_t node, struct spec *spec, uint32_t *args,
                    uint32_t *kwargs);
/* How the tasks of a plan hang together (graph.c): resolves references by id, finds tasks that
 * share a cache_key, and refuses circles. */
bool graph_resolve(struct reader *reader, struct plan *plan);
/* Sets the problem at the current path and returns false. */
bool reader_refuse(struct reader *reader, enum problem_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The current path, in the arena; refused where all of them are more than PLAN_MAX_PATHS: one long
 * name may have thousands of places behind it. */
bool reader_place(struct reader *reader, struct str *pointer);
/* Appends a member's name, or an element's index, to the path; gives the length to cut back to. */
size_t reader_enter(struct reader *reader, struct str name);
size_t reader_enter_index(struct reader *reader, size_t index);
void reader_leave(struct reader *reader, size_t length);
/* The value of a node that has to be of this type and in this range; what it is not is refused. */
bool reader_string(struct reader *reader, uint32_t node, struct str *value);
bool reader_integer(struct reader *reader, uint32_t node, int64_t low, int64_t high,
                    int64_t *value);
bool reader_seconds(struct reader *reader, uint32_t node, double *seconds);
bool reader_boolean(struct reader *reader, uint32_t node, bool *value);
/* One of these texts; *choice is its index. */
bool reader_choice(struct reader *reader, uint32_t node, const char *const *texts, unsigned count,
                   unsigned *choice);
/* The node's text on one line, in the arena. */
struct str reader_minified(struct reader *reader, uint32_t node);

#endif
