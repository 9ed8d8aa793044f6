/* Leases: tasks of mode remote in the hands of workers elsewhere (design 4.9).
 *
 * A lease is one attempt. Its token names the task, the attempt and a secret, so
 * that an answer of an attempt that is over can never be taken for one of a
 * later attempt. All of it is in the database: a lease outlives the server that
 * gave it. */
#ifndef ENGINE_LEASE_H
#define ENGINE_LEASE_H

#include "engine/engine.h"
#include "model/failure.h"
#include "store/rows.h"

enum lease_call_kind {
    LEASE_HEARTBEAT,
    LEASE_RESULT,
    LEASE_ERROR,
    LEASE_BACK, /* no worker has seen it: the task is queued again, whatever its function says of
                   interruptions */
};

/* What a worker says with its lease. */
struct lease_call {
    struct command command; /* command.arena holds everything */
    struct engine *engine;
    enum lease_call_kind kind;
    struct str token;
    const struct function_grant *grant; /* functions that the caller may work at; NULL: all */
    struct str progress;                /* heartbeat: JSON {"value","message"}, or STR_NONE */
    struct str log;                     /* whole lines, each with time and stream, or STR_NONE */
    struct str result;                  /* result: JSON, one line */
    struct failure failure;             /* error */
    bool final;                         /* error: trying again would not help */
    /* Out. */
    bool cancel;        /* heartbeat: the worker is to stop */
    int64_t expires_at; /* heartbeat */
    struct str id;      /* of the task */
    struct str state;   /* what it is now */
};

/* All before "Out" is set; done is called on the writer thread after the commit. */
void lease_call_post(struct engine *engine, struct lease_call *call,
                     void (*done)(struct command *));

/* The rest: writer thread, in its transaction. */

/* Moves a queued row of this function to running and gives its lease for ttl milliseconds. The
 * token is in the arena. */
void lease_start(struct engine *engine, struct txn *txn, struct task_row *row, int64_t ttl,
                 struct arena *arena, struct str *token, int64_t *expires_at);
/* Whether a running row is in the hands of a worker elsewhere. */
bool lease_held(struct txn *txn, const struct task_row *row);
/* Takes the lease of a row away, if it has one: the task ends by other means. */
bool lease_revoke(struct txn *txn, const struct task_row *row);
/* Ends leases that were not renewed, whose attempt took too long, or whose worker did not answer
 * to a cancel; tells progress that had to wait. */
void lease_sweep(struct engine *engine, struct txn *txn);

#endif
