/* POST /v1/leases: workers elsewhere that ask for tasks of mode remote, and
 * wait until there are some (design 4.9).
 *
 * The writer keeps a list of those that wait. Before each commit it hands out
 * what is queued, one task to each in turn, so that the leases are in the same
 * transaction as what made the tasks ready; after it they are answered. */
#ifndef ENGINE_POLL_H
#define ENGINE_POLL_H

#include "engine/engine.h"
#include "store/rows.h"

enum { POLL_LEASES_MAX = 100, POLL_FUNCTIONS_MAX = 1000 };

/* A task that was handed out. */
struct leased {
    struct str token;
    int64_t expires_at;
    struct task_row row;
};

struct poll {
    struct command command; /* command.arena holds everything but what was handed out */
    struct engine *engine;
    struct str *functions; /* names */
    size_t function_count;
    int64_t max, ttl; /* tasks; milliseconds */
    int64_t until;    /* clock_mono_ns() until which it waits */
    /* Whether the worker is still there to take an answer; writer thread, must not wait. */
    bool (*alive)(struct poll *poll);
    /* Writer thread, once: after the commit of what was handed out, or when the wait is over. */
    void (*done)(struct poll *poll);
    /* Out. */
    struct arena arena; /* done's caller frees it; owns the leases and their texts */
    struct leased *leases;
    size_t count;

    struct poll *next; /* in the engine's list */
    bool listed;       /* its own command is stored: it waits */
    bool over;         /* it gets its answer after this commit */
    bool lost;         /* nobody is there any more */
};

/* All before "Out" is set. command.problem says why it was refused. */
void poll_post(struct engine *engine, struct poll *poll);

/* Hands out tasks; marks who is answered after the commit. */
void polls_serve(struct engine *engine, struct txn *txn);
void polls_committed(struct engine *engine);
void polls_undone(struct engine *engine);
/* When the first has waited long enough, clock_mono_ns(); INT64_MAX: nobody waits. */
int64_t polls_deadline(const struct engine *engine);

#endif
