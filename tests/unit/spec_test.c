/* The members of one task: what each accepts, and what it stands for. */
#include "base/mem.h"
#include "model/spec.h"
#include "tests/unit/plans.h"

/* A task with these members beside its name. */
#define TASK(members)   STR("{\"function\":\"echo\"," members "}")
#define CAPPED(members) STR("{\"function\":\"capped\"," members "}")

static void check_defaults(struct str body, const struct function *function)
{
    struct parsed parsed = parse_good(body);
    assert_int_equal(parsed.plan.count, 1);
    assert_int_equal(parsed.plan.root_count, 1);
    assert_false(parsed.plan.batch);
    const struct spec *spec = &parsed.plan.specs[parsed.plan.roots[0]];
    assert_ptr_equal(spec->function, function);
    assert_str(spec->args, STR("[]"));
    assert_str(spec->kwargs, STR("{}"));
    assert_null(spec->metadata.data);
    assert_int_equal(spec->channel_count, 0);
    assert_null(spec->channels_json.data);
    assert_int_equal(spec->priority, 0);
    assert_int_equal(spec->run_at, 0);
    assert_int_equal(spec->timeout, function->timeout);
    assert_int_equal(spec->max_attempts, function->max_attempts);
    assert_true(spec->backoff.initial == function->backoff.initial);
    assert_true(spec->backoff.factor == function->backoff.factor);
    assert_true(spec->backoff.max == function->backoff.max);
    assert_int_equal(spec->wait_for, WAIT_ALL);
    assert_false(spec->process_as_task || spec->inner || spec->id_given);
    assert_int_equal(spec->dependency_count, 0);
    assert_int_equal(spec->id.len, 36);
    assert_true(str_starts(spec->id, STR("0000000f-4240-7"))); /* NOW in hexadecimal */
    assert_str(spec->pointer, STR(""));
    arena_done(&parsed.arena);
}

/* null counts as absent. */
static void takes_defaults_from_the_function(void **state)
{
    (void)state;
    check_defaults(STR("{\"function\":\"echo\"}"), &plan_functions[1]);
    check_defaults(STR("{\"function\":\"capped\"}"), &plan_functions[0]);
    check_defaults(STR("{\"process\":\"merge\",\"function\":null}"), &plan_functions[2]);
    check_defaults(STR(" {\"function\":\"\\u0065cho\",\"process\":null} "), &plan_functions[1]);
    check_defaults(CAPPED("\"process\":null,\"args\":null,\"kwargs\":null,\"id\":null,"
                          "\"notify_channels\":null,\"priority\":null,\"run_at\":null,"
                          "\"delay\":null,\"timeout\":null,\"max_attempts\":null,"
                          "\"backoff\":null,\"metadata\":null,\"wait_for\":null,"
                          "\"process_as_task\":null"),
                   &plan_functions[0]);
    check_defaults(TASK("\"notify_channels\":[],\"backoff\":{}"), &plan_functions[1]);
}

static void reads_every_field(void **state)
{
    (void)state;
    struct parsed parsed = parse_good(
        STR("{\"process\":\"capped\",\"args\":[ 1.50, \"\\u0000\" ],\"kwargs\":{ \"b\" : 1,"
            "\"a\":2,\"b\":3},\"id\":\"Az09_-\",\"notify_channels\":[\"a\",\"b\\\"\",\"a\"],"
            "\"priority\":-1e2,\"delay\":1.5,\"timeout\":60,\"max_attempts\":100.0,"
            "\"backoff\":{\"factor\":1,\"initial\":0},\"metadata\":{ \"m\": [ ] },"
            "\"wait_for\":\"any\",\"process_as_task\":true}"));
    const struct spec *spec = &parsed.plan.specs[0];
    assert_true(spec->meta && spec->id_given && spec->process_as_task);
    assert_str(spec->args, STR("[1.50,\"\\u0000\"]"));
    assert_str(spec->kwargs, STR("{\"b\":1,\"a\":2,\"b\":3}"));
    assert_str(spec->id, STR("Az09_-"));
    assert_int_equal(spec->channel_count, 2);
    assert_str(spec->channels[0], STR("a"));
    assert_str(spec->channels[1], STR("b\""));
    assert_str(spec->channels_json, STR("[\"a\",\"b\\\"\"]"));
    assert_int_equal(spec->priority, -100);
    assert_int_equal(spec->run_at, NOW + 1500);
    assert_int_equal(spec->timeout, 60000);
    assert_int_equal(spec->max_attempts, 100);
    assert_true(spec->backoff.initial == 0 && spec->backoff.factor == 1);
    assert_true(spec->backoff.max == 60); /* the function's */
    assert_str(spec->metadata, STR("{\"m\":[]}"));
    assert_int_equal(spec->wait_for, WAIT_ANY);
    arena_done(&parsed.arena);
}

