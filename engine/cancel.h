/* POST /v1/tasks/{id}/cancel (design 5.3, 5.4). */
#ifndef ENGINE_CANCEL_H
#define ENGINE_CANCEL_H

#include "engine/engine.h"
#include "store/rows.h"

struct cancel {
    struct command command; /* command.arena holds everything */
    struct engine *engine;
    struct str id;
    bool silent;             /* notify:false */
    bool force;              /* for all who want it */
    struct str subscription; /* who asks, or STR_NONE */
    /* Out. */
    bool cancelled;      /* it was live, and ends by this (or by an earlier) cancel */
    struct task_row row; /* after it */
};

/* All before "Out" is set; done is called on the writer thread after the commit. */
void cancel_post(struct engine *engine, struct cancel *cancel, void (*done)(struct command *));
/* POST /v1/tasks/cancel: a list of tasks, for all who want them, slice by slice. */
struct cancel_many {
    struct command command; /* command.arena holds everything */
    struct engine *engine;
    const int64_t *seqs; /* tasks that were live when they were looked up */
    size_t count;
    void (*done)(struct cancel_many *many); /* writer thread, when all is committed */
    /* Out. */
    size_t cancelled; /* how many of them this has ended, or will end */

    size_t next, in_slice; /* where the present slice begins, and how many of it were cancelled */
};
void cancel_many_post(struct engine *engine, struct cancel_many *many);
/* Cancels all tasks that are not running, slice by slice; engine_drained is called at the end. */
void cancel_everything(struct engine *engine);

#endif
