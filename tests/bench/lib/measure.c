#include "tests/bench/lib/measure.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SYNCS_MAX 256

void die(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("bench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(3);
}

const char *path_join(char out[PATH_MAX], const char *folder, const char *name)
{
    int len = snprintf(out, PATH_MAX, "%s/%s", folder, name);

    if (len < 0 || len >= PATH_MAX)
        die("too long a path: %s", folder);
    return out;
}

double now_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void pause_seconds(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds};

    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

static int compare_doubles(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

double percentile(double *values, int count, double share)
{
    assert(count > 0);
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    return values[(int)((double)(count - 1) * share + 0.5)];
}

double median(double *values, int count)
{
    double high = percentile(values, count, 0.5); /* sorts them */

    return count % 2 ? high : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void pairs_add(struct pairs *p, double a, double b)
{
    assert(p->count < PAIRS_MAX && b > 0);
    p->a[p->count] = a;
    p->b[p->count] = b;
    p->count++;
}

static double median_of_copy(const double *values, int count)
{
    double copy[PAIRS_MAX];

    memcpy(copy, values, (size_t)count * sizeof *values);
    return median(copy, count);
}

double pairs_a(const struct pairs *p)
{
    return median_of_copy(p->a, p->count);
}

/* Returns the median, and leaves the ratios sorted. */
static double pairs_ratios(const struct pairs *p, double ratios[PAIRS_MAX])
{
    for (int i = 0; i < p->count; i++)
        ratios[i] = p->a[i] / p->b[i];
    return median(ratios, p->count);
}

double pairs_ratio(const struct pairs *p)
{
    double ratios[PAIRS_MAX];

    return pairs_ratios(p, ratios);
}

struct pairs_text pairs_describe_as(const struct pairs *p, const char *unit, const char *b_name)
{
    struct pairs_text t;
    double ratios[PAIRS_MAX], a = pairs_a(p), b = median_of_copy(p->b, p->count);
    int digits = a < 100 ? 2 : 0;

    pairs_ratios(p, ratios);
    snprintf(t.text, sizeof t.text, "%.*f %s, %s %.*f %s; ratios %.2f to %.2f", digits, a, unit,
             b_name, digits, b, unit, ratios[0], ratios[p->count - 1]);
    return t;
}

struct pairs_text pairs_describe(const struct pairs *p)
{
    return pairs_describe_as(p, "/s", "bare");
}

double disk_sync_seconds(const char *folder, int count)
{
    static const char block[4096];
    double taken[SYNCS_MAX];
    char path[PATH_MAX];
    int fd;

    assert(count <= SYNCS_MAX);
    path_join(path, folder, "sync-probe");
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        die("cannot write %s: %s", path, strerror(errno));
    for (int i = 0; i < count; i++) {
        double from = now_seconds();

        if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd) != 0)
            die("cannot sync %s: %s", path, strerror(errno));
        taken[i] = now_seconds() - from;
    }
    close(fd);
    unlink(path);
    return median(taken, count);
}