/* Each member of backoff on its own, before the function's (0.5, 3 and 60). */
static void reads_backoffs(void **state)
{
    static const struct {
        struct str body;
        struct backoff backoff;
    } rows[] = {
        {CAPPED("\"backoff\":{\"initial\":0}"), {0, 3, 60}},
        {CAPPED("\"backoff\":{\"factor\":1}"), {0.5, 1, 60}},
        {CAPPED("\"backoff\":{\"max\":0}"), {0.5, 3, 0}},
        {CAPPED("\"backoff\":{\"initial\":null,\"factor\":1,\"max\":null}"), {0.5, 1, 60}},
        {CAPPED("\"backoff\":{\"max\":7,\"factor\":1.5,\"initial\":1e1}"), {10, 1.5, 7}},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct parsed parsed = parse_good(rows[i].body);
        const struct backoff *got = &parsed.plan.specs[0].backoff;
        assert_row(rows[i].body, got->initial == rows[i].backoff.initial);
        assert_row(rows[i].body, got->factor == rows[i].backoff.factor);
        assert_row(rows[i].body, got->max == rows[i].backoff.max);
        arena_done(&parsed.arena);
    }
}

static void reads_times(void **state)
{
    static const struct {
        struct str body;
        int64_t run_at;
    } rows[] = {
        {TASK("\"delay\":0"), NOW},
        {TASK("\"delay\":0.0004"), NOW},
        {TASK("\"delay\":3155760000"), NOW + 3155760000000},
        {TASK("\"run_at\":\"2026-11-20T21:15:00.123+01:00\""), 1795205700123},
        {TASK("\"run_at\":\"1970-01-01T00:00:00Z\""), 1}, /* 0 would be none */
        {TASK("\"run_at\":\"1969-12-31T23:59:59.999Z\""), -1},
        {TASK("\"run_at\":\"0001-01-01T00:00:00Z\""), -62135596800000},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct parsed parsed = parse_good(rows[i].body);
        assert_row(rows[i].body, parsed.plan.specs[0].run_at == rows[i].run_at);
        arena_done(&parsed.arena);
    }
}

/* A task with unit so many times between before and after. */
static void check_size(const char *before, const char *unit, size_t count, const char *after,
                       struct str refused_at)
{
    struct buf body = {0};
    buf_addf(&body, "{\"function\":\"echo\",%s", before);
    for (size_t i = 0; i < count; i++)
        buf_add_text(&body, unit);
    buf_addf(&body, "%s}", after);
    if (refused_at.data) {
        check_refused(buf_str(&body), PROBLEM_INVALID_REQUEST, refused_at);
    } else {
        struct parsed parsed = parse_good(buf_str(&body));
        arena_done(&parsed.arena);
    }
    buf_done(&body);
}

static void limits_sizes(void **state)
{
    const struct str fine = STR_NONE, channel = STR("/notify_channels/0");
    (void)state;
    check_size("\"notify_channels\":[\"", "x", 128, "\"]", fine);
    check_size("\"notify_channels\":[\"", "x", 129, "\"]", channel);
    check_size("\"notify_channels\":[\"", "\xF0\x9F\x8D\x8E", 128, "\"]", fine);
    check_size("\"notify_channels\":[\"", "\xF0\x9F\x8D\x8E", 129, "\"]", channel);
    check_size("\"notify_channels\":[\"", "\\n", 128, "\"]", fine);
    check_size("\"notify_channels\":[\"", "\\n", 129, "\"]", channel);
    check_size("\"notify_channels\":[\"a\"", ",\"b\"", 1000, "]", fine); /* counts once */
    check_size("\"id\":\"", "x", 64, "\"", fine);
    check_size("\"id\":\"", "x", 65, "\"", STR("/id"));
    /* {"m":"…"} has 8 bytes around the text */
    check_size("\"metadata\":{\"m\":\"", "x", METADATA_MAX - 8, "\"}", fine);
    check_size("\"metadata\":{\"m\":\"", "x", METADATA_MAX - 7, "\"}", STR("/metadata"));
    check_size("\"metadata\":{", " ", 2 * METADATA_MAX, "}", fine); /* white space is not kept */
}

static void limits_channels(void **state)
{
    (void)state;
    for (int count = 31; count <= 34; count++) {
        struct buf body = {0};
        buf_add_text(&body, "{\"function\":\"echo\",\"notify_channels\":[\"c0\"");
        for (int i = 0; i < count; i++)
            buf_addf(&body, ",\"c%d\"", i);
        buf_add_text(&body, ",\"c1\"]}");
        if (count <= CHANNELS_MAX) {
            struct parsed parsed = parse_good(buf_str(&body));
            assert_int_equal(parsed.plan.specs[0].channel_count, count);
            arena_done(&parsed.arena);
        } else {
            check_refused(buf_str(&body), PROBLEM_INVALID_REQUEST, STR("/notify_channels"));
        }
        buf_done(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_defaults_from_the_function),
        cmocka_unit_test(reads_every_field),
        cmocka_unit_test(reads_backoffs),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(limits_sizes),
        cmocka_unit_test(limits_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
