/* The events' names and the line of JSON that each carries. */
#include "base/json.h"
#include "base/mem.h"
#include "model/event.h"
#include "tests/unit/check.h"

static const struct {
    struct event event;
    struct str line;
} rows[] = {
    {{.type = EVENT_CREATED,
      .task = STR("t-1"),
      .state = "queued",
      .kind = "task",
      .function = STR("word_count"),
      .at = 1795205700123,
      .channels = STR("[\"a\",\"b \\\"c\\\"\"]")},
     STR("{\"task\":\"t-1\",\"type\":\"task.created\",\"state\":\"queued\",\"kind\":\"task\","
         "\"function\":\"word_count\",\"at\":\"2026-11-20T20:15:00.123Z\","
         "\"channels\":[\"a\",\"b \\\"c\\\"\"]}")},
    {{.type = EVENT_STARTED,
      .task = STR("t"),
      .state = "running",
      .kind = "meta",
      .function = STR("merge"),
      .attempt = 2},
     STR("{\"task\":\"t\",\"type\":\"task.started\",\"state\":\"running\",\"kind\":\"meta\","
         "\"function\":\"merge\",\"at\":\"1970-01-01T00:00:00.000Z\",\"attempt\":2}")},
    {{.type = EVENT_PROGRESS,
      .task = STR("p"),
      .state = "waiting",
      .kind = "meta",
      .function = STR("merge"),
      .progress = STR("{\"value\":40,\"message\":\"halfway\"}"),
      .origin = STR("c")},
     STR("{\"task\":\"p\",\"type\":\"task.progress\",\"state\":\"waiting\",\"kind\":\"meta\","
         "\"function\":\"merge\",\"at\":\"1970-01-01T00:00:00.000Z\","
         "\"progress\":{\"value\":40,\"message\":\"halfway\"},\"origin\":\"c\"}")},
    {{.type = EVENT_SUCCEEDED,
      .task = STR("t"),
      .state = "succeeded",
      .kind = "task",
      .function = STR("f"),
      .result = STR("null"),
      .attempt = 1},
     STR("{\"task\":\"t\",\"type\":\"task.succeeded\",\"state\":\"succeeded\",\"kind\":\"task\","
         "\"function\":\"f\",\"at\":\"1970-01-01T00:00:00.000Z\",\"result\":null,\"attempt\":1}")},
    /* all there is, in the order of the contract */
    {{.type = EVENT_FAILED,
      .task = STR("t"),
      .state = "failed",
      .kind = "task",
      .function = STR("f"),
      .at = 1,
      .progress = STR("1"),
      .error = STR("{\"code\":\"signal\"}"),
      .result = STR("[2]"),
      .origin = STR("o"),
      .caused_by = STR("c"),
      .attempt = INT64_MAX,
      .channels = STR("[]")},
     STR("{\"task\":\"t\",\"type\":\"task.failed\",\"state\":\"failed\",\"kind\":\"task\","
         "\"function\":\"f\",\"at\":\"1970-01-01T00:00:00.001Z\",\"progress\":1,"
         "\"error\":{\"code\":\"signal\"},\"result\":[2],\"origin\":\"o\",\"caused_by\":\"c\","
         "\"attempt\":9223372036854775807,\"channels\":[]}")},
    /* nothing but what is always there */
    {{.type = EVENT_CANCELLED, .task = STR("t")},
     STR("{\"task\":\"t\",\"type\":\"task.cancelled\",\"at\":\"1970-01-01T00:00:00.000Z\"}")},
};

static void renders_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct buf out = {0};
        struct buf want = {0};
        buf_addf(&want, "data: %.*s", STR_ARG(rows[i].line));
        buf_add_text(&out, "data: "); /* what is there stays */
        event_render(&rows[i].event, &out);
        assert_str(buf_str(&out), buf_str(&want));
        buf_done(&want);
        buf_done(&out);
    }
}

static void names_types(void **state)
{
    static const struct {
        enum event_type type;
        const char *text;
        bool terminal;
    } types[] = {
        {EVENT_CREATED, "task.created", false},    {EVENT_STARTED, "task.started", false},
        {EVENT_PROGRESS, "task.progress", false},  {EVENT_RETRYING, "task.retrying", false},
        {EVENT_SUCCEEDED, "task.succeeded", true}, {EVENT_FAILED, "task.failed", true},
        {EVENT_CANCELLED, "task.cancelled", true},
    };
    (void)state;
    for (size_t i = 0; i < array_size(types); i++) {
        enum event_type parsed = EVENT_NONE;
        struct str row = str_of(types[i].text);
        assert_string_equal(event_text(types[i].type), types[i].text);
        assert_row(row, event_parse(row, &parsed) && parsed == types[i].type);
        assert_row(row, event_terminal(types[i].type) == types[i].terminal);
    }
    assert_false(event_terminal(EVENT_NONE));
}

/* Whatever the list holds: each name is its own, and leads back. */
static void reads_what_it_names(void **state)
{
    (void)state;
    for (int i = EVENT_NONE + 1; i < EVENT_COUNT; i++) {
        enum event_type parsed = EVENT_NONE;
        struct str text = str_of(event_text((enum event_type)i));
        assert_row(text, str_starts(text, STR("task.")));
        assert_row(text, event_parse(text, &parsed));
        assert_row(text, (int)parsed == i);
    }
}

static void refuses_other_types(void **state)
{
    static const struct str texts[] = {STR(""),       STR("task."),         STR("created"),
                                       STR("task.x"), STR("task.created "), STR("Task.created"),
                                       {NULL, 0}};
    (void)state;
    for (size_t i = 0; i < array_size(texts); i++) {
        enum event_type parsed = EVENT_PROGRESS;
        assert_row(texts[i], !event_parse(texts[i], &parsed));
        assert_row(texts[i], parsed == EVENT_PROGRESS);
    }
}

/* The members that the API's description has are those that are written, in their order. */
static void describes_members(void **state)
{
    static const struct event full = {.type = EVENT_SUCCEEDED,
                                      .task = STR("t"),
                                      .state = "succeeded",
                                      .kind = "task",
                                      .function = STR("f"),
                                      .progress = STR("1"),
                                      .error = STR("2"),
                                      .result = STR("3"),
                                      .stream = STR("s"),
                                      .line = STR("l"),
                                      .safe_exit = true,
                                      .origin = STR("o"),
                                      .caused_by = STR("c"),
                                      .attempt = 1,
                                      .channels = STR("[]")};
    struct arena arena = {0};
    struct buf out = {0};
    struct json json;
    struct json_error error;
    size_t i = 0;
    (void)state;
    event_render(&full, &out);
    assert_true(json_parse(buf_str(&out), JSON_MAX_DEPTH, &arena, &json, &error));
    for (uint32_t node = 1; node < json.count; node = json.nodes[node + 1].next) {
        const struct event_member *member = event_member(i++);
        assert_non_null(member);
        assert_row(str_of(member->name), json_string_is(&json, node, str_of(member->name)));
    }
    assert_null(event_member(i));
    buf_done(&out);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_events),      cmocka_unit_test(names_types),
        cmocka_unit_test(reads_what_it_names), cmocka_unit_test(refuses_other_types),
        cmocka_unit_test(describes_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
