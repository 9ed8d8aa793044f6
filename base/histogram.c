#include "base/histogram.h"

#include "base/mem.h"

#include <assert.h>

#define SCALE(name, per, ...)                                                                      \
    static const int64_t bounds_##name[] = {__VA_ARGS__};                                          \
    static_assert(array_size(bounds_##name) <= HISTOGRAM_BOUNDS_MAX, #name);
#include "base/histogram.def"
#undef SCALE

static const struct histogram_bounds scales[] = {
#define SCALE(name, per, ...) {bounds_##name, array_size(bounds_##name), per},
#include "base/histogram.def"
#undef SCALE
};

const struct histogram_bounds *histogram_bounds(enum histogram_scale scale)
{
    return &scales[scale];
}

void histogram_add(struct histogram *histogram, enum histogram_scale scale, int64_t value)
{
    const struct histogram_bounds *of = &scales[scale];
    size_t i = 0;
    if (value < 0)
        value = 0;
    while (i < of->count && value > of->bounds[i])
        i++;
    histogram->buckets[i]++;
    histogram->sum += value;
}
