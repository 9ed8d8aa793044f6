/* Tasks of one request that refer to each other by id: who is meant, circles, and how many there
 * may be. */
#include "base/mem.h"
#include "model/spec.h"
#include "tests/unit/plans.h"

/* A meta-task with an id and one reference, and what a reference may be. */
#define NEEDS(id, reference)                                                                       \
    "{\"process\":\"merge\",\"id\":\"" id "\",\"args\":[{\"$task\":" reference "}]}"
#define LEAF(id) "{\"function\":\"echo\",\"id\":\"" id "\"}"
#define ID(id)   "\"" id "\""

static const struct {
    struct str body;
    struct str pointer;
} duplicates[] = {
    {STR("[" LEAF("a") "," LEAF("a") "]"), STR("/1/id")},
    {STR("[" LEAF("a") "," LEAF("b") "," LEAF("c") "," LEAF("b") "," LEAF("c") "]"), STR("/3/id")},
    {STR("[" LEAF("a") "," LEAF("\\u0061") "]"), STR("/1/id")},
    {STR("[" LEAF("a") "," NEEDS("b", LEAF("a")) "]"), STR("/1/args/0/$task/id")},
    {STR("[" NEEDS("b", LEAF("a")) "," LEAF("a") "]"), STR("/1/id")},
    {STR(NEEDS("a", LEAF("a"))), STR("/id")},
    {STR("{\"process\":\"merge\",\"args\":[{\"$task\":" LEAF("a") "},{\"$task\":" LEAF("a") "}]}"),
     STR("/args/1/$task/id")},
};

static void refuses_an_id_given_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(duplicates); i++)
        check_refused(duplicates[i].body, PROBLEM_DUPLICATE_ID, duplicates[i].pointer);
    struct parsed parsed = parse_good(STR("[" LEAF("a") "," LEAF("A") "," LEAF("aa") "]"));
    arena_done(&parsed.arena);
}

/* Which task of the plan each root's first reference means; -1: one to be looked up, -2: none. */
static const struct {
    struct str body;
    int64_t specs[4];
} links[] = {
    {STR("[" LEAF("a") "," NEEDS("b", ID("a")) "]"), {-2, 0}},
    {STR("[" NEEDS("b", ID("a")) "," LEAF("a") "]"), {1, -2}},
    {STR("[" NEEDS("c", ID("b")) "," NEEDS("b", ID("a")) "," LEAF("a") "]"), {1, 2, -2}},
    {STR("[" NEEDS("b", ID("a")) "," NEEDS("c", ID("a")) "," LEAF("a") "]"), {2, 2, -2}},
    {STR("[" NEEDS("b", ID("x")) "," NEEDS("c", ID("B")) "]"), {-1, -1}},
    {STR(NEEDS("b", ID("x"))), {-1}},
    {STR("[" NEEDS("b", ID("a")) "," NEEDS("c", LEAF("a")) "]"), {1, 1}}, /* an inline one */
    {STR("[" NEEDS("b", "\"\\u0061\"") "," LEAF("a") "]"), {1, -2}},
    {STR("[" NEEDS("b", NEEDS("c", ID("d"))) "," LEAF("d") "]"), {0, -2}},
    {STR("[{\"process\":\"merge\",\"args\":[{\"$task\":\"a\"},{\"$task\":\"a\"}]}," LEAF("a") "]"),
     {1, -2}},
};

static void resolves_ids(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(links); i++) {
        struct parsed parsed = parse_good(links[i].body);
        for (size_t k = 0; k < parsed.plan.root_count; k++) {
            const struct spec *spec = &parsed.plan.specs[parsed.plan.roots[k]];
            int64_t got = spec->dependency_count ? spec->dependencies[0].spec : -2;
            assert_row(links[i].body, got == links[i].specs[k]);
        }
        arena_done(&parsed.arena);
    }
}

static const struct {
    struct str body, pointer;
} circles[] = {
    {STR(NEEDS("a", ID("a"))), STR("/args/0")},
    {STR("[" LEAF("x") "," NEEDS("a", ID("a")) "]"), STR("/1/args/0")},
    {STR("{\"process\":\"merge\",\"id\":\"a\",\"kwargs\":{\"k\":[{\"$task\":\"a\"}]}}"),
     STR("/kwargs/k/0")},
    {STR("{\"process\":\"merge\",\"id\":\"a\",\"args\":[{\"$task\":\"a\",\"optional\":true}]}"),
     STR("/args/0")},
    {STR("[" NEEDS("a", ID("b")) "," NEEDS("b", ID("a")) "]"), STR("/0/args/0")},
    {STR("[" NEEDS("a", ID("b")) "," NEEDS("b", ID("c")) "," NEEDS("c", ID("a")) "]"),
     STR("/0/args/0")},
    {STR("[" LEAF("x") "," NEEDS("c", ID("a")) "," NEEDS("b", ID("c")) "," NEEDS("a", ID("b")) "]"),
     STR("/1/args/0")},
    /* beside a reference that is fine */
    {STR("[" LEAF("x") ",{\"process\":\"merge\",\"id\":\"a\",\"args\":[{\"$task\":\"x\"},"
                       "{\"$task\":\"a\"}]}]"),
     STR("/1/args/1")},
    /* through inline tasks: the only reference by id closes the circle */
    {STR(NEEDS("a", NEEDS("b", ID("a")))), STR("/args/0/$task/args/0")},
    {STR(NEEDS("a", NEEDS("b", NEEDS("c", ID("a"))))), STR("/args/0/$task/args/0/$task/args/0")},
    {STR(NEEDS("a", NEEDS("b", ID("b")))), STR("/args/0/$task/args/0")},
    {STR("[" NEEDS("a", NEEDS("b", ID("c"))) "," NEEDS("c", ID("a")) "]"),
     STR("/0/args/0/$task/args/0")},
};

