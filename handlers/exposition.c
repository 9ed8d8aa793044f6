#include "handlers/exposition.h"

static const char *const types[] = {"counter", "gauge", "histogram"};

/* In HELP a backslash and a line feed are escaped, in a label's value quotes as well. */
static void add_escaped(struct buf *out, struct str text, bool quotes)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '\n')
            buf_add_text(out, "\\n");
        else if (c == '\\' || (quotes && c == '"'))
            buf_addf(out, "\\%c", c);
        else
            buf_add_char(out, c);
    }
}

void exposition_head(struct buf *out, const struct metric *metric)
{
    buf_addf(out, "# HELP %s ", metric->name);
    add_escaped(out, str_of(metric->help), false);
    buf_addf(out, "\n# TYPE %s %s\n", metric->name, types[metric->type]);
}

static void add_label(struct buf *out, const char *name, struct str value, size_t position)
{
    buf_addf(out, "%c%s=\"", position ? ',' : '{', name);
    add_escaped(out, value, true);
    buf_add_char(out, '"');
}

/* suffix: "", _bucket, _sum or _count. le: STR_NONE but for a bucket. */
static void add_sample(struct buf *out, const struct metric *metric, const char *suffix,
                       const struct label *labels, struct str le, double value)
{
    size_t count = 0;
    buf_addf(out, "%s%s", metric->name, suffix);
    for (; labels[count].name; count++)
        add_label(out, labels[count].name, labels[count].value, count);
    if (le.data)
        add_label(out, "le", le, count++);
    buf_add_text(out, count ? "} " : " ");
    buf_add_double(out, value);
    buf_add_char(out, '\n');
}

void exposition_sample(struct buf *out, const struct metric *metric, const struct label *labels,
                       double value)
{
    add_sample(out, metric, "", labels, STR_NONE, value);
}

void exposition_histogram(struct buf *out, const struct metric *metric, const struct label *labels,
                          const struct histogram *histogram, enum histogram_scale scale)
{
    const struct histogram_bounds *of = histogram_bounds(scale);
    struct buf le = {0};
    int64_t count = 0;
    for (size_t i = 0; i < of->count; i++) {
        count += histogram->buckets[i];
        le.len = 0;
        buf_add_double(&le, (double)of->bounds[i] / (double)of->per);
        add_sample(out, metric, "_bucket", labels, buf_str(&le), (double)count);
    }
    buf_done(&le);
    count += histogram->buckets[of->count];
    add_sample(out, metric, "_bucket", labels, STR("+Inf"), (double)count);
    add_sample(out, metric, "_sum", labels, STR_NONE, (double)histogram->sum / (double)of->per);
    add_sample(out, metric, "_count", labels, STR_NONE, (double)count);
}
