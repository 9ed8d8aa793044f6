/* Pauses between attempts: how long at least and at most. */
#include "base/mem.h"
#include "model/retry.h"
#include "tests/unit/check.h"

static const struct pause_row {
    struct str what;
    struct backoff backoff;
    int64_t failures;
    int64_t least, most; /* milliseconds, for random 0 and for UINT64_MAX */
} rows[] = {
    {STR("first"), {1, 2, 300}, 1, 750, 1000},
    {STR("second"), {1, 2, 300}, 2, 1500, 2000},
    {STR("third"), {1, 2, 300}, 3, 3000, 4000},
    {STR("ninth, below max"), {1, 2, 300}, 9, 192000, 256000},
    {STR("tenth, above max"), {1, 2, 300}, 10, 225000, 300000},
    {STR("hundredth"), {1, 2, 300}, 100, 225000, 300000},
    {STR("exactly max"), {1, 2, 4}, 3, 3000, 4000},
    {STR("initial above max"), {10, 2, 3}, 1, 2250, 3000},
    {STR("fractions"), {0.1, 3, 300}, 2, 225, 300},
    {STR("odd factor"), {2, 1.5, 300}, 3, 3375, 4500},
    {STR("factor 1, first"), {5, 1, 300}, 1, 3750, 5000},
    {STR("factor 1, millionth"), {5, 1, 300}, 1000000, 3750, 5000},
    {STR("max 0"), {1, 2, 0}, 1, 0, 0},
    {STR("max 0, later"), {1, 2, 0}, 99, 0, 0},
    {STR("initial 0"), {0, 2, 300}, 1, 0, 0},
    {STR("initial 0, later"), {0, 2, 300}, 99, 0, 0},
    {STR("initial 0, factor 1"), {0, 1, 300}, 99, 0, 0},
    {STR("the power overflows"), {1, 2, 300}, 5000, 225000, 300000},
    {STR("the power overflows at once"), {1, 3155760000, 300}, 99, 225000, 300000},
    {STR("a hundred years"),
     {3155760000, 3155760000, 3155760000},
     100,
     2366820000000,
     3155760000000},
};

static void stays_within_its_bounds(void **state)
{
    static const uint64_t randoms[] = {1, 1ULL << 11, 1ULL << 32, 1ULL << 63, UINT64_MAX - 1};
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        const struct pause_row *row = &rows[i];
        assert_row(row->what, backoff_pause(row->backoff, row->failures, 0) == row->least);
        assert_row(row->what, backoff_pause(row->backoff, row->failures, UINT64_MAX) == row->most);
        for (size_t k = 0; k < array_size(randoms); k++) {
            int64_t pause = backoff_pause(row->backoff, row->failures, randoms[k]);
            assert_row(row->what, pause >= row->least && pause <= row->most);
        }
    }
}

/* 0 times any power is 0, also times one that overflowed. */
static void does_not_pause_where_none_is_wanted(void **state)
{
    (void)state;
    assert_int_equal(backoff_pause((struct backoff){0, 1e4, 300}, 100, UINT64_MAX), 0);
    assert_int_equal(backoff_pause((struct backoff){0, 3155760000, 300}, 99, 0), 0);
}

/* The random number decides, evenly: half of it is half of the spread. */
static void spreads_the_pauses(void **state)
{
    const struct backoff backoff = {1000, 1, 1000};
    (void)state;
    assert_int_equal(backoff_pause(backoff, 1, 1ULL << 62), 812500);
    assert_int_equal(backoff_pause(backoff, 1, 1ULL << 63), 875000);
    assert_int_equal(backoff_pause(backoff, 1, 3ULL << 62), 937500);
}

static void has_the_defaults_of_the_contract(void **state)
{
    (void)state;
    assert_true(BACKOFF_DEFAULT.initial == 1);
    assert_true(BACKOFF_DEFAULT.factor == 2);
    assert_true(BACKOFF_DEFAULT.max == 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_within_its_bounds),
        cmocka_unit_test(does_not_pause_where_none_is_wanted),
        cmocka_unit_test(spreads_the_pauses),
        cmocka_unit_test(has_the_defaults_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
