/* The supervisor watches what runs, on an event loop of its own: it starts
 * attempts, keeps their time limits, takes them down by TERM, grace and KILL,
 * and reports to the writer what they say and how they end. */
#ifndef ENGINE_SUPERVISOR_H
#define ENGINE_SUPERVISOR_H

#include "base/mailbox.h"
#include "base/map.h"
#include "engine/inputs.h"
#include "engine/loading.h"
#include "executors/child.h"
#include "executors/http.h"
#include "executors/run.h"
#include "executors/workers.h"
#include "store/reader.h"
#include "store/writer.h"

struct continuation;
struct engine;
struct tally_function;

enum stop_reason { STOP_NOT, STOP_CANCEL, STOP_TIMEOUT, STOP_SHUTDOWN };

enum order_kind {
    ORDER_START,
    ORDER_LOADED,
    ORDER_STOP,
    ORDER_KILL,
    ORDER_FUNCTIONS,
    ORDER_DRAIN,
    ORDER_HURRY,
    ORDER_EXIT
};

/* Something for the supervisor to do; embedded in an attempt or on the heap. */
struct order {
    struct mail mail;
    enum order_kind kind;
    int64_t task;                    /* ORDER_STOP, ORDER_KILL: seq */
    struct tally_function *outlives; /* ORDER_KILL: counts it as outlived */
    struct function_set *functions;  /* ORDER_FUNCTIONS: those of this moment, one reference */
};

/* How an attempt ended, on its way to the writer. */
struct finish {
    struct command command;
    bool interrupted; /* by others: it counts neither as success nor as failure */
    struct outcome outcome;
    struct continuation *continuation; /* it returned a task; NULL: it did not */
    bool ended;                        /* it found its task, and the state changed */
    bool requeued;                     /* the shutdown cut it short, and the task goes on later */
    bool held;                         /* there was no room to store it, so far */
};

/* One start of one task: made by the writer when it claims the task, owned by the supervisor from
 * the commit to its end, then by the writer again until that is stored. */
struct attempt {
    struct order order;
    struct map_node node; /* by task */
    struct engine *engine;
    int64_t task;                 /* seq */
    int64_t timeout;              /* milliseconds; 0: none */
    int64_t grace;                /* milliseconds */
    bool needs_inputs;            /* a meta-task: results have to be put in its arguments first */
    struct failure input_failure; /* why that was not possible; message: or STR_NONE */
    struct inputs inputs;
    size_t room;           /* bytes of the room for inputs that are its own */
    bool loaded;           /* inputs are what it runs on */
    struct line *line;     /* the one that it stands in, or NULL */
    struct attempt *after; /* the next in it */
    struct query query;
    struct run run;
    bool launched;
    _Atomic enum stop_reason stop; /* set by the loop thread; readers look */
    bool killed;
    uv_timer_t timer;
    bool timer_open;
    struct finish finish;

    /* What it says, until it is posted. */
    struct attempt *next_noisy; /* in the supervisor's list */
    bool noisy;
    struct buf progress;     /* newest report, not posted yet */
    int64_t progress_second; /* clock_mono_ns() at which the present second began */
    int64_t progress_posted; /* reports posted in it */
    struct buf log;          /* lines, not posted yet */
    int64_t log_since;       /* clock_mono_ns() of the first of them */
    int64_t log_bytes;       /* posted so far */
    int64_t dropped_lines, dropped_bytes;
};

struct supervisor {
    struct engine *engine;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t tick;  /* posts what noisy attempts said */
    uv_timer_t drain; /* ends the drain time */
    struct mailbox mailbox;
    struct child_pool processes;
    struct http_pool http;
    struct workers workers;
    struct children children;
    struct run_host host;
    struct map attempts; /* by task */
    struct attempt *noisy;
    struct loading loading;
    bool over; /* the drain time is: what comes from now on does not start */
    pthread_t thread;
    _Atomic bool stopping;
};

/* Kills what an earlier server left running. False: *message (mem_free it) says why. */
bool supervisor_open(struct supervisor *supervisor, struct engine *engine, const char *data,
                     int64_t slots, char **message);
void supervisor_start(struct supervisor *supervisor);
/* Any thread. Orders of kind START and LOADED are embedded in their attempt, the others heap. */
void supervisor_post(struct supervisor *supervisor, struct order *order);
/* Any thread. The functions that workers may be started for from now on. */
void supervisor_prepare(struct supervisor *supervisor, struct function_set *set);
struct order *order_new(enum order_kind kind, int64_t task);
/* Nothing may be running any more. */
void supervisor_stop(struct supervisor *supervisor);
void attempt_free(struct attempt *attempt);

/* reports.c, loop thread: what the run says, bounded and thinned, for the writer. */
void report_progress(struct attempt *attempt, struct str value);
void report_log(struct attempt *attempt, const char *stream, struct str line);

#endif
