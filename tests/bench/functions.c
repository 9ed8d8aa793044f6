/*
 * Functions of each mode: no-op tasks a second, from their creation to their end, and how long
 * one takes on an idle server; beside BullMQ on Redis, which runs no-op jobs in its own process
 * and writes as durably.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/lib/bench.h"
#include "tests/bench/lib/bullmq.h"
#include "tests/bench/lib/child.h"
#include "tests/bench/lib/http.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/tasks.h"

#define FLOOR_BUILTIN  1.5 /* of BullMQ */
#define FLOOR_WORKER   1.0
#define CEILING_DELAY  0.5
#define BULLMQ_WORKERS 4  /* was the best of 1 to 8, with 32 jobs each */
#define BULLMQ_BATCHES 12 /* a round */
#define CALLS          500
#define ROUND_TASKS    200 /* of latency */
#define STREAM         "/v1/events?channel=latency&type=task.succeeded"

#define PYTHON_CLIENT "clients/python/errand_worker.py"
#define NODE_CLIENT   "clients/node/errand-worker.mjs"

/* The functions: each returns its first argument. */
static const char python_noop[] = "#!/usr/bin/env python3\n"
                                  "import errand_worker\n\n\n"
                                  "@errand_worker.task\n"
                                  "async def noop(x):\n"
                                  "    return x\n\n\n"
                                  "errand_worker.run()\n";
static const char node_noop[] = "#!/usr/bin/env node\n"
                                "import { run, task } from './errand-worker.mjs';\n\n"
                                "task('noop', (ctx, x) => x);\n"
                                "run();\n";

static void file_write(const char *folder, const char *name, const char *text, mode_t mode)
{
    char path[PATH_MAX];
    size_t len = strlen(text);
    int fd;

    path_join(path, folder, name);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len || close(fd) != 0)
        die("cannot write %s", path);
}

/* A copy, because interpreters look for modules beside what a link leads to. */
static void file_copy(const char *folder, const char *from)
{
    static char text[1u << 20];
    FILE *f = fopen(from, "re");
    size_t len;

    if (!f)
        die("cannot read %s: run this in the project's folder", from);
    len = fread(text, 1, sizeof text - 1, f);
    text[len] = '\0';
    fclose(f);
    file_write(folder, strrchr(from, '/') + 1, text, 0600);
}

static void manifest_write(const char *folder, int inflight)
{
    char text[128];

    snprintf(text, sizeof text,
             "{\"mode\":\"worker\",\"workers\":{\"min\":1,\"max\":1,\"inflight\":%d}}", inflight);
    file_write(folder, "noop.json", text, 0600);
}

static void c_make(const struct bench *b, const char *folder)
{
    char program[PATH_MAX], path[PATH_MAX];

    path_join(program, b->tools, "echo_worker");
    path_join(path, folder, "noop");
    if (symlink(program, path) != 0)
        die("cannot link %s to %s", path, program);
}

static void python_make(const struct bench *b, const char *folder)
{
    (void)b;
    file_copy(folder, PYTHON_CLIENT);
    file_write(folder, "noop.py", python_noop, 0700);
}

static void node_make(const struct bench *b, const char *folder)
{
    (void)b;
    file_copy(folder, NODE_CLIENT);
    file_write(folder, "noop.mjs", node_noop, 0700);
}

static const struct contest {
    const char *name;
    const char *function;
    void (*worker_make)(const struct bench *b, const char *folder);
    int inflight; /* in the worker; 0: there is none */
    int calls;    /* over HTTP at once; 0: it is no http function */
    int batches;  /* a round: about half a second */
    double floor; /* 0: none */
} contests[] = {
    {.name = "functions: echo, a built-in",
     .function = "echo",
     .batches = 40,
     .floor = FLOOR_BUILTIN},
    {.name = "functions: a C worker, 32 in flight",
     .function = "noop",
     .worker_make = c_make,
     .inflight = 32,
     .batches = 24,
     .floor = FLOOR_WORKER},
    {.name = "functions: a Python worker, 1 in flight",
     .function = "noop",
     .worker_make = python_make,
     .inflight = 1,
     .batches = 3},
    {.name = "functions: a Python worker, 32 in flight",
     .function = "noop",
     .worker_make = python_make,
     .inflight = 32,
     .batches = 8},
    {.name = "functions: a Node worker, 1 in flight",
     .function = "noop",
     .worker_make = node_make,
     .inflight = 1,
     .batches = 3},
    {.name = "functions: a Node worker, 32 in flight",
     .function = "noop",
     .worker_make = node_make,
     .inflight = 32,
     .batches = 16},
    {.name = "functions: http, 500 calls at once",
     .function = "noop",
     .calls = CALLS,
     .batches = 8},
};

#define CONTESTS ((int)(sizeof contests / sizeof *contests))

/* The servers that one contest needs. */
struct field {
    struct child errand;
    struct child service; /* that http functions call */
    int fd;               /* a connection to errand */
};

