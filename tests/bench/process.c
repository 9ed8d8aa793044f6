/*
 * Process tasks a second, created in batches and run to the end, beside a bare loop of
 * posix_spawn and wait with the same executable and as many at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/lib/bench.h"
#include "tests/bench/lib/child.h"
#include "tests/bench/lib/http.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/tasks.h"

#define FLOOR       0.80
#define MANY        64 /* slots that outlast a sync of the disk */
#define RUN_SECONDS 30 /* longer than this is a hang */
#define TASK        "{\"function\":\"noop\"}"
#define PROGRAM     "/bin/true" /* the least that an ordinary program does */

static double bare_rate(const struct bench *b, const char *program, int batches, int width)
{
    char path[PATH_MAX], count_text[16], width_text[16], line[64];
    const char *const argv[] = {path, count_text, width_text, program, NULL};
    struct child c;

    path_join(path, b->tools, "bare_spawn");
    snprintf(count_text, sizeof count_text, "%d", batches * TASKS_BATCH);
    snprintf(width_text, sizeof width_text, "%d", width);
    child_start(&c, argv, NULL);
    if (!child_line(&c, line, sizeof line, RUN_SECONDS))
        die("bare_spawn has failed");
    child_stop(&c);
    return (double)TASKS_BATCH * batches / atof(line);
}

static struct pairs measure(struct bench *b, const char *functions, const char *program, int width)
{
    int batches = bench_pick(b, 8, 2), fd;
    struct pairs rates = {.count = 0};
    struct child errand;

    errand_start(&errand, b, functions, width);
    fd = tcp_connect(errand.port);
    tasks_rate(fd, TASK, 1);
    bare_rate(b, program, 1, width);
    for (int i = 0; i < bench_pick(b, 5, 3); i++) {
        double a = tasks_rate(fd, TASK, batches);

        child_settle(&errand);
        pairs_add(&rates, a, bare_rate(b, program, batches, width));
    }
    tcp_close(fd);
    errand_stop(&errand, b);
    return rates;
}

/* A slot is taken again when the commit that ends its task has reached the disk. With few slots
 * that wait stands in every task's way; with many, other tasks run meanwhile, and what is left is
 * the work of the server itself, which is what the floor is for. */
static void part(struct bench *b)
{
    int few = 2 * (int)sysconf(_SC_NPROCESSORS_ONLN);
    char functions[PATH_MAX], program[PATH_MAX];
    struct pairs rates;

    path_join(functions, b->folder, "functions");
    path_join(program, functions, "noop");
    mkdir(functions, 0700);
    if (symlink(PROGRAM, program) != 0 && errno != EEXIST)
        die("cannot link %s to %s", program, PROGRAM);
    rates = measure(b, functions, program, few);
    report_value("process: no-op tasks run, few slots", pairs_ratio(&rates), "of bare",
                 "%s; %d at once", pairs_describe(&rates).text, few);
    rates = measure(b, functions, program, MANY);
    report_floor(&b->report, "process: no-op tasks run, many slots", pairs_ratio(&rates), "of bare",
                 AT_LEAST, FLOOR, "%s; %d at once", pairs_describe(&rates).text, MANY);
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, part);
}
