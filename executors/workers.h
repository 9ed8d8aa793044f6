/* The worker executor (design 2.3): warm processes that serve the functions of a
 * file, and the pools that they are in. One pool for each file; a changed
 * manifest makes another one, and the old one goes when it has nothing to do.
 *
 * A run belongs to a pool from its start. It waits there until a worker has room
 * for it: there is one, or one is started, unless workers keep dying and the
 * pool takes a pause. Loop thread only, except where it says so. */
#ifndef EXECUTORS_WORKERS_H
#define EXECUTORS_WORKERS_H

#include "executors/child.h"
#include "executors/run.h"

/* How many workers a file has. Made once and kept to the end, for other threads to read. */
struct worker_count {
    struct worker_count *next;
    struct str file; /* owned */
    _Atomic int64_t alive, idle;
};

struct workers {
    struct child_pool *children;
    const struct run_host *host;
    int64_t grace; /* milliseconds from TERM to KILL, where the manifest says nothing */
    struct pool *pools;
    int64_t processes; /* of all pools, until nothing is left of them */
    bool draining;     /* the server goes down: who is idle is let go */
    bool hurry;        /* and at once */
    bool stopping;
    void (*stopped)(void *arg);
    void *arg;
    struct worker_count *_Atomic counts;
};

void workers_init(struct workers *workers, struct child_pool *children, const struct run_host *host,
                  int64_t grace);
/* The functions of this moment: workers are started ahead for them, and those of others are let go
 * when they have nothing to do. */
void workers_prepare(struct workers *workers, struct function_set *set);
/* Workers that are idle, and those that get so, are let go. */
void workers_drain(struct workers *workers);
/* Nor do they get the grace. */
void workers_hurry(struct workers *workers);
/* No run may be left. Lets all workers go; stopped(arg) is called when they are gone. */
void workers_stop(struct workers *workers, void (*stopped)(void *arg), void *arg);
/* Any thread: processes that serve the file, and those of them that have nothing to do. */
void workers_count(const struct workers *workers, struct str file, int64_t *alive, int64_t *idle);
/* After the loop has ended. */
void workers_done(struct workers *workers);

#endif
