/* What is JSON and what is not. The texts are those of the public JSONTestSuite (named y_, n_ and
 * i_ there) as far as they differ for a parser of this kind, and our own. */
#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static const struct str good_texts[] = {
#define GOOD(text) STR(text),
#define BAD(offset, text)
#include "tests/unit/json_texts.def"
#undef GOOD
#undef BAD
};

static const struct bad_text {
    struct str text;
    size_t offset; /* where it stops being JSON */
} bad_texts[] = {
#define GOOD(text)
#define BAD(offset, text) {STR(text), offset},
#include "tests/unit/json_texts.def"
#undef GOOD
#undef BAD
};

/* The check without nodes has the same opinion, and of bad texts leaves nothing. */
static void squeezes_alike(struct str text, unsigned max_depth, bool good,
                           const struct json_error *error)
{
    struct json_error other = {0};
    struct buf out = {0};
    assert_row(text, json_squeeze(text, max_depth, &out, &other) == good);
    assert_row(text, (out.len != 0) == good);
    assert_row(text, good || (other.offset == error->offset && other.what == error->what &&
                              other.too_deep == error->too_deep));
    buf_done(&out);
}

/* Parses a copy that ends where the text ends, so that the sanitizers see a read past it. */
static bool parses(struct str text, unsigned max_depth, struct json_error *error)
{
    struct arena arena = {0};
    struct json json = {0};
    char *copy = mem_copy(text.data, text.len);
    bool good = json_parse((struct str){copy, text.len}, max_depth, &arena, &json, error);
    squeezes_alike((struct str){copy, text.len}, max_depth, good, error);
    assert_true(good == (json.count != 0)); /* untouched where it is refused */
    mem_free(copy);
    arena_done(&arena);
    return good;
}

static void accepts_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(good_texts); i++) {
        struct json_error error = {0};
        assert_row(good_texts[i], parses(good_texts[i], JSON_MAX_DEPTH, &error));
        assert_row(good_texts[i], error.what == NULL);
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(bad_texts); i++) {
        struct json_error error = {0};
        assert_row(bad_texts[i].text, !parses(bad_texts[i].text, JSON_MAX_DEPTH, &error));
        assert_row(bad_texts[i].text, error.offset == bad_texts[i].offset);
        assert_row(bad_texts[i].text, error.what && !error.too_deep);
    }
}

/* No beginning of an array, an object or a string is JSON. */
static void refuses_what_is_cut_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(good_texts); i++) {
        struct str text = good_texts[i];
        size_t closing = text.len;
        while (closing && !strchr("]}\"", text.data[closing - 1]))
            closing--;
        for (size_t len = 0; len < closing; len++) {
            struct json_error error = {0};
            assert_row(text, !parses((struct str){text.data, len}, JSON_MAX_DEPTH, &error));
        }
    }
}

/* Whatever byte is put at whatever place: the answer is the same with the byte at the end of a
 * long string as in a short one, where other code looks at it. */
static void finds_a_byte_at_every_place(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool plain = byte >= ' ' && byte < 0x80 && byte != '"' && byte != '\\';
        for (size_t place = 1; place < 20; place++) {
            char text[24];
            memset(text, 'x', sizeof(text));
            text[0] = text[sizeof(text) - 1] = '"';
            text[place] = (char)byte;
            struct str s = {text, sizeof(text)};
            struct json_error error = {0};
            assert_row(s, parses(s, JSON_MAX_DEPTH, &error) == plain);
            assert_row(s, plain || error.offset == place + (byte == '"' || byte == '\\'));
        }
    }
}

/* "[" or "{"":" count times, 1, and all closed again. Owned by the caller. */
static struct buf nested(size_t count, bool objects)
{
    struct buf buf = {0};
    for (size_t i = 0; i < count; i++)
        buf_add_text(&buf, objects ? "{\"\":" : "[");
    buf_add_text(&buf, "1");
    for (size_t i = 0; i < count; i++)
        buf_add_text(&buf, objects ? "}" : "]");
    return buf;
}

static void check_depth(size_t levels, unsigned max_depth, bool objects, bool good)
{
    struct buf buf = nested(levels, objects);
    struct json_error error = {0};
    assert_true(parses(buf_str(&buf), max_depth, &error) == good);
    assert_true(error.too_deep == !good);
    if (!good)
        assert_int_equal(error.offset, max_depth * (objects ? 4 : 1));
    buf_done(&buf);
}

