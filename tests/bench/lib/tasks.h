#ifndef BENCH_TASKS_H
#define BENCH_TASKS_H

#include <stddef.h>

#include "tests/bench/lib/swarm.h"

/*
 * Tasks from their creation to their end, many at once or one at a time. All of them have to
 * succeed.
 */
#define TASKS_BATCH 500 /* in one POST */

/* Creates `batches` arrays of `task`, one after the other on the connection `fd`, and waits for
 * all. Returns the tasks a second, from the first POST to the last success. */
double tasks_rate(int fd, const char *task, int batches);

/* The same, but looks all the time, and returns the most that it has seen running at once. */
long tasks_most_running(int fd, const char *task, int batches);

/* Sends a request that creates a task; returns the seconds until `stream` has its one event. */
double task_seconds(int fd, struct swarm *stream, const char *request, size_t len);

#endif
