/* Events on the wire, and who gets them. */
#include "base/json.h"
#include "base/mem.h"
#include "server/frame.h"
#include "tests/unit/check.h"

#define NO_NAMES                                                                                   \
    {                                                                                              \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }

static const struct {
    struct str channels;
    struct str names[4]; /* up to the first STR_NONE */
} lists[] = {
    {{NULL, 0}, NO_NAMES},
    {STR(""), NO_NAMES},
    {STR("[]"), NO_NAMES},
    {STR("[\"a\"]"), {STR("\"a\"")}},
    {STR("[\"a\",\"b\",\"a\"]"), {STR("\"a\""), STR("\"b\""), STR("\"a\"")}},
    {STR("[\"a,b\",\"[c]\"]"), {STR("\"a,b\""), STR("\"[c]\"")}},
    {STR("[\"a\\\"b\",\"c\"]"), {STR("\"a\\\"b\""), STR("\"c\"")}},
    {STR("[\"\\\"\",\"c\"]"), {STR("\"\\\"\""), STR("\"c\"")}},
    {STR("[\"\\\\\",\"c\"]"), {STR("\"\\\\\""), STR("\"c\"")}},
    {STR("[\"a\\\\\\\"\",\"c\"]"), {STR("\"a\\\\\\\"\""), STR("\"c\"")}},
    {STR("[\"\\u0000\",\"\\n\\u001f\"]"), {STR("\"\\u0000\""), STR("\"\\n\\u001f\"")}},
    {STR("[\"\xC3\xA9\",\"\xF0\x9F\x8D\x8E\"]"),
     {STR("\"\xC3\xA9\""), STR("\"\xF0\x9F\x8D\x8E\"")}},
    /* cut off: what is whole, and nothing past the end */
    {STR("[\"a\",\"b"), {STR("\"a\"")}},
    {STR("[\"a\\"), NO_NAMES},
    {STR("[\"a\\\""), NO_NAMES},
    {STR("[\""), NO_NAMES},
};

/* On a copy that ends where the list ends, so that the sanitizers see a read past it. */
static void takes_channels_off_a_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(lists); i++) {
        struct str text = lists[i].channels;
        char *copy = mem_copy(text.data, text.len);
        struct str rest = {text.data ? copy : NULL, text.len};
        const struct str *want = lists[i].names;
        for (; want->data; want++)
            assert_str(channels_next(&rest), *want);
        assert_row(text, channels_next(&rest).data == NULL);
        assert_row(text, channels_next(&rest).data == NULL); /* and stays there */
        mem_free(copy);
    }
}

/* What plan_parse stores and what a query asks for are the same text. */
static void takes_off_what_was_written(void **state)
{
    static const struct str names[] = {STR("a"),          STR("a\"b"),   STR("\\"),
                                       STR("\"\\\"\\\\"), STR("a\0b"),   STR("a\nb\x1F"),
                                       STR("\xC3\xA9"),   STR("[\",\"]")};
    struct buf list = {0}, one = {0};
    (void)state;
    for (size_t i = 0; i < array_size(names); i++) {
        buf_add_char(&list, i ? ',' : '[');
        buf_add_json(&list, names[i]);
    }
    buf_add_char(&list, ']');
    struct str rest = buf_str(&list);
    for (size_t i = 0; i < array_size(names); i++) {
        one.len = 0;
        buf_add_json(&one, names[i]);
        assert_str(channels_next(&rest), buf_str(&one));
    }
    assert_null(channels_next(&rest).data);
    buf_done(&list);
    buf_done(&one);
}

static const struct str a_or_b[] = {STR("\"a\""), STR("\"b\"")};
static const struct str quoted[] = {STR("\"x\\\"y\"")};
static const struct str t1_or_t2[] = {STR("t1"), STR("t2")};
static const struct str f1_or_f2[] = {STR("f1"), STR("f2")};

#define CHANNELS(list)  .channels = (list), .channel_count = array_size(list)
#define TASKS(list)     .tasks = (list), .task_count = array_size(list)
#define FUNCTIONS(list) .functions = (list), .function_count = array_size(list)
#define BIT(type)       (1u << EVENT_##type)

static const struct {
    struct str what;
    struct filter filter;
    bool passes;
} filters[] = {
    {STR("no filter"), {0}, true},
    {STR("the type"), {.types = BIT(STARTED)}, true},
    {STR("one of the types"), {.types = BIT(CREATED) | BIT(STARTED)}, true},
    {STR("other types"), {.types = ~BIT(STARTED)}, false},
    {STR("the task's stream"), {.seq = 7}, true},
    {STR("another stream"), {.seq = 8}, false},
    {STR("one of the channels"), {CHANNELS(a_or_b)}, true},
    {STR("the first channel"), {.channels = a_or_b, .channel_count = 1}, false},
    {STR("an escaped channel"), {CHANNELS(quoted)}, true},
    {STR("one of the tasks"), {TASKS(t1_or_t2)}, true},
    {STR("another task"), {.tasks = t1_or_t2, .task_count = 1}, false},
    {STR("one of the functions"), {FUNCTIONS(f1_or_f2)}, true},
    {STR("another function"), {.functions = f1_or_f2, .function_count = 1}, false},
    {STR("a task's name is no function's"), {FUNCTIONS(t1_or_t2)}, false},
    {STR("all names"),
     {.types = BIT(STARTED), .seq = 7, CHANNELS(a_or_b), TASKS(t1_or_t2), FUNCTIONS(f1_or_f2)},
     true},
    {STR("all but the type"),
     {.types = BIT(CREATED), .seq = 7, CHANNELS(a_or_b), TASKS(t1_or_t2), FUNCTIONS(f1_or_f2)},
     false},
    {STR("all but the stream"),
     {.types = BIT(STARTED), .seq = 6, CHANNELS(a_or_b), TASKS(t1_or_t2), FUNCTIONS(f1_or_f2)},
     false},
    {STR("all but the channel"),
     {.channels = a_or_b, .channel_count = 1, TASKS(t1_or_t2), FUNCTIONS(f1_or_f2)},
     false},
    {STR("all but the task"), {CHANNELS(a_or_b), TASKS(f1_or_f2), FUNCTIONS(f1_or_f2)}, false},
    {STR("all but the function"), {CHANNELS(a_or_b), TASKS(t1_or_t2), FUNCTIONS(t1_or_t2)}, false},
};

