/* Writes the text format of Prometheus, version 0.0.4: families of samples.
 * All samples of a family follow its head. No state; any thread. */
#ifndef HANDLERS_EXPOSITION_H
#define HANDLERS_EXPOSITION_H

#include "base/histogram.h"
#include "base/str.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
    const char *name; /* [a-z_]+; a counter's ends in _total */
    enum metric_type type;
    const char *help; /* one line */
};

/* Ends with the first that has no name. */
struct label {
    const char *name;
    struct str value; /* any UTF-8 */
};
#define LABELS(...) ((const struct label[]){__VA_ARGS__, {NULL, STR_NONE}})
#define NO_LABELS   ((const struct label[]){{NULL, STR_NONE}})

/* HELP and TYPE. */
void exposition_head(struct buf *out, const struct metric *metric);
void exposition_sample(struct buf *out, const struct metric *metric, const struct label *labels,
                       double value);
/* All buckets, the sum and the count. */
void exposition_histogram(struct buf *out, const struct metric *metric, const struct label *labels,
                          const struct histogram *histogram, enum histogram_scale scale);

#endif
