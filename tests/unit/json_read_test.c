/* What stands in a parsed text. */
#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/check.h"

#include <math.h>

static struct json parsed(struct str text, struct arena *arena)
{
    struct json json = {0};
    struct json_error error = {0};
    if (!json_parse(text, JSON_MAX_DEPTH, arena, &json, &error))
        fail_msg("%s: %.*s", error.what, STR_ARG(text));
    return json;
}

static void lays_out_nodes(void **state)
{
    static const struct str text = STR(" {\"a\" : [1, \"\\n\", []],\"a\":true , \"\":{ } }\n");
    static const struct json_node expected[] = {
        {1, 41, 10, 3, JSON_OBJECT, false}, {2, 5, 2, 0, JSON_STRING, false},
        {8, 21, 6, 3, JSON_ARRAY, false},   {9, 10, 4, 0, JSON_NUMBER, false},
        {12, 16, 5, 0, JSON_STRING, true},  {18, 20, 6, 0, JSON_ARRAY, false},
        {22, 25, 7, 0, JSON_STRING, false}, {26, 30, 8, 0, JSON_TRUE, false},
        {33, 35, 9, 0, JSON_STRING, false}, {36, 39, 10, 0, JSON_OBJECT, false},
    };
    (void)state;
    struct arena arena = {0};
    struct json json = parsed(text, &arena);
    assert_ptr_equal(json.text.data, text.data);
    assert_int_equal(json.text.len, text.len);
    assert_int_equal(json.count, array_size(expected));
    for (uint32_t i = 0; i < json.count; i++) {
        const struct json_node *node = &json.nodes[i];
        assert_int_equal(node->start, expected[i].start);
        assert_int_equal(node->end, expected[i].end);
        assert_int_equal(node->next, expected[i].next);
        assert_int_equal(node->count, expected[i].count);
        assert_int_equal(node->type, expected[i].type);
        assert_int_equal(node->escaped, expected[i].escaped);
    }
    arena_done(&arena);
}

/* More nodes than the parser has room for at first. */
static void lays_out_many_nodes(void **state)
{
    enum { COUNT = 5000 };
    (void)state;
    struct arena arena = {0};
    struct buf buf = {0};
    for (int i = 0; i < COUNT; i++)
        buf_addf(&buf, "%s{\"k\":[%d,\"\\t\"]}", i ? "," : "[", i);
    buf_add_text(&buf, "]");
    struct json json = parsed(buf_str(&buf), &arena);
    assert_int_equal(json.count, 1 + COUNT * 5);
    assert_int_equal(json.nodes[0].count, COUNT);
    uint32_t node = 1;
    for (int64_t i = 0, value; i < COUNT; i++, node = json.nodes[node].next) {
        assert_int_equal(node, 1 + i * 5);
        assert_int_equal(json_member(&json, node, STR("k")), node + 2);
        assert_true(json_int(&json, node + 3, &value));
        assert_int_equal(value, i);
        assert_true(json_string_is(&json, node + 4, STR("\t")));
    }
    assert_int_equal(node, json.count);
    buf_done(&buf);
    arena_done(&arena);
}

/* Nodes for the upper levels only: what is below them is checked, counted and passed over. */
static void bounds_its_nodes(void **state)
{
    (void)state;
    static const struct {
        unsigned levels;
        uint32_t count;
    } rows[] = {{1, 1}, {2, 4}, {3, 9}, {4, 10}, {9, 10}};
    const struct str text = STR("[\"\\t\",{\"a\":[1],\"b\":[]},[null]]");
    struct arena arena = {0};
    struct json_error error;
    struct json json;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct json_bounds bounds = {JSON_MAX_DEPTH, rows[i].levels, UINT32_MAX};
        assert_true(json_parse_within(text, &bounds, &arena, &json, &error));
        assert_int_equal(json.count, rows[i].count);
        assert_int_equal(json.nodes[0].count, 3);
        assert_int_equal(json.nodes[0].next, json.count);
        assert_true(json.count < 2 || json.nodes[1].escaped);
        assert_true(json.count < 3 || json.nodes[2].count == 2);
    }
    assert_true(json_parse(text, UINT32_MAX, &arena, &json, &error));
    assert_int_equal(json.count, 10);
    struct json_bounds few = {JSON_MAX_DEPTH, 2, 3};
    assert_false(json_parse_within(text, &few, &arena, &json, &error));
    assert_ptr_equal(error.what, JSON_TOO_MANY);
    few.levels = 1;
    assert_false(json_parse_within(STR("[[1,]]"), &few, &arena, &json, &error));
    assert_int_equal(error.offset, 3);
    arena_done(&arena);
}

