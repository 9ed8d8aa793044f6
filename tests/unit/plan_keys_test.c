/* Tasks of one request with one cache_key: which of them is made, and circles through keys. */
#include "base/mem.h"
#include "model/spec.h"
#include "tests/unit/plans.h"

#define KEYED(key)      "{\"function\":\"echo\",\"cache_key\":\"" key "\"}"
#define FORCED(key)     "{\"function\":\"echo\",\"cache_key\":\"" key "\",\"force\":true}"
#define META(inner)     "{\"process\":\"merge\",\"args\":[{\"$task\":" inner "}]}"
#define META2(one, two) "{\"process\":\"merge\",\"args\":[{\"$task\":" one "},{\"$task\":" two "}]}"
#define KEYED_META(key, inner)                                                                     \
    "{\"process\":\"merge\",\"cache_key\":\"" key "\",\"args\":[{\"$task\":" inner "}]}"

/* same_as of each task of the plan, in its order: dependencies first. */
static const struct {
    struct str body;
    size_t count;
    int64_t same_as[5];
} rows[] = {
    {STR("[" KEYED("a") "," KEYED("b") "]"), 2, {-1, -1}},
    {STR("[" KEYED("a") "," KEYED("a") "," KEYED("a") "]"), 3, {-1, 0, 0}},
    {STR("[" KEYED("a") "," KEYED("\\u0061") "]"), 2, {-1, 0}},
    {STR("[" KEYED("a") "," FORCED("a") "," KEYED("a") "]"), 3, {-1, -1, 1}},
    {STR("[" FORCED("a") "," FORCED("a") "]"), 2, {-1, -1}},
    {STR(META2(KEYED("a"), KEYED("a"))), 3, {-1, 0, -1}},
    {STR("[" META(KEYED("a")) "," KEYED("a") "]"), 3, {-1, -1, 0}},
    {STR("[" KEYED("a") "," META(KEYED("a")) "]"), 3, {-1, 0, -1}},
    /* What is inside a task that is not made holds no key for others. */
    {STR("[" KEYED("m") "," KEYED_META("m", KEYED("a")) "," KEYED("a") "]"), 4, {-1, -1, 0, -1}},
};

static void finds_the_first_of_each_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct parsed parsed = parse_good(rows[i].body);
        assert_int_equal(parsed.plan.count, rows[i].count);
        for (size_t k = 0; k < rows[i].count; k++) {
            assert_row(rows[i].body, parsed.plan.specs[k].same_as == rows[i].same_as[k]);
            assert_row(rows[i].body, plan_stands_for(&parsed.plan, k) ==
                                         (rows[i].same_as[k] < 0 ? k : (size_t)rows[i].same_as[k]));
        }
        arena_done(&parsed.arena);
    }
}

static void refuses_circles_through_keys(void **state)
{
    (void)state;
    check_refused(STR(KEYED_META("a", KEYED("a"))), PROBLEM_CYCLE, STR("/args/0"));
    check_refused(STR("[{\"process\":\"merge\",\"cache_key\":\"k\",\"args\":[{\"$task\":\"b\"}]},"
                      "{\"function\":\"echo\",\"id\":\"b\",\"cache_key\":\"k\"}]"),
                  PROBLEM_CYCLE, STR("/0/args/0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_first_of_each_key),
        cmocka_unit_test(refuses_circles_through_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
