/* A child process, whatever it is for: started in a group of its own, noted in
 * the table of children, watched, and ended together with all of its group and
 * with what has left it.
 * Loop thread only. */
#ifndef EXECUTORS_CHILD_H
#define EXECUTORS_CHILD_H

#include "base/map.h"
#include "executors/children.h"
#include "executors/oom.h"
#include "executors/orphans.h"
#include "executors/spawn.h"

#include <signal.h>
#include <sys/resource.h>
#include <uv.h>

/* What all children share. Their descriptors are in an epoll set of their own inside libuv's: four
 * a child, and a handle of libuv's for each would cost more than the pipe. */
struct child_pool {
    uv_loop_t *loop;
    struct map by_pid, by_mark;
    struct children *children;
    int epoll;
    uv_poll_t ready;
    struct orphans orphans; /* what children leave behind */
    uv_timer_t sweep;       /* reaps them */
    bool sweeping;
    struct oom oom;          /* looked at in each sweep */
    uv_timer_t linger;       /* looks after the next */
    struct child *lingering; /* ended, but not all that they started is gone yet */
    struct child *ended;     /* to be told and freed once no event can speak of them */
};

/* A descriptor in the pool's epoll set. */
struct watch {
    int fd; /* -1: closed, and so out of the set */
    void (*ready)(struct watch *watch);
};

/* What kind of child it is; each of these is called once. */
struct child_kind {
    /* Nothing that it started is alive: take what its pipes still hold, and close them. */
    void (*drain)(struct child *child);
    /* After that, when no event can speak of it any more: tell, and free. */
    void (*gone)(struct child *child);
};

struct child {
    const struct child_kind *kind;
    struct child_pool *pool;
    struct map_node node;    /* by pid */
    struct map_node marked;  /* by mark */
    struct child *next;      /* in the pool's lists */
    pid_t pid;               /* also its group */
    struct child_slot *slot; /* in the table of children */
    uint64_t mark;           /* that it and all that it starts carry */
    struct watch exit;       /* the pidfd; closed once the process has ended */
    bool signalled;          /* it did not end by itself */
    bool killed;             /* we sent it SIGKILL */
    bool exited;
    unsigned looks;      /* whether all of its group is gone */
    siginfo_t status;    /* once it has exited */
    struct rusage usage; /* of it and of its descendants that it waited for */
    bool oom;            /* the kernel killed it for want of memory */
};

/* Makes the process the reaper of its descendants, so that nothing escapes by being orphaned. Calls
 * on the main thread; the loop has to run on another (executors/orphans.h).
 * False: no descriptor is left. */
bool child_pool_init(struct child_pool *pool, uv_loop_t *loop, struct children *children);
/* No child may be left; the loop has to run once more for the handles to close. */
void child_pool_done(struct child_pool *pool);

/* events: EPOLLIN, or EPOLLOUT, or 0 for errors alone. 0, or an errno if the kernel watches no more
 * descriptors; the watch is to be closed all the same. */
int watch_open(struct child_pool *pool, struct watch *watch, int fd, uint32_t events,
               void (*ready)(struct watch *watch));
void watch_change(struct child_pool *pool, struct watch *watch, uint32_t events);
void watch_close(struct child_pool *pool, struct watch *watch);

/* Starts and watches it: 0, or an errno and nothing is left of it. */
int child_start(struct child *child, struct child_pool *pool, const struct child_kind *kind,
                const struct spawn *spawn);
/* To its group, and to itself if it has left that; nothing once it has exited. */
void child_signal(struct child *child, int signal);

/* A pipe whose end for us does not block: ours reads (towards_us) or writes. */
bool child_pipe(int *ours, int *theirs, bool towards_us);
/* Closes those that are not -1, and makes them that. */
void child_close(int *fds, size_t count);

#endif
