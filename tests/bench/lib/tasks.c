#include "tests/bench/lib/tasks.h"

#include <stdlib.h>

#include "tests/bench/lib/http.h"
#include "tests/bench/lib/measure.h"

#define RUN_SECONDS   30 /* longer than this is a hang */
#define EVENT_SECONDS 10

/* Returns the count that `succeeded` will have. */
static long create(int fd, const char *task, int batches)
{
    long goal = stats_count(fd, "succeeded") + (long)TASKS_BATCH * batches;
    char *tasks = json_repeat(task, TASKS_BATCH);
    size_t len;
    char *request = request_make("/v1/tasks", "Prefer: return=minimal", tasks, &len);

    for (int i = 0; i < batches; i++) {
        if (http_exchange(fd, request, len, NULL, 0) != 201)
            die("a batch was not created");
    }
    free(tasks);
    free(request);
    return goal;
}

/* Polls seldom while much is left, often towards the end, so that looking costs little
 * and the end is seen to a few milliseconds. */
static void wait_succeeded(int fd, long goal, double from)
{
    long first = stats_count(fd, "succeeded"), done = first, before;

    for (;;) {
        double spent = now_seconds() - from, left = 0.005;

        before = done;
        done = stats_count(fd, "succeeded");
        if (done >= goal)
            return;
        if (done == before && stats_count(fd, "failed") > 0)
            die_with_stats(fd, "a task has failed");
        if (spent > RUN_SECONDS)
            die_with_stats(fd, "not all tasks have succeeded in time");
        if (done > first)
            left = spent / (double)(done - first) * (double)(goal - done) / 2;
        pause_seconds(left < 0.004 ? 0.004 : left > 0.1 ? 0.1 : left);
    }
}

double tasks_rate(int fd, const char *task, int batches)
{
    double from = now_seconds();

    wait_succeeded(fd, create(fd, task, batches), from);
    return (double)TASKS_BATCH * batches / (now_seconds() - from);
}

long tasks_most_running(int fd, const char *task, int batches)
{
    double from = now_seconds();
    long goal = create(fd, task, batches), most = 0;

    while (stats_count(fd, "succeeded") < goal) {
        long running = stats_count(fd, "running");

        if (running > most)
            most = running;
        if (now_seconds() - from > RUN_SECONDS || stats_count(fd, "failed") > 0)
            die_with_stats(fd, "not all tasks have succeeded in time");
    }
    return most;
}

/* The stream is read after the answer: what came meanwhile waits in its socket. When
 * the event was there first, the answer's coming bounds the time from above. */
double task_seconds(int fd, struct swarm *stream, const char *request, size_t len)
{
    double from = now_seconds();
    long before = stream->events;

    if (http_exchange(fd, request, len, NULL, 0) != 201)
        die("a task was not created");
    swarm_collect(stream, 1, EVENT_SECONDS);
    if (stream->events != before + 1)
        die("%ld events for one task", stream->events - before);
    return now_seconds() - from;
}
