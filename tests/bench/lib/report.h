#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>

/*
 * What a part prints: one line a figure, with its floor, if it has one, and PASS or
 * MISS. A part that misses a floor is run once more; a floor that was met in one of
 * the two runs is met.
 */

#define REPORT_FLOORS_MAX 16

enum floor_sense { AT_LEAST, AT_MOST, BELOW };

struct floor_record {
    const char *name;
    bool met; /* in any of the runs so far */
};

struct report {
    int count;
    struct floor_record floors[REPORT_FLOORS_MAX];
};

/* `unit` may be "". The rest is what stands beside the value: the raw figures. */
void report_value(const char *name, double value, const char *unit, const char *beside, ...)
    __attribute__((format(printf, 4, 5)));

/* `name` is a literal: it is kept, and tells the floors apart. */
void report_floor(struct report *r, const char *name, double value, const char *unit,
                  enum floor_sense sense, double floor, const char *beside, ...)
    __attribute__((format(printf, 7, 8)));

/* How many floors no run has met yet. */
int report_missed(const struct report *r);

#endif
