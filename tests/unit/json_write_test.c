/* JSON that is written, and the trees that configuration is read into. */
#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/check.h"

#include <cjson/cJSON.h>

static struct json parsed(struct str text, struct arena *arena)
{
    struct json json = {0};
    struct json_error error = {0};
    if (!json_parse(text, JSON_MAX_DEPTH, arena, &json, &error))
        fail_msg("%s: %.*s", error.what, STR_ARG(text));
    return json;
}

static void minifies(void **state)
{
    static const struct {
        struct str text, line;
    } rows[] = {
        {STR(" 1.50 "), STR("1.50")},
        {STR("\n\" a\\n \"\n"), STR("\" a\\n \"")},
        {STR("[ ]"), STR("[]")},
        {STR("[\r\n\t{ } , [ [ ] ]\n]"), STR("[{},[[]]]")},
        {STR("{\"a b\" : [ 1 , \" : , \" ] ,\n\"c\":\tnull }"),
         STR("{\"a b\":[1,\" : , \"],\"c\":null}")},
        {STR("[1,2,{\"a\":true}]"), STR("[1,2,{\"a\":true}]")},
        {STR("[\"\\\" ]\", 1]"), STR("[\"\\\" ]\",1]")},
    };
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < array_size(rows); i++) {
        struct json json = parsed(rows[i].text, &arena);
        struct buf buf = {0};
        buf_add_text(&buf, ">");
        json_minify(&json, 0, &buf);
        assert_str(((struct str){buf.data + 1, buf.len - 1}), rows[i].line);
        assert_int_equal(buf.data[0], '>');
        struct json_error error = {0};
        buf.len = 1;
        assert_true(json_squeeze(rows[i].text, JSON_MAX_DEPTH, &buf, &error));
        assert_str(((struct str){buf.data + 1, buf.len - 1}), rows[i].line);
        buf_done(&buf);
    }
    arena_done(&arena);
}

static void minifies_a_part(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf buf = {0};
    struct json json = parsed(STR("{ \"a\" : [ 1, {\"b\" : 2 } ] , \"c\" : \" \" }"), &arena);
    json_minify(&json, json_member(&json, 0, STR("a")), &buf);
    json_minify(&json, json_member(&json, 0, STR("c")), &buf);
    json_minify(&json, 1, &buf);
    assert_str(buf_str(&buf), STR("[1,{\"b\":2}]\" \"\"a\""));
    buf_done(&buf);
    arena_done(&arena);
}

/* What is on one line already stays as it is, and every good text can be put on one. */
static void minifies_again(void **state)
{
    static const struct str texts[] = {
#define GOOD(text) STR(text),
#define BAD(offset, text)
#include "tests/unit/json_texts.def"
#undef GOOD
#undef BAD
    };
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < array_size(texts); i++) {
        struct buf once = {0}, twice = {0};
        struct json json = parsed(texts[i], &arena);
        json_minify(&json, 0, &once);
        json = parsed(buf_str(&once), &arena);
        json_minify(&json, 0, &twice);
        assert_str(buf_str(&twice), buf_str(&once));
        buf_done(&once);
        buf_done(&twice);
    }
    arena_done(&arena);
}

static void writes_strings(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_add_json(&buf, STR("\0\x01\x07\b\t\n\v\f\r\x0E\x1F !\"#/\\\x7F\xC3\xA9\xE2\x80\xA8"));
    buf_add_json(&buf, STR(""));
    buf_add_json(&buf, STR_NONE);
    buf_add_json(&buf, STR("\"\""));
    buf_add_json(&buf, STR("plain"));
    assert_str(buf_str(&buf),
               STR("\"\\u0000\\u0001\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u001f !\\\"#/\\\\"
                   "\x7F\xC3\xA9\xE2\x80\xA8\"\"\"\"\"\"\\\"\\\"\"\"plain\""));
    buf_done(&buf);
}

static void reads_what_it_writes(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (int c = 0; c < 0x80; c++) {
        char bytes[] = {'x', (char)c, (char)c, 'y'};
        struct str s = {bytes, sizeof(bytes)};
        struct buf buf = {0};
        buf_add_json(&buf, s);
        struct json json = parsed(buf_str(&buf), &arena);
        assert_str(json_string(&json, 0, &arena), s);
        buf_done(&buf);
    }
    arena_done(&arena);
}

static void writes_pointers(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_add_pointer(&buf, STR("args"));
    buf_add_pointer(&buf, STR("0"));
    buf_add_pointer(&buf, STR("a/b~c~1"));
    buf_add_pointer(&buf, STR(""));
    buf_add_pointer(&buf, STR("\"\\ \xC3\xA9"));
    assert_str(buf_str(&buf), STR("/args/0/a~1b~0c~01//\"\\ \xC3\xA9"));
    buf_done(&buf);
}

static void makes_trees(void **state)
{
    (void)state;
    struct json_error error = {0};
    cJSON *tree = json_tree(STR(" {\"a\":[1,{\"a\":2}],\"\\u0062\":\"\\uD83D\\uDE00\"} "), &error);
    assert_non_null(tree);
    assert_null(error.what);
    assert_int_equal(cJSON_GetArraySize(tree), 2);
    assert_int_equal(cJSON_GetObjectItem(tree, "a")->child->valueint, 1);
    assert_string_equal(cJSON_GetObjectItem(tree, "b")->valuestring, "\xF0\x9F\x98\x80");
    cJSON_Delete(tree);
}

static void refuses_trees(void **state)
{
    static const struct {
        struct str text;
        size_t offset;
        const char *what;
    } rows[] = {
        {STR("{\"a\":1} x"), 8, "there is more after the value"},
        {STR("{\"a\":1,\"b\":2,\"a\":3}"), 13, "this member was given before"},
        {STR("[{\"a\":{\"b\":2,\"c\":{},\"\\u0062\":3}}]"), 20, "this member was given before"},
        {STR("{\"\":1,\"\":2}"), 6, "this member was given before"},
        {STR("[\"a\\u0000b\"]"), 1, "\\u0000 is not allowed here"},
        {STR("{\"a\\u0000b\":1}"), 1, "\\u0000 is not allowed here"},
        {STR("[1, \"\\ud800\"]"), 5, "half a surrogate pair is not allowed here"},
        {STR("[1234567890123456789012345678901234567890123456789012345678901234]"), 1,
         "this number is too long"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct json_error error = {0};
        assert_null(json_tree(rows[i].text, &error));
        assert_string_equal(error.what, rows[i].what);
        assert_int_equal(error.offset, rows[i].offset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minifies),
        cmocka_unit_test(minifies_a_part),
        cmocka_unit_test(minifies_again),
        cmocka_unit_test(writes_strings),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(writes_pointers),
        cmocka_unit_test(makes_trees),
        cmocka_unit_test(refuses_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