static void refuses_circles(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(circles); i++)
        check_refused(circles[i].body, PROBLEM_CYCLE, circles[i].pointer);
}

/* A task that only waits for a circle does not wait for itself: the place is in the circle. */
static void points_into_the_circle(void **state)
{
    (void)state;
    check_refused(STR("[" NEEDS("x", ID("a")) "," NEEDS("a", ID("a")) "]"), PROBLEM_CYCLE,
                  STR("/1/args/0"));
    check_refused(STR("[" NEEDS("y", ID("x")) "," NEEDS("x", ID("a")) "," NEEDS(
                      "a", ID("b")) "," NEEDS("b", ID("a")) "]"),
                  PROBLEM_CYCLE, STR("/2/args/0"));
}

/* A chain of count tasks, each of which needs the next; the last needs the one called "end". */
static struct buf chain(int count, const char *end)
{
    struct buf body = {0};
    for (int i = 0; i < count; i++) {
        buf_addf(&body, "%c{\"process\":\"merge\",\"id\":\"t%d\",\"args\":[{\"$task\":\"",
                 i ? ',' : '[', i);
        if (i + 1 < count)
            buf_addf(&body, "t%d", i + 1);
        else
            buf_add_text(&body, end);
        buf_add_text(&body, "\"}]}");
    }
    buf_add_char(&body, ']');
    return body;
}

static void follows_long_chains(void **state)
{
    (void)state;
    struct buf body = chain(10000, "outside");
    struct parsed parsed = parse_good(buf_str(&body));
    for (size_t i = 0; i < 9999; i++)
        assert_int_equal(parsed.plan.specs[i].dependencies[0].spec, i + 1);
    assert_int_equal(parsed.plan.specs[9999].dependencies[0].spec, -1);
    arena_done(&parsed.arena);
    buf_done(&body);
    body = chain(10000, "t0");
    parsed = parse(buf_str(&body));
    assert_false(parsed.fine);
    assert_int_equal(parsed.problem.code, PROBLEM_CYCLE);
    arena_done(&parsed.arena);
    buf_done(&body);
}

/* reference, so many times. */
static struct buf wide(const char *reference, int count)
{
    struct buf body = {0};
    buf_add_text(&body, "{\"process\":\"merge\",\"args\":[0");
    for (int i = 0; i < count; i++)
        buf_addf(&body, ",{\"$task\":%s}", reference);
    buf_add_text(&body, "]}");
    return body;
}

static void limits_references(void **state)
{
    static const char *const references[] = {ID("x"), "{\"function\":\"echo\"}"};
    (void)state;
    for (size_t i = 0; i < array_size(references); i++) {
        struct buf body = wide(references[i], PLAN_MAX_REFS);
        struct parsed parsed = parse_good(buf_str(&body));
        const struct spec *root = &parsed.plan.specs[parsed.plan.roots[0]];
        assert_int_equal(root->dependency_count, 10000);
        assert_int_equal(parsed.plan.count, i ? 10001 : 1);
        assert_str(root->dependencies[9999].at, STR("/args/10000"));
        arena_done(&parsed.arena);
        buf_done(&body);
        body = wide(references[i], PLAN_MAX_REFS + 1);
        check_refused(buf_str(&body), PROBLEM_INVALID_REQUEST, STR("/args/10001"));
        buf_done(&body);
    }
}

/* The limit is the request's, not the task's; data does not count. */
static void limits_references_of_a_batch(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct buf first = wide(ID("x"), PLAN_MAX_REFS - 1), body = {0};
        buf_addf(
            &body, "[%s,{\"function\":\"echo\",\"args\":[{\"$task\":\"x\"}]},%s%s]", first.data,
            "{\"process\":\"merge\",\"args\":[{\"$value\":{\"$task\":\"x\"}},{\"$task\":\"x\"}",
            more ? ",[{\"$task\":\"x\"}]]}" : "]}");
        if (more) {
            check_refused(buf_str(&body), PROBLEM_INVALID_REQUEST, STR("/2/args/2/0"));
        } else {
            struct parsed parsed = parse_good(buf_str(&body));
            arena_done(&parsed.arena);
        }
        buf_done(&first);
        buf_done(&body);
    }
}

static void limits_batches(void **state)
{
    (void)state;
    for (int count = PLAN_MAX_TASKS; count <= PLAN_MAX_TASKS + 1; count++) {
        struct buf body = {0};
        for (int i = 0; i < count; i++)
            buf_addf(&body, "%c{\"function\":\"echo\"}", i ? ',' : '[');
        buf_add_char(&body, ']');
        if (count > 10000) {
            check_refused(buf_str(&body), PROBLEM_INVALID_REQUEST, STR(""));
        } else {
            struct parsed parsed = parse_good(buf_str(&body));
            assert_int_equal(parsed.plan.count, 10000);
            assert_int_equal(parsed.plan.roots[9999], 9999);
            assert_str(parsed.plan.specs[9999].pointer, STR("/9999"));
            arena_done(&parsed.arena);
        }
        buf_done(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_an_id_given_twice),
        cmocka_unit_test(resolves_ids),
        cmocka_unit_test(refuses_circles),
        cmocka_unit_test(points_into_the_circle),
        cmocka_unit_test(follows_long_chains),
        cmocka_unit_test(limits_references),
        cmocka_unit_test(limits_references_of_a_batch),
        cmocka_unit_test(limits_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
