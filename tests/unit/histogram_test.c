/* Buckets, and the scales that there are. */
#include "base/histogram.h"
#include "base/mem.h"
#include "tests/unit/check.h"

static void scales_ascend(void **state)
{
    (void)state;
    for (int scale = 0; scale < SCALE_COUNT; scale++) {
        const struct histogram_bounds *of = histogram_bounds((enum histogram_scale)scale);
        assert_in_range(of->count, 1, HISTOGRAM_BOUNDS_MAX);
        assert_true(of->per > 0 && of->bounds[0] > 0);
        for (size_t i = 1; i < of->count; i++)
            assert_true(of->bounds[i] > of->bounds[i - 1]);
    }
}

/* A bound belongs to its own bucket, what exceeds it by one to the next. */
static void bounds_are_upper_ones(void **state)
{
    (void)state;
    for (int scale = 0; scale < SCALE_COUNT; scale++) {
        const struct histogram_bounds *of = histogram_bounds((enum histogram_scale)scale);
        for (size_t i = 0; i < of->count; i++) {
            struct histogram histogram = {0};
            histogram_add(&histogram, (enum histogram_scale)scale, of->bounds[i]);
            assert_int_equal(histogram.buckets[i], 1);
            histogram_add(&histogram, (enum histogram_scale)scale, of->bounds[i] + 1);
            assert_int_equal(histogram.buckets[i], 1);
            assert_int_equal(histogram.sum, 2 * of->bounds[i] + 1);
        }
    }
}

static void extremes(void **state)
{
    struct histogram histogram = {0};
    const struct histogram_bounds *of = histogram_bounds(SCALE_BATCH);
    (void)state;
    histogram_add(&histogram, SCALE_BATCH, 0);
    histogram_add(&histogram, SCALE_BATCH, -7);
    assert_int_equal(histogram.buckets[0], 2);
    assert_int_equal(histogram.sum, 0);
    histogram_add(&histogram, SCALE_BATCH, INT64_MAX);
    assert_int_equal(histogram.buckets[of->count], 1);
    assert_true(histogram.sum == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_ascend),
        cmocka_unit_test(bounds_are_upper_ones),
        cmocka_unit_test(extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
