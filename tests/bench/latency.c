/*
 * How long one task takes on an idle server, from its POST to its task.succeeded on an
 * event stream that is open already. One at a time.
 */
#include <stdlib.h>

#include "tests/bench/lib/bench.h"
#include "tests/bench/lib/child.h"
#include "tests/bench/lib/http.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/swarm.h"
#include "tests/bench/lib/tasks.h"

#define TASKS_MAX 1000
#define WARM      50
#define STREAM    "/v1/events?channel=latency&type=task.succeeded"
#define ECHO      "{\"function\":\"echo\",\"args\":[\"x\"],\"notify_channels\":[\"latency\"]}"
#define PROCESS   "{\"function\":\"noop\",\"notify_channels\":[\"latency\"]}"
#define NOOP      "int main(void)\n{\n    return 0;\n}\n"

static void measure(const struct bench *b, const struct child *errand, const char *name,
                    const char *task)
{
    int fd = tcp_connect(errand->port), count = bench_pick(b, TASKS_MAX, 200);
    double taken[TASKS_MAX], low;
    struct swarm stream;
    size_t len;
    char *request = request_make("/v1/tasks", NULL, task, &len);

    swarm_open(&stream, errand->port, STREAM, 1);
    for (int i = 0; i < WARM; i++)
        task_seconds(fd, &stream, request, len);
    for (int i = 0; i < count; i++)
        taken[i] = task_seconds(fd, &stream, request, len) * 1000;
    swarm_close(&stream);
    tcp_close(fd);
    free(request);
    low = percentile(taken, count, 0);
    report_value(name, median(taken, count), "ms", "p99 %.2f ms, least %.2f, most %.2f; %d tasks",
                 percentile(taken, count, 0.99), low, percentile(taken, count, 1), count);
}

static void part(struct bench *b)
{
    char functions[PATH_MAX];
    struct child errand;
    double sync;

    path_join(functions, b->folder, "functions");
    program_make(b, functions, "noop", NOOP);
    errand_start(&errand, b, functions, 0);
    measure(b, &errand, "latency: echo, POST to event, median", ECHO);
    measure(b, &errand, "latency: process, POST to event, median", PROCESS);
    sync = disk_sync_seconds(b->folder, 100) * 1000;
    report_value("latency: one disk sync, median", sync, "ms", "4 KiB appended");
    errand_stop(&errand, b);
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, part);
}
