#ifndef BENCH_BULLMQ_H
#define BENCH_BULLMQ_H

#include "tests/bench/lib/child.h"

/*
 * BullMQ on Redis, to stand beside errand: a Redis of our own that syncs every write, as errand
 * does, and tests/bench/bullmq/bullmq.mjs, which has queue and worker in its one process.
 */
struct bullmq {
    struct child redis;
    struct child node;
    int fd; /* asks the latter */
};

/* Dies, and says what is missing, when one of them cannot be had. */
void bullmq_start(struct bullmq *q, const struct bench *b);
void bullmq_stop(struct bullmq *q, const struct bench *b);

/* Forgets all jobs; from now on there are so many workers, each with 32 jobs at once. */
void bullmq_fresh(struct bullmq *q, int workers);

/* Adds arrays of TASKS_BATCH jobs and waits for all; returns the jobs a second. */
double bullmq_rate(struct bullmq *q, int batches);

/* The medians of so many jobs, one at a time, from add() to their completed event: of the queue's
 * event stream, which is what a client elsewhere sees, and of the worker's own process. With one
 * worker. */
struct bullmq_latency {
    double stream_ms;
    double worker_ms;
};
struct bullmq_latency bullmq_latency(struct bullmq *q, int jobs);

#endif
