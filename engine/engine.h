/* The engine decides what runs. It owns the writer and everything that changes
 * tasks: creating, claiming, finishing, cancelling, recovery.
 *
 * Threads: what is marked "writer" runs on the writer thread inside its
 * transaction; the supervisor has a loop thread of its own; commands may be
 * posted from any thread. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "engine/last_error.h"
#include "engine/meter.h"
#include "engine/supervisor.h"
#include "engine/tally.h"
#include "model/function.h"
#include "store/reader.h"
#include "store/writer.h"

struct engine_config {
    const char *data;       /* folder of errand.db; exists */
    const char *functions;  /* folder of the functions */
    bool functions_default; /* it was not named: it may be missing */
    int64_t slots;          /* child processes at once */
    int64_t grace;          /* milliseconds from TERM to KILL, where the manifest says nothing */
    int64_t drain;          /* milliseconds that running tasks get at shutdown */
    bool cancel_at_shutdown;
    int64_t max_queued;
    int64_t max_result; /* bytes */
    int64_t max_inputs; /* bytes of results that running meta-tasks hold together */
    bool allow_guard;
    int64_t retain;  /* milliseconds that finished tasks, results and events are kept */
    int64_t reserve; /* bytes kept for a full disk */
};

/* Who hears of events, after their commit; writer thread, must not wait. */
struct event_sink {
    void *arg;
    void (*publish)(void *arg, const struct txn_event *events, size_t count);
    void (*end)(void *arg);        /* the server is to shut down */
    bool (*wants_logs)(void *arg); /* whether somebody follows a log */
};

struct poll;

struct engine {
    struct engine_config config;
    struct event_sink sink;
    struct room room;
    struct writer writer;
    struct reader_pool readers;
    struct supervisor supervisor;
    struct tally tally;
    struct meter meter;
    struct last_errors last_errors;
    int lock; /* descriptor that holds the data folder */

    pthread_mutex_t functions_lock; /* "functions": guards the next */
    struct function_set *functions; /* what clients may name now */

    /* Writer thread only. */
    struct function_set *claimable;     /* its own reference, in step with functions */
    struct order *orders, **last_order; /* of this transaction, for the supervisor */
    int64_t next_due;                   /* run_at of the first scheduled task; 0: look it up */
    int64_t next_sweep;                 /* when to look for what has expired */
    int64_t next_lease;                 /* when a lease has to be looked at; 0: look it up */
    struct poll *polls, **last_poll;    /* who waits for something to lease, oldest first */
    int64_t polls_until;                /* when the first has waited enough, clock_mono_ns() */
    bool again;                         /* there is more to do than one transaction took */
    int64_t failing_until;              /* not committed: when it is tried again, clock_mono_ns() */
    bool closed;                        /* draining: nothing new is taken or started */
    bool recovering;                    /* rows are running that an earlier server left */
    int64_t in_flight;                  /* attempts handed to the supervisor and not finished */
    int64_t ends_held;                  /* of those, over, but there is no room to say so */
    int64_t requeued;                   /* tasks that the shutdown cut short and that go on later */
    bool emptied;                       /* closed, and the last of them has finished */
    struct buf last_words;              /* what the log says of a guarded task that failed */

    _Atomic bool draining;        /* for others to see */
    _Atomic bool guard_failed;    /* a guarded task failed: the exit status is 1 */
    pthread_mutex_t drained_lock; /* "drained": guards the next */
    bool drained;
    pthread_cond_t drained_changed;
};

/* Opens the data folder, migrates, recovers what an earlier server left, but starts no thread.
 * False: *message (mem_free it) says why. */
bool engine_open(struct engine *engine, const struct engine_config *config, char **message);
/* Starts the threads; sink gets every event from here on. */
void engine_start(struct engine *engine, const struct event_sink *sink);
/* No new tasks, nothing new starts; what runs gets the drain time. A second call hurries. */
void engine_drain(struct engine *engine);
/* Waits until nothing runs any more. */
void engine_wait_drained(struct engine *engine);
/* After the drain: with --on-shutdown cancel, cancels what is still live. */
void engine_end_tasks(struct engine *engine);
/* Stops all threads and logs what is left. */
void engine_stop(struct engine *engine);
/* Closes the database, after all others that read it (the hub), and the folder. */
void engine_close(struct engine *engine);
/* Reads the functions folder again; on a fault the old registry stays and the log says why. */
void engine_reload(struct engine *engine);
/* The functions of this moment, with one reference for the caller. Any thread. */
struct function_set *engine_functions(struct engine *engine);
/* Writer thread. Whether tasks may start now: not while closing, and not without room for it. */
bool engine_may_start(struct engine *engine);
/* Slots that are taken, as of the last commit. Any thread. */
int64_t engine_slots_used(struct engine *engine);
/* Path of the database file, in arena. */
const char *engine_database(const struct engine_config *config, struct arena *arena);

#endif
