/* Tasks inside of tasks: where a $task counts, and what the plan says about it. */
#include "base/mem.h"
#include "model/spec.h"
#include "tests/unit/plans.h"

#define META(args) STR("{\"process\":\"merge\",\"args\":[" args "]}")

/* What the references of the first root look like: "at id|inline[?] ", in order. */
static const struct {
    struct str body, references;
} rows[] = {
    {META(""), STR("")},
    {META("1,\"$task\",[{\"a\":null}]"), STR("")},
    {META("{\"$task\":\"x\"}"), STR("/args/0 x ")},
    {META("{\"$task\":\"x\",\"optional\":true}"), STR("/args/0 x? ")},
    {META("{\"optional\":true,\"$task\":\"x\"}"), STR("/args/0 x? ")},
    {META("{\"\\u0024task\":\"\\u0078\"}"), STR("/args/0 x ")},
    {META("{\"$task\":{\"function\":\"echo\"}}"), STR("/args/0 inline ")},
    {META("{\"$task\":{\"function\":\"echo\"},\"optional\":true}"), STR("/args/0 inline? ")},
    {META("0,{\"$task\":\"x\"},{\"$task\":\"y\"},{\"$task\":\"x\"}"),
     STR("/args/1 x /args/2 y /args/3 x ")},
    {META("[[0,[{\"$task\":\"x\"}]]],{\"a\":{\"b\":[{\"$task\":\"y\"}]}}"),
     STR("/args/0/0/1/0 x /args/1/a/b/0 y ")},
    {META("{\"a/b\":{\"$task\":\"x\"},\"c~d\":{\"$task\":\"y\"},\"\":{\"$task\":\"z\"}}"),
     STR("/args/0/a~1b x /args/0/c~0d y /args/0/ z ")},
    {META("{\"a\":{\"$task\":\"x\"},\"a\":{\"$task\":\"y\"}}"), STR("/args/0/a x /args/0/a y ")},
    {STR("{\"kwargs\":{\"k\":{\"$task\":\"y\"}},\"args\":[{\"$task\":\"x\"}],\"process\":"
         "\"merge\"}"),
     STR("/args/0 x /kwargs/k y ")}, /* args first, wherever they stand */
    {META("{\"$task\":{\"function\":\"echo\"}},{\"$task\":{\"function\":\"echo\"}}"),
     STR("/args/0 inline /args/1 inline ")},
    /* hidden, or not */
    {META("{\"$value\":{\"$task\":\"x\"}}"), STR("")},
    {META("{\"$value\":[{\"a\":{\"$task\":{}}}]},{\"$task\":\"x\"}"), STR("/args/1 x ")},
    {META("{\"$value\":{\"$task\":\"x\"},\"a\":1}"), STR("/args/0/$value x ")},
    {META("{\"$values\":{\"$task\":\"x\"}}"), STR("/args/0/$values x ")},
    {STR("{\"process\":\"merge\",\"metadata\":{\"m\":{\"$task\":\"x\"}}}"), STR("")},
    /* in a background task it is data, inline ones included */
    {STR("{\"function\":\"echo\",\"args\":[{\"$task\":\"x\"}],\"kwargs\":{\"$task\":1}}"), STR("")},
    {STR("{\"function\":\"echo\",\"args\":[{\"$task\":{\"nope\":1},\"more\":2}]}"), STR("")},
    {META("{\"$task\":{\"function\":\"echo\",\"args\":[{\"$task\":\"x\"},{\"$task\":7}]}}"),
     STR("/args/0 inline ")},
};

static struct str references_of(const struct spec *spec, struct arena *arena)
{
    struct str text = STR("");
    for (size_t i = 0; i < spec->dependency_count; i++) {
        const struct dependency *d = &spec->dependencies[i];
        assert_true((d->spec >= 0) == !d->id.data);
        text = arena_printf(arena, "%.*s%.*s %.*s%s ", STR_ARG(text), STR_ARG(d->at),
                            STR_ARG(d->id.data ? d->id : STR("inline")), d->optional ? "?" : "");
    }
    return text;
}

