/* The text format of Prometheus, byte by byte. */
#include "base/mem.h"
#include "handlers/exposition.h"
#include "tests/unit/check.h"

static const struct metric gauge = {"a_gauge", METRIC_GAUGE, "back\\slash, \"quotes\"\nand a line"};
static const struct metric sizes = {"sizes", METRIC_HISTOGRAM, "Sizes."};

static void expect(struct buf *out, const char *want)
{
    assert_str(buf_str(out), str_of(want));
    buf_done(out);
}

static void heads(void **state)
{
    struct buf out = {0};
    const struct metric counter = {"x_total", METRIC_COUNTER, "X."};
    (void)state;
    exposition_head(&out, &gauge); /* quotes stay as they are in HELP */
    expect(&out, "# HELP a_gauge back\\\\slash, \"quotes\"\\nand a line\n# TYPE a_gauge gauge\n");
    exposition_head(&out, &counter);
    expect(&out, "# HELP x_total X.\n# TYPE x_total counter\n");
    exposition_head(&out, &sizes);
    expect(&out, "# HELP sizes Sizes.\n# TYPE sizes histogram\n");
}

static void labels(void **state)
{
    struct buf out = {0};
    (void)state;
    exposition_sample(&out, &gauge, NO_LABELS, 0);
    expect(&out, "a_gauge 0\n");
    exposition_sample(&out, &gauge, LABELS({"a", STR("")}), 1);
    expect(&out, "a_gauge{a=\"\"} 1\n");
    exposition_sample(&out, &gauge, LABELS({"a", STR("1")}, {"b", STR("two")}), 1);
    expect(&out, "a_gauge{a=\"1\",b=\"two\"} 1\n");
    exposition_sample(&out, &gauge, LABELS({"a", STR("q\" b\\ n\n {},= \xC3\xA9")}), 1);
    expect(&out, "a_gauge{a=\"q\\\" b\\\\ n\\n {},= \xC3\xA9\"} 1\n");
}

static void values(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {{-1, "a_gauge -1\n"},
                {0.1, "a_gauge 0.1\n"},
                {1795270833.223, "a_gauge 1795270833.223\n"},
                {1e15, "a_gauge 1e+15\n"},
                {123456789012, "a_gauge 123456789012\n"}};
    struct buf out = {0};
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        exposition_sample(&out, &gauge, NO_LABELS, rows[i].value);
        expect(&out, rows[i].text);
    }
}

/* Buckets add up, each bound in the base unit. */
static void histograms(void **state)
{
    struct buf out = {0};
    struct histogram histogram = {0};
    (void)state;
    histogram_add(&histogram, SCALE_BATCH, 1);
    histogram_add(&histogram, SCALE_BATCH, 4);
    histogram_add(&histogram, SCALE_BATCH, 5);
    histogram_add(&histogram, SCALE_BATCH, 2000);
    exposition_histogram(&out, &sizes, LABELS({"f", STR("x")}), &histogram, SCALE_BATCH);
    expect(&out, "sizes_bucket{f=\"x\",le=\"1\"} 1\nsizes_bucket{f=\"x\",le=\"2\"} 1\n"
                 "sizes_bucket{f=\"x\",le=\"5\"} 3\nsizes_bucket{f=\"x\",le=\"10\"} 3\n"
                 "sizes_bucket{f=\"x\",le=\"20\"} 3\nsizes_bucket{f=\"x\",le=\"50\"} 3\n"
                 "sizes_bucket{f=\"x\",le=\"100\"} 3\nsizes_bucket{f=\"x\",le=\"200\"} 3\n"
                 "sizes_bucket{f=\"x\",le=\"500\"} 3\nsizes_bucket{f=\"x\",le=\"1000\"} 3\n"
                 "sizes_bucket{f=\"x\",le=\"+Inf\"} 4\nsizes_sum{f=\"x\"} 2010\n"
                 "sizes_count{f=\"x\"} 4\n");
}

/* Seconds of a histogram that counts in milliseconds. */
static void units(void **state)
{
    struct buf out = {0};
    struct histogram histogram = {0};
    (void)state;
    histogram_add(&histogram, SCALE_SPAN_MS, 1500);
    exposition_histogram(&out, &sizes, NO_LABELS, &histogram, SCALE_SPAN_MS);
    struct str rest = buf_str(&out), line;
    assert_str(str_cut(&rest, '\n'), STR("sizes_bucket{le=\"0.001\"} 0"));
    bool seen = false;
    while ((line = str_cut(&rest, '\n')).len) {
        seen = seen || str_eq(line, STR("sizes_bucket{le=\"2.5\"} 1"));
        assert_false(str_eq(line, STR("sizes_bucket{le=\"1\"} 1")));
        if (str_starts(line, STR("sizes_sum")))
            assert_str(line, STR("sizes_sum 1.5"));
    }
    assert_true(seen);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),      cmocka_unit_test(labels), cmocka_unit_test(values),
        cmocka_unit_test(histograms), cmocka_unit_test(units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