static void keeps_the_bytes(void **state)
{
    static const struct str texts[] = {
        STR("12345678901234567890"),
        STR("0.10"),
        STR("1E400"),
        STR("-0"),
        STR("\"\\u0000\""),
        STR("\"\\ud800\""),
        STR("\"\\/\\u002F\""),
        STR("{\"b\" :1, \"a\": 2, \"b\":\t3}"),
    };
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < array_size(texts); i++) {
        struct str text = arena_printf(&arena, "\t{ \"x\":[ %.*s ]} ", STR_ARG(texts[i]));
        struct json json = parsed(text, &arena);
        assert_str(json_raw(&json, 3), texts[i]);
        assert_str(json_raw(&json, 0), ((struct str){text.data + 1, text.len - 2}));
    }
    arena_done(&arena);
}

static void reads_integers(void **state)
{
    static const struct {
        struct str text;
        bool good;
        int64_t value;
    } rows[] = {
        {STR("0"), true, 0},
        {STR("-0"), true, 0},
        {STR("1"), true, 1},
        {STR("-17"), true, -17},
        {STR("9223372036854775807"), true, INT64_MAX},
        {STR("9223372036854775808"), false, 0},
        {STR("-9223372036854775808"), true, INT64_MIN},
        {STR("-9223372036854775809"), false, 0},
        {STR("18446744073709551617"), false, 0},
        {STR("1.0"), true, 1},
        {STR("-1.000"), true, -1},
        {STR("10e1"), true, 100},
        {STR("1E2"), true, 100},
        {STR("1e+2"), true, 100},
        {STR("100e-2"), true, 1},
        {STR("0.1e1"), true, 1},
        {STR("1.5e1"), true, 15},
        {STR("0.0012e4"), true, 12},
        {STR("1.5"), false, 0},
        {STR("1e-1"), false, 0},
        {STR("15e-1"), false, 0},
        {STR("0.1"), false, 0},
        {STR("1.0000000000000000000000000001"), false, 0},
        {STR("1e400"), false, 0},
        {STR("-1e19"), false, 0},
        {STR("1e18"), true, 1000000000000000000},
        {STR("1e19"), false, 0},
        {STR("0e400"), true, 0},
        {STR("0e-400"), true, 0},
        {STR("-0.00e99999999999999999999"), true, 0},
        {STR("1e99999999999999999999"), false, 0},
        {STR("1e-99999999999999999999"), false, 0},
        {STR("9.223372036854775807e18"), true, INT64_MAX},
        {STR("9.223372036854775808e18"), false, 0},
        {STR("-9.223372036854775808e18"), true, INT64_MIN},
        {STR("-9.223372036854775808E+0018"), true, INT64_MIN},
        {STR("92233720368547758070e-1"), true, INT64_MAX},
        {STR("100000000000000000000000000000e-29"), true, 1},
        {STR("0.00000000000000000000000000001e29"), true, 1},
        {STR("12345678901234567890123e-4"), false, 0},
    };
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < array_size(rows); i++) {
        struct json json = parsed(rows[i].text, &arena);
        int64_t value = 4711;
        if (json_int(&json, 0, &value) != rows[i].good)
            fail_msg("%.*s", STR_ARG(rows[i].text));
        assert_int_equal(value, rows[i].good ? rows[i].value : 4711);
    }
    arena_done(&arena);
}

/* The byte after the text does not count, even where a number could go on. */
static void reads_doubles(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct json json = parsed((struct str){"0.5e1234", 3}, &arena);
    assert_true(json_double(&json, 0) == 0.5);
    json = parsed(STR("[-2.5E-1,1E400,-1e400,1e-400,12345678901234567890,0.1]"), &arena);
    assert_true(json_double(&json, 1) == -0.25);
    assert_true(json_double(&json, 2) == INFINITY);
    assert_true(json_double(&json, 3) == -INFINITY);
    assert_true(json_double(&json, 4) == 0.0);
    assert_true(json_double(&json, 5) == 12345678901234567890.0);
    assert_true(json_double(&json, 6) == 0.1);
    arena_done(&arena);
}

