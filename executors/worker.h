/* Inside of the worker executor: one warm process (worker.c), what is said to it
 * and by it (worker_talk.c), and the pool it is in (workers.c). Loop thread only. */
#ifndef EXECUTORS_WORKER_H
#define EXECUTORS_WORKER_H

#include "executors/workers.h"

/* A task in a pool; in its run's arena. */
struct call {
    struct map_node node; /* in the worker's, by id */
    struct call *next;    /* in the pool's line */
    struct run *run;
    struct pool *pool;
    struct worker *worker; /* NULL: it waits for one */
    bool asked;            /* it was asked to end */
};

struct worker {
    struct child child;
    struct pool *pool;
    struct worker *next;   /* in the pool */
    uint64_t generation;   /* the pool's when it was started */
    struct watch in;       /* its standard input: we write */
    struct watch out, err; /* we read */
    struct buf to_send;
    size_t sent;     /* bytes of that */
    bool blocked;    /* its pipe is full */
    struct buf line; /* of out, not finished */
    struct buf err_line;
    struct map calls;  /* what it works at */
    uv_timer_t timer;  /* idle for too long, later: the grace is over */
    bool leaving;      /* it is to end: it gets no more tasks */
    bool hung_up;      /* it closed its input or output: it gets none either */
    bool ended_a_call; /* killed because a task did not end: the others are interrupted */
    const char *fault; /* static: what it was killed for; NULL: nothing */
    bool alive, idle;  /* counted as such */
    struct str last;   /* of last_line */
    char last_line[MESSAGE_MAX_BYTES]; /* what it last said on standard error since it was idle */
};

struct pool {
    struct pool *next;
    struct workers *all;
    struct function_set *set;        /* one reference: keeps function alive */
    const struct function *function; /* one of those it serves; they differ in name only */
    bool current;                    /* of the present functions */
    struct worker *workers;
    int64_t processes; /* until nothing is left of them */
    struct call *waiting, **last_waiting;
    uint64_t generation; /* grows when a worker dies; a death of an older one does not count */
    int deaths;          /* since a worker of this generation has answered */
    uv_timer_t pause;    /* active: no worker is started */
    struct worker_count *count;
};

/* worker.c */

/* NULL: errno says why. */
struct worker *worker_new(struct pool *pool);
/* Whether it can work at one more task, and this one. */
bool worker_takes(const struct worker *worker, struct str id);
void worker_give(struct worker *worker, struct call *call);
struct call *worker_call(const struct worker *worker, struct str id);
/* Idle as it is, it is asked to end: its input is closed, TERM, grace, KILL. */
void worker_leave(struct worker *worker);
void worker_kill(struct worker *worker);
/* Killed for what it did (static). */
void worker_fault(struct worker *worker, const char *what);
/* It closed its input or output: most likely it is about to end, and if it does not it is killed.
 */
void worker_hangup(struct worker *worker);
/* Keeps the counts right after something of it has changed. */
void worker_recount(struct worker *worker);

/* worker_talk.c */

void worker_listen(struct worker *worker, int in, int out, int err);
/* Buffered; never blocks. */
void worker_send(struct worker *worker, struct str bytes);
/* Reads what is left, after its end. */
void worker_read_rest(struct worker *worker);

/* worker_count.c: made if there is none yet */
struct worker_count *worker_count_of(struct workers *workers, struct str file);

/* workers.c */

/* The run's end; it may be gone afterwards. */
void call_end(struct call *call, const struct outcome *outcome);
/* One of its calls has been answered. */
void pool_answered(struct worker *worker);
/* It has been idle for as long as it may. */
void pool_idle(struct worker *worker);
/* Nothing is left of it, and none of its calls. */
void pool_gone(struct worker *worker);

#endif