static void limits_depth(void **state)
{
    (void)state;
    for (int objects = 0; objects < 2; objects++) {
        check_depth(127, JSON_MAX_DEPTH, objects, true);
        check_depth(128, JSON_MAX_DEPTH, objects, true);
        check_depth(129, JSON_MAX_DEPTH, objects, false);
        check_depth(100000, JSON_MAX_DEPTH, objects, false);
        check_depth(100000, 100000, objects, true);
        check_depth(100001, 100000, objects, false);
        check_depth(0, 0, objects, true);
        check_depth(1, 0, objects, false);
        check_depth(1, 1, objects, true);
    }
}

/* Many at the same depth are not deep. */
static void counts_open_levels_only(void **state)
{
    (void)state;
    struct buf buf = {0};
    struct json_error error = {0};
    for (int i = 0; i < 1000; i++)
        buf_add_text(&buf, i ? ",[{}]" : "[[{}]");
    buf_add_text(&buf, "]");
    assert_true(parses(buf_str(&buf), 3, &error));
    assert_false(parses(buf_str(&buf), 2, &error));
    assert_true(error.too_deep);
    assert_int_equal(error.offset, 2);
    buf_done(&buf);
}

static void refuses_unclosed_levels(void **state)
{
    (void)state;
    struct buf buf = {0};
    struct json_error error = {0};
    for (int i = 0; i < 100000; i++)
        buf_add_text(&buf, "[");
    assert_false(parses(buf_str(&buf), JSON_MAX_DEPTH, &error));
    assert_true(error.too_deep);
    error = (struct json_error){0};
    assert_false(parses(buf_str(&buf), 200000, &error));
    assert_false(error.too_deep);
    assert_int_equal(error.offset, 100000);
    buf_done(&buf);
}

static void refuses_what_offsets_cannot_hold(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct json json;
    struct json_error error = {0};
    assert_false(json_parse((struct str){"[]", UINT32_MAX}, 1, &arena, &json, &error));
    assert_non_null(error.what);
    assert_false(error.too_deep);
    error.what = NULL;
    assert_false(json_parse(STR_NONE, 1, &arena, &json, &error));
    assert_non_null(error.what);
    arena_done(&arena);
}

/* What a person reads when a request is refused. */
static void says_what_is_wrong(void **state)
{
    static const struct {
        struct str text;
        const char *what;
    } rows[] = {
        {STR(""), "the text ends too early"},
        {STR("[1 2]"), "a comma or ] is missing"},
        {STR("{\"a\":1;"), "a comma or } is missing"},
        {STR("[1,]"), "a comma before ] is not allowed"},
        {STR("{\"a\":1,}"), "a comma before } is not allowed"},
        {STR("{a:1}"), "a member's name in double quotes is missing"},
        {STR("{\"a\",1}"), "a colon is missing after the member's name"},
        {STR("[,1]"), "a value is missing"},
        {STR("[] []"), "there is more after the value"},
        {STR("['a']"), "a string needs double quotes"},
        {STR("[/*a*/]"), "comments are not allowed"},
        {STR("[NaN]"), "this is not a JSON value"},
        {STR("[01]"), "a number must not begin with a zero"},
        {STR("[1.]"), "a digit is missing here"},
        {STR("[\"\\x41\"]"), "there is no such escape"},
        {STR("[\"\\u41\"]"), "\\u needs four hexadecimal digits"},
        {STR("[\"\n\"]"), "a control character in a string must be escaped"},
        {STR("[\"\xC0\x80\"]"), "this is not UTF-8"},
        {STR("\xEF\xBB\xBF[]"), "a byte-order mark is not allowed"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct json_error error = {0};
        assert_row(rows[i].text, !parses(rows[i].text, JSON_MAX_DEPTH, &error));
        assert_string_equal(error.what, rows[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_json),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(refuses_what_is_cut_off),
        cmocka_unit_test(finds_a_byte_at_every_place),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(counts_open_levels_only),
        cmocka_unit_test(refuses_unclosed_levels),
        cmocka_unit_test(refuses_what_offsets_cannot_hold),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
