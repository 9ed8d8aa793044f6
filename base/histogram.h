/* How often a measured value fell into which range. Values are whole numbers of
 * the scale's small unit, so nothing is rounded and the sum is exact. One thread
 * at a time. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS_MAX = 20 };

enum histogram_scale {
#define SCALE(name, per, ...) SCALE_##name,
#include "base/histogram.def"
#undef SCALE
    SCALE_COUNT
};

/* All zero is an empty histogram. */
struct histogram {
    int64_t buckets[HISTOGRAM_BOUNDS_MAX + 1]; /* each alone; after the last bound: above all */
    int64_t sum;                               /* in the small unit */
};

struct histogram_bounds {
    const int64_t *bounds; /* ascending */
    size_t count;
    int64_t per; /* small units in one of the base unit */
};

const struct histogram_bounds *histogram_bounds(enum histogram_scale scale);
/* A value below 0, as a clock that was set back gives, counts as 0. */
void histogram_add(struct histogram *histogram, enum histogram_scale scale, int64_t value);

#endif
