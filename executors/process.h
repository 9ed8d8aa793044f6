/* The process executor: a child for each attempt (design 2.1). */
#ifndef EXECUTORS_PROCESS_H
#define EXECUTORS_PROCESS_H

#include "base/map.h"
#include "executors/children.h"

#include <uv.h>

/* What all child processes share; loop thread only. */
struct process_pool {
    uv_loop_t *loop;
    struct map by_pid;
    struct children *children;
    uv_timer_t sweep; /* reaps what children leave behind */
    bool sweeping;
};

/* Makes the process the reaper of its descendants, so that nothing escapes by being orphaned. */
void process_pool_init(struct process_pool *pool, uv_loop_t *loop, struct children *children);
/* No child may be left; the loop has to run once more for the handle to close. */
void process_pool_done(struct process_pool *pool);

#endif