/* Alone, and as the third task of a batch: there, the place in the request differs. */
static void finds_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct parsed alone = parse_good(rows[i].body);
        const struct spec *spec = &alone.plan.specs[alone.plan.roots[0]];
        assert_str(references_of(spec, &alone.arena), rows[i].references);
        for (size_t k = 0; k < spec->dependency_count; k++)
            assert_str(spec->dependencies[k].pointer, spec->dependencies[k].at);

        struct str body =
            arena_printf(&alone.arena, "[{\"function\":\"echo\"},{\"process\":\"merge\"},%.*s]",
                         STR_ARG(rows[i].body));
        struct parsed batch = parse_good(body);
        spec = &batch.plan.specs[batch.plan.roots[2]];
        assert_str(references_of(spec, &batch.arena), rows[i].references);
        assert_str(spec->pointer, STR("/2"));
        for (size_t k = 0; k < spec->dependency_count; k++)
            assert_str(spec->dependencies[k].pointer,
                       arena_printf(&batch.arena, "/2%.*s", STR_ARG(spec->dependencies[k].at)));
        arena_done(&batch.arena);
        arena_done(&alone.arena);
    }
}

static const struct {
    struct str body;
    enum problem_code code;
    struct str pointer;
} refusals[] = {
    {META("{\"$task\":null}"), PROBLEM_INVALID_REQUEST, STR("/args/0/$task")},
    {META("{\"$task\":1}"), PROBLEM_INVALID_REQUEST, STR("/args/0/$task")},
    {META("{\"$task\":[]}"), PROBLEM_INVALID_REQUEST, STR("/args/0/$task")},
    {META("{\"$task\":{}}"), PROBLEM_INVALID_REQUEST, STR("/args/0/$task")},
    {META("{\"$task\":\"\"}"), PROBLEM_UNKNOWN_TASK, STR("/args/0/$task")},
    {META("1,[{\"$task\":\"a b\"}]"), PROBLEM_UNKNOWN_TASK, STR("/args/1/0/$task")},
    {META("{\"$task\":\"x\",\"optional\":false}"), PROBLEM_INVALID_REQUEST, STR("/args/0")},
    {META("{\"optional\":null,\"$task\":\"x\",\"optional\":true}"), PROBLEM_INVALID_REQUEST,
     STR("/args/0")},
    {META("{\"$task\":\"x\",\"more\":1}"), PROBLEM_INVALID_REQUEST, STR("/args/0")},
    {META("{\"$task\":\"x\",\"$value\":1}"), PROBLEM_INVALID_REQUEST, STR("/args/0")},
    {META("{\"$task\":\"x\",\"$task\":\"x\"}"), PROBLEM_INVALID_REQUEST, STR("/args/0")},
    {META("{\"optional\":true,\"$task\":\"x\",\"optional\":true}"), PROBLEM_INVALID_REQUEST,
     STR("/args/0")},
    {META("0,{\"$task\":{\"function\":\"nope\"}}"), PROBLEM_UNKNOWN_FUNCTION,
     STR("/args/1/$task/function")},
    {META("{\"$task\":{\"function\":\"echo\",\"priority\":1.5}}"), PROBLEM_INVALID_REQUEST,
     STR("/args/0/$task/priority")},
    {META("{\"a/b\":{\"$task\":{\"function\":\"echo\",\"x~y\":1}}}"), PROBLEM_INVALID_REQUEST,
     STR("/args/0/a~1b/$task/x~0y")},
    {META("{\"$task\":{\"process\":\"merge\",\"kwargs\":{\"k\":{\"$task\":{\"id\":\"a\"}}}}}"),
     PROBLEM_INVALID_REQUEST, STR("/args/0/$task/kwargs/k/$task")},
    {STR("{\"process\":\"merge\",\"args\":[{\"$task\":\"x\"}],\"kwargs\":{\"k\":{\"$task\":2}}}"),
     PROBLEM_INVALID_REQUEST, STR("/kwargs/k/$task")},
    /* batches */
    {STR("[]"), PROBLEM_INVALID_REQUEST, STR("")},
    {STR("[1]"), PROBLEM_INVALID_REQUEST, STR("/0")},
    {STR("[{\"function\":\"echo\"},[]]"), PROBLEM_INVALID_REQUEST, STR("/1")},
    {STR("[{\"function\":\"echo\"},{}]"), PROBLEM_INVALID_REQUEST, STR("/1")},
    {STR("[{\"function\":\"echo\"},{\"function\":\"nope\"}]"), PROBLEM_UNKNOWN_FUNCTION,
     STR("/1/function")},
    {STR("[{\"function\":\"echo\",\"args\":[1]},{\"function\":\"echo\",\"args\":1}]"),
     PROBLEM_INVALID_REQUEST, STR("/1/args")},
    {STR("[{\"process\":\"merge\",\"kwargs\":{\"a\":[{\"$task\":3}]}}]"), PROBLEM_INVALID_REQUEST,
     STR("/0/kwargs/a/0/$task")},
};