static const struct {
    struct str text, value;
} strings[] = {
    {STR("\"\""), STR("")},
    {STR("\"plain\""), STR("plain")},
    {STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR("\"\\/\b\f\n\r\t")},
    {STR("\"a\\u0000b\""), STR("a\0b")},
    {STR("\"\\u0000\""), STR("\0")},
    {STR("\"\\u0041\\u00e9\\u20AC\""), STR("A\xC3\xA9\xE2\x82\xAC")},
    {STR("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\""),
     STR("\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF")},
    {STR("\"\\uD83D\\uDe00!\""), STR("\xF0\x9F\x98\x80!")},
    {STR("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""), STR("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")},
    {STR("\"x\\\\u0041\""), STR("x\\u0041")},
    {STR("\"\xD0\xB4\\n\xF0\x9D\x84\x9E\""), STR("\xD0\xB4\n\xF0\x9D\x84\x9E")},
    /* half a pair: U+FFFD, and what follows stays */
    {STR("\"\\ud800\""), STR("\xEF\xBF\xBD")},
    {STR("\"\\udfff\\ud800\""), STR("\xEF\xBF\xBD\xEF\xBF\xBD")},
    {STR("\"\\ud800\\ud800\\udc00\""), STR("\xEF\xBF\xBD\xF0\x90\x80\x80")},
    {STR("\"\\ud800\\n\""), STR("\xEF\xBF\xBD\n")},
    {STR("\"\\ud800udc00\""), STR("\xEF\xBF\xBDudc00")},
    {STR("\"\\udc00\\udc00\""), STR("\xEF\xBF\xBD\xEF\xBF\xBD")},
    {STR("\"\\ud800\\ndc00\""), STR("\xEF\xBF\xBD\ndc00")},
    {STR("\"\\ud800xudc00\""), STR("\xEF\xBF\xBDxudc00")},
    {STR("\"\\ud800\\u0041\""), STR("\xEF\xBF\xBD"
                                    "A")},
    {STR("\"\\ud800\\\\udc00\""), STR("\xEF\xBF\xBD\\udc00")},
};

static void decodes_strings(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < array_size(strings); i++) {
        struct json json = parsed(strings[i].text, &arena);
        assert_str(json_string(&json, 0, &arena), strings[i].value);
    }
    arena_done(&arena);
}

static void compares_strings(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < array_size(strings); i++) {
        struct json json = parsed(strings[i].text, &arena);
        struct str value = strings[i].value;
        struct buf longer = {0};
        buf_add_str(&longer, value);
        buf_add_char(&longer, 'x');
        assert_true(json_string_is(&json, 0, value));
        assert_false(json_string_is(&json, 0, STR("something else")));
        assert_false(json_string_is(&json, 0, buf_str(&longer)));
        for (size_t len = 0; len < value.len; len++)
            assert_false(json_string_is(&json, 0, (struct str){value.data, len}));
        assert_true(json_string_is(&json, 0, STR_NONE) == (value.len == 0));
        buf_done(&longer);
    }
    arena_done(&arena);
}

/* An unescaped value is not copied. */
static void slices_plain_strings(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct str text = STR("[\"plain\"]");
    struct json json = parsed(text, &arena);
    assert_ptr_equal(json_string(&json, 1, &arena).data, text.data + 2);
    arena_done(&arena);
}

static void finds_members(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct json json = parsed(STR("{\"in\":{\"deep\":[{\"b\":0}],\"b\":1},\"\\u0061\":2,\"a\":3,"
                                  "\"x\\u0000y\":4,\"\":5,\"arr\":[\"b\",6],\"b\":7}"),
                              &arena);
    assert_str(json_raw(&json, json_member(&json, 0, STR("a"))), STR("2"));
    assert_str(json_raw(&json, json_member(&json, 0, STR("x\0y"))), STR("4"));
    assert_str(json_raw(&json, json_member(&json, 0, STR(""))), STR("5"));
    assert_str(json_raw(&json, json_member(&json, 0, STR("b"))), STR("7"));
    uint32_t in = json_member(&json, 0, STR("in"));
    assert_str(json_raw(&json, json_member(&json, in, STR("b"))), STR("1"));
    assert_int_equal(json_member(&json, 0, STR("deep")), 0);
    assert_int_equal(json_member(&json, 0, STR("x")), 0);
    assert_int_equal(json_member(&json, 0, STR("A")), 0);
    assert_int_equal(json_member(&json, in, STR("a")), 0);
    json = parsed(STR("{}"), &arena);
    assert_int_equal(json_member(&json, 0, STR("")), 0);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lays_out_nodes),       cmocka_unit_test(lays_out_many_nodes),
        cmocka_unit_test(bounds_its_nodes),     cmocka_unit_test(keeps_the_bytes),
        cmocka_unit_test(reads_integers),       cmocka_unit_test(reads_doubles),
        cmocka_unit_test(decodes_strings),      cmocka_unit_test(compares_strings),
        cmocka_unit_test(slices_plain_strings), cmocka_unit_test(finds_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
