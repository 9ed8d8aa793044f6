/* A task as clients see it (design 3.3). */
#ifndef HANDLERS_TASK_JSON_H
#define HANDLERS_TASK_JSON_H

#include "store/rows.h"

struct task_json {
    const struct task_row *row;
    const struct payload *payload; /* NULL: what can be large is left out, dependencies too */
    const struct dependency_row *dependencies;
    size_t dependency_count;
    int64_t retain;       /* milliseconds that it is kept after its end */
    bool result_left_out; /* it would be in extra */
    struct str extra;     /* further members, each with a leading comma, or STR_NONE */
};

/* The version that a task shows, which is its ETag. A task shows the states of its dependencies,
 * and these change without it: what they have been through counts, too. It only grows; 1 is new. */
int64_t task_json_version(const struct task_row *row, const struct dependency_row *dependencies,
                          size_t count);
void task_json_render(const struct task_json *task, struct buf *out);
/* Appends the JSON Schema of what the other writes. */
void task_json_schema(struct buf *out);

#endif
