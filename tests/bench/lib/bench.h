#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>

#include "tests/bench/lib/report.h"

/*
 * The life of a part: a program of its own that measures one thing.
 *
 * Two processes. The guard makes the temp folder, forks the worker, and, however the
 * worker ends (done, dead, Ctrl-C, out of time), ends all that it started and removes
 * the folder. The worker measures and may die at any point without cleaning up.
 */
struct bench {
    bool quick;         /* a short form: less time, noisier figures */
    const char *errand; /* the server under test */
    const char *tools;  /* the folder of the bench's own programs: bare_mhd, … */
    const char *folder; /* temp folder, on the disk that is measured */
    struct report report;
};

typedef void bench_part(struct bench *b);

/* What a part's main returns: 0, or 1 if a floor was missed twice, or 3 if it broke.
 * Knows `--quick`, and the environment: ERRAND, the server (default build/errand), and
 * BENCH_DIR, where the temp folder goes (default: beside the programs, because /tmp is
 * memory on many machines, and syncing memory measures nothing). */
int bench_main(int argc, char **argv, bench_part *part);

/* The one of two that this run is to use. */
int bench_pick(const struct bench *b, int full, int quick);
double bench_seconds(const struct bench *b, double full, double quick);

#endif