static const struct event started = {.type = EVENT_STARTED,
                                     .task = STR("t2"),
                                     .function = STR("f2"),
                                     .channels = STR("[\"c\",\"x\\\"y\",\"b\"]")};

static void passes_what_is_asked_for(void **state)
{
    (void)state;
    struct frame *frame = frame_new(1, 7, &started, STR("{}"));
    for (size_t i = 0; i < array_size(filters); i++)
        assert_row(filters[i].what, filter_passes(&filters[i].filter, frame) == filters[i].passes);
    frame_unref(frame);
}

/* An event that goes to no channel is for those who do not ask for one. */
static void passes_events_without_channels(void **state)
{
    struct event event = started;
    (void)state;
    event.channels = STR_NONE;
    struct frame *frame = frame_new(1, 7, &event, STR("{}"));
    assert_true(filter_passes(&(struct filter){0}, frame));
    assert_true(filter_passes(&(struct filter){TASKS(t1_or_t2)}, frame));
    assert_false(filter_passes(&(struct filter){CHANNELS(a_or_b)}, frame));
    frame_unref(frame);
}

static void renders_frames(void **state)
{
    struct event event = started;
    (void)state;
    struct frame *frame = frame_new(42, 7, &event, STR("{\"a\":1}"));
    assert_str(frame->text, STR("id: 42\nevent: task.started\ndata: {\"a\":1}\n\n"));
    assert_str(frame->task, STR("t2"));
    assert_str(frame->function, STR("f2"));
    assert_str(frame->channels, started.channels);
    assert_int_equal(frame->type, EVENT_STARTED);
    assert_int_equal(frame->seq, 7);
    assert_false(frame->ends);
    assert_ptr_equal(frame_ref(frame), frame);
    frame_unref(frame);
    assert_int_equal(frame->id, 42); /* still there */
    frame_unref(frame);
    event.type = EVENT_FAILED;
    frame = frame_new(0, 9, &event, STR_NONE);
    assert_int_equal(frame->text.len, 0); /* a silent end */
    assert_true(frame->ends);
    frame_unref(frame);
    event.type = EVENT_LOG;
    frame = frame_new(0, 9, &event, STR("{}")); /* told, but not stored */
    assert_str(frame->text, STR("event: task.log\ndata: {}\n\n"));
    assert_true(filter_passes(&(struct filter){.logs = true}, frame));
    assert_false(filter_passes(&(struct filter){0}, frame));
    frame_unref(frame);
    frame = frame_text(STR(": beat\n\n"));
    assert_str(frame->text, STR(": beat\n\n"));
    assert_int_equal(frame->id, 0);
    frame_unref(frame);
    frame_unref(NULL);
}

static void reads_what_was_stored(void **state)
{
    struct arena arena = {0};
    struct event event;
    struct buf data = {0};
    (void)state;
    event_render(&started, &data);
    assert_true(frame_parse(buf_str(&data), &arena, &event));
    assert_int_equal(event.type, EVENT_STARTED);
    assert_str(event.task, started.task);
    assert_str(event.function, started.function);
    assert_str(event.channels, started.channels);
    assert_true(frame_parse(STR("{\"type\":\"task.failed\"}"), &arena, &event));
    assert_int_equal(event.type, EVENT_FAILED);
    assert_null(event.channels.data);
    buf_done(&data);
    arena_done(&arena);
}

static void refuses_what_is_no_event(void **state)
{
    static const struct str rows[] = {STR(""),
                                      STR("{}"),
                                      STR("null"),
                                      STR("[]"),
                                      STR("{\"type\":1}"),
                                      STR("{\"type\":\"task.other\"}"),
                                      STR("{\"type\":\"task.failed\""),
                                      STR("[\"type\",\"task.failed\"]")};
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct arena arena = {0};
        struct event event;
        assert_row(rows[i], !frame_parse(rows[i], &arena, &event));
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_channels_off_a_list),
        cmocka_unit_test(takes_off_what_was_written),
        cmocka_unit_test(passes_what_is_asked_for),
        cmocka_unit_test(passes_events_without_channels),
        cmocka_unit_test(renders_frames),
        cmocka_unit_test(reads_what_was_stored),
        cmocka_unit_test(refuses_what_is_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