static void field_open(struct field *f, const struct bench *b, const struct contest *c)
{
    char folder[PATH_MAX], manifest[128];

    path_join(folder, b->folder, "functions");
    tree_remove(folder);
    mkdir(folder, 0700);
    *f = (struct field){0};
    if (c->worker_make) {
        c->worker_make(b, folder);
        manifest_write(folder, c->inflight);
    }
    if (c->calls) {
        bare_start(&f->service, b, "bare_mhd");
        snprintf(manifest, sizeof manifest,
                 "{\"mode\":\"http\",\"url\":\"http://127.0.0.1:%d/\",\"concurrency\":%d}",
                 f->service.port, c->calls);
        file_write(folder, "noop.json", manifest, 0600);
    }
    errand_start(&f->errand, b, folder, 0);
    f->fd = tcp_connect(f->errand.port);
}

static void field_close(struct field *f, const struct bench *b)
{
    tcp_close(f->fd);
    errand_stop(&f->errand, b);
    child_stop(&f->service);
}

static void settle(const struct field *f, const struct bullmq *q)
{
    child_settle(&f->errand);
    child_settle(&q->redis);
    child_settle(&q->node);
}

static void throughput(struct bench *b, struct bullmq *q, const struct contest *c)
{
    struct pairs rates = {.count = 0};
    char task[128], beside[256];
    struct field f;
    long most;

    snprintf(task, sizeof task, "{\"function\":\"%s\",\"args\":[\"x\"]}", c->function);
    field_open(&f, b, c);
    bullmq_fresh(q, BULLMQ_WORKERS);
    most = tasks_most_running(f.fd, task, c->batches); /* both warm */
    bullmq_rate(q, BULLMQ_BATCHES);
    for (int i = 0; i < bench_pick(b, 5, 3); i++) {
        double a;

        settle(&f, q);
        a = tasks_rate(f.fd, task, c->batches);
        settle(&f, q);
        pairs_add(&rates, a, bullmq_rate(q, BULLMQ_BATCHES));
    }
    field_close(&f, b);
    snprintf(beside, sizeof beside, "%s", pairs_describe_as(&rates, "/s", "BullMQ").text);
    if (c->calls)
        snprintf(beside + strlen(beside), sizeof beside - strlen(beside),
                 "; up to %ld seen at once", most);
    if (c->floor > 0)
        report_floor(&b->report, c->name, pairs_ratio(&rates), "of BullMQ", AT_LEAST, c->floor,
                     "%s", beside);
    else
        report_value(c->name, pairs_ratio(&rates), "of BullMQ", "%s", beside);
}

/* The median of so many, one at a time. */
static double errand_ms(int fd, struct swarm *stream, const char *function, int count)
{
    double taken[ROUND_TASKS];
    char task[128];
    size_t len;
    char *request;

    snprintf(task, sizeof task,
             "{\"function\":\"%s\",\"args\":[\"x\"],\"notify_channels\":[\"latency\"]}", function);
    request = request_make("/v1/tasks", NULL, task, &len);
    for (int i = 0; i < count; i++)
        taken[i] = task_seconds(fd, stream, request, len) * 1000;
    free(request);
    return median(taken, count);
}

/* Echo and a C worker in turn with BullMQ, whose one measurement stands beside both. */
static void latency(struct bench *b, struct bullmq *q)
{
    struct pairs echo = {.count = 0}, worker = {.count = 0}, inside = {.count = 0};
    int count = bench_pick(b, ROUND_TASKS, ROUND_TASKS / 4);
    struct swarm stream;
    struct field f;

    field_open(&f, b, &contests[1]);
    bullmq_fresh(q, 1);
    swarm_open(&stream, f.errand.port, STREAM, 1);
    errand_ms(f.fd, &stream, "echo", count); /* both warm */
    errand_ms(f.fd, &stream, "noop", count);
    bullmq_latency(q, count);
    for (int i = 0; i < bench_pick(b, 5, 3); i++) {
        double echo_ms = errand_ms(f.fd, &stream, "echo", count);
        double worker_ms = errand_ms(f.fd, &stream, "noop", count);
        struct bullmq_latency bullmq = bullmq_latency(q, count);

        pairs_add(&echo, echo_ms, bullmq.stream_ms);
        pairs_add(&worker, worker_ms, bullmq.stream_ms);
        pairs_add(&inside, echo_ms, bullmq.worker_ms);
    }
    swarm_close(&stream);
    field_close(&f, b);
    report_floor(&b->report, "functions: latency of echo", pairs_ratio(&echo), "of BullMQ", AT_MOST,
                 CEILING_DELAY, "%s", pairs_describe_as(&echo, "ms", "BullMQ").text);
    report_value("functions: the same, to its worker's event", pairs_ratio(&inside), "of BullMQ",
                 "%s", pairs_describe_as(&inside, "ms", "BullMQ").text);
    report_value("functions: latency of a C worker", pairs_ratio(&worker), "of BullMQ", "%s",
                 pairs_describe_as(&worker, "ms", "BullMQ").text);
}

static void part(struct bench *b)
{
    struct bullmq bullmq;

    bullmq_start(&bullmq, b);
    bullmq_fresh(&bullmq, BULLMQ_WORKERS);
    bullmq_rate(&bullmq, BULLMQ_BATCHES); /* its code is compiled as it runs */
    for (int i = 0; i < CONTESTS; i++)
        throughput(b, &bullmq, &contests[i]);
    latency(b, &bullmq);
    bullmq_stop(&bullmq, b);
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, part);
}
