#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <limits.h>

/*
 * Time, order statistics, and pairs of figures taken in turn.
 *
 * A machine's speed drifts from second to second, so two things are compared as
 * A B A B …, each neighbouring pair gives one ratio, and the median ratio counts.
 */

#define PAIRS_MAX 32

struct pairs {
    int count;
    double a[PAIRS_MAX];
    double b[PAIRS_MAX];
};

void pairs_add(struct pairs *p, double a, double b);
double pairs_ratio(const struct pairs *p); /* the median of a/b */
double pairs_a(const struct pairs *p);     /* the median of a alone */

struct pairs_text {
    char text[128];
};

/* The raw figures behind the ratio: the medians of a and b alone, as rates, and the lowest
 * and the highest ratio, which show the noise. */
struct pairs_text pairs_describe(const struct pairs *p);

/* The same for another unit than "/s" and another name of b than "bare". */
struct pairs_text pairs_describe_as(const struct pairs *p, const char *unit, const char *b_name);

double now_seconds(void); /* monotonic */
void pause_seconds(double seconds);

/* Both sort `values` in place. `share` is 0 to 1. */
double median(double *values, int count);
double percentile(double *values, int count, double share);

/* The median time of `count` times: append 4 KiB to a file in `folder`, fdatasync. */
double disk_sync_seconds(const char *folder, int count);

const char *path_join(char out[PATH_MAX], const char *folder, const char *name);

/* Prints to standard error and ends this process with status 3. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
