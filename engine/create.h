/* POST /v1/tasks: stores a plan, all or nothing. */
#ifndef ENGINE_CREATE_H
#define ENGINE_CREATE_H

#include "engine/engine.h"
#include "model/spec.h"
#include "store/rows.h"

struct create {
    struct command command; /* command.arena holds everything */
    struct engine *engine;
    struct plan plan;
    struct function_set *functions; /* one reference: keeps the plan's functions alive */
    /* Out, for each task of the plan: the row as it was stored, and the seqs of its dependencies.
     */
    struct task_row *rows;
    int64_t **dependency_seqs;
    struct str **outside_states; /* of dependencies that existed before; text */
};

/* plan and functions are set; done is called on the writer thread after the commit. */
void create_post(struct engine *engine, struct create *create, void (*done)(struct command *));

#endif
