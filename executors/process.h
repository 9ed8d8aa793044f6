/* The process executor: a child for each attempt (design 2.1). */
#ifndef EXECUTORS_PROCESS_H
#define EXECUTORS_PROCESS_H

#include "base/map.h"
#include "executors/children.h"

#include <uv.h>

/* What all child processes share; loop thread only. Their descriptors are in an epoll set of their
 * own inside libuv's: four a child, and a handle of libuv's for each would cost more than the pipe.
 */
struct process_pool {
    uv_loop_t *loop;
    struct map by_pid;
    struct children *children;
    int epoll;
    uv_poll_t ready;
    uv_timer_t sweep; /* reaps what children leave behind */
    bool sweeping;
    uv_timer_t linger;         /* looks after the next */
    struct process *lingering; /* ended, but not all of their group is gone yet */
    struct process *ended;     /* to be reported and freed once no event can speak of them */
};

/* Makes the process the reaper of its descendants, so that nothing escapes by being orphaned.
 * False: no descriptor is left. */
bool process_pool_init(struct process_pool *pool, uv_loop_t *loop, struct children *children);
/* No child may be left; the loop has to run once more for the handles to close. */
void process_pool_done(struct process_pool *pool);

#endif