static void refuses_other_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(refusals); i++)
        check_refused(refusals[i].body, refusals[i].code, refusals[i].pointer);
}

/* Dependencies come before the tasks that need them, and nobody subscribed to them. */
static void puts_inline_tasks_first(void **state)
{
    (void)state;
    struct parsed parsed = parse_good(
        STR("[{\"process\":\"merge\",\"id\":\"root\",\"args\":[{\"$task\":{\"process\":\"merge\","
            "\"id\":\"middle\",\"kwargs\":{\"k\":{\"$task\":{\"function\":\"capped\","
            "\"id\":\"leaf\"}}}}}]},{\"function\":\"echo\",\"id\":\"other\"}]"));
    static const struct {
        struct str id, pointer;
        bool inner;
        int64_t needs;
    } want[] = {
        {STR("leaf"), STR("/0/args/0/$task/kwargs/k/$task"), true, -1},
        {STR("middle"), STR("/0/args/0/$task"), true, 0},
        {STR("root"), STR("/0"), false, 1},
        {STR("other"), STR("/1"), false, -1},
    };
    assert_int_equal(parsed.plan.count, array_size(want));
    for (size_t i = 0; i < array_size(want); i++) {
        const struct spec *spec = &parsed.plan.specs[i];
        assert_str(spec->id, want[i].id);
        assert_str(spec->pointer, want[i].pointer);
        assert_row(spec->id, spec->inner == want[i].inner);
        assert_int_equal(spec->dependency_count, want[i].needs >= 0);
        if (want[i].needs >= 0)
            assert_int_equal(spec->dependencies[0].spec, want[i].needs);
    }
    assert_true(parsed.plan.batch);
    assert_int_equal(parsed.plan.root_count, 2);
    assert_int_equal(parsed.plan.roots[0], 2);
    assert_int_equal(parsed.plan.roots[1], 3);
    assert_str(parsed.plan.specs[1].dependencies[0].at, STR("/kwargs/k"));
    assert_str(parsed.plan.specs[1].dependencies[0].pointer, STR("/0/args/0/$task/kwargs/k"));
    assert_int_equal(parsed.plan.specs[0].timeout, 60000);
    arena_done(&parsed.arena);
}

/* As deep as JSON_MAX_DEPTH lets them be: three levels for each task, and one for the last. */
static void nests_as_deep_as_the_json(void **state)
{
    enum { LEVELS = (JSON_MAX_DEPTH - 1) / 3 };
    struct buf body = {0};
    (void)state;
    for (int i = 0; i < LEVELS; i++)
        buf_add_text(&body, "{\"process\":\"merge\",\"args\":[{\"$task\":");
    buf_add_text(&body, "{\"function\":\"echo\"}");
    for (int i = 0; i < LEVELS; i++)
        buf_add_text(&body, "}]}");
    struct parsed parsed = parse_good(buf_str(&body));
    assert_int_equal(parsed.plan.count, LEVELS + 1);
    assert_int_equal(parsed.plan.roots[0], LEVELS);
    for (size_t i = 1; i <= LEVELS; i++) {
        assert_int_equal(parsed.plan.specs[i].dependency_count, 1);
        assert_int_equal(parsed.plan.specs[i].dependencies[0].spec, i - 1);
        assert_str(parsed.plan.specs[i].dependencies[0].at, STR("/args/0"));
        assert_true(parsed.plan.specs[i].inner == (i < LEVELS));
    }
    arena_done(&parsed.arena);
    buf_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_references),
        cmocka_unit_test(refuses_other_references),
        cmocka_unit_test(puts_inline_tasks_first),
        cmocka_unit_test(nests_as_deep_as_the_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
