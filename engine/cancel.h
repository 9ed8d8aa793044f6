/* POST /v1/tasks/{id}/cancel (design 5.3). */
#ifndef ENGINE_CANCEL_H
#define ENGINE_CANCEL_H

#include "engine/engine.h"
#include "store/rows.h"

struct cancel {
    struct command command; /* command.arena holds everything */
    struct engine *engine;
    struct str id;
    bool silent;   /* notify:false */
    bool stranger; /* asked by a subscription that the task does not have: nothing happens */
    /* Out. */
    bool cancelled;      /* it was live, and ends by this (or by an earlier) cancel */
    struct task_row row; /* after it */
};

/* id and silent are set; done is called on the writer thread after the commit. */
void cancel_post(struct engine *engine, struct cancel *cancel, void (*done)(struct command *));
/* Cancels all tasks that are not running, slice by slice; engine_drained is called at the end. */
void cancel_everything(struct engine *engine);

#endif
