/* Slices, buffers and arenas. */
#include "base/arena.h"
#include "base/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static void makes_slices(void **state)
{
    (void)state;
    assert_int_equal(STR("a\0b").len, 3);
    assert_int_equal(str_of("abc").len, 3);
    assert_non_null(str_of("").data);
    assert_null(str_of(NULL).data);
    assert_int_equal(str_of(NULL).len, 0);
}

static void compares_slices(void **state)
{
    (void)state;
    assert_true(str_eq(STR(""), STR_NONE));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_eq_secret(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq_secret(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq_secret(STR("a"), STR("ab")));
    assert_false(str_eq_secret(STR("aba"), STR("ab"))); /* not even where it goes round */
    assert_true(str_cmp(STR("a"), STR("a")) == 0);
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("b"), STR("a")) > 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("ab"), STR("a")) > 0);
    assert_true(str_cmp(STR("b"), STR("ab")) > 0);
    assert_true(str_cmp(STR("\x7F"), STR("\x80")) < 0);
    assert_true(str_cmp(STR_NONE, STR("")) == 0);
    assert_true(str_cmp(STR_NONE, STR("a")) < 0);
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR("")));
    assert_true(str_starts(STR("abc"), STR("abc")));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_false(str_starts(STR("abc"), STR("b")));
}

static void ignores_case_of_ascii_only(void **state)
{
    (void)state;
    assert_true(str_eq_nocase(STR("Content-TYPE"), STR("cONTENT-type")));
    assert_true(str_eq_nocase(STR(""), STR_NONE));
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
    assert_false(str_eq_nocase(STR("a"), STR("b")));
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_false(str_eq_nocase(STR("["), STR("{")));
    assert_false(str_eq_nocase(STR("\xC3\x84"), STR("\xC3\xA4")));
    assert_true(str_eq_nocase(STR("AZ"), STR("az")));
}

static void trims(void **state)
{
    (void)state;
    assert_str(str_trim(STR(" \t a b\t ")), STR("a b"));
    assert_str(str_trim(STR("ab")), STR("ab"));
    assert_str(str_trim(STR(" \t ")), STR(""));
    assert_str(str_trim(STR("\na\r")), STR("\na\r"));
    assert_str(str_trim(STR("")), STR(""));
    assert_null(str_trim(STR_NONE).data);
}

static void cuts(void **state)
{
    (void)state;
    struct str rest = STR("a,,b,");
    assert_str(str_cut(&rest, ','), STR("a"));
    assert_str(str_cut(&rest, ','), STR(""));
    assert_str(str_cut(&rest, ','), STR("b"));
    assert_non_null(rest.data); /* one more part, an empty one */
    assert_str(str_cut(&rest, ','), STR(""));
    assert_null(rest.data);
    assert_null(str_cut(&rest, ',').data);
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
        {STR("007"), true, 7},
        {STR("-12"), true, -12},
        {STR("9223372036854775807"), true, INT64_MAX},
        {STR("9223372036854775808"), false, 0},
        {STR("-9223372036854775808"), true, INT64_MIN},
        {STR("-9223372036854775809"), false, 0},
        {STR("99999999999999999999"), false, 0},
        {STR(""), false, 0},
        {STR_NONE, false, 0},
        {STR("-"), false, 0},
        {STR("+1"), false, 0},
        {STR("--1"), false, 0},
        {STR(" 1"), false, 0},
        {STR("1 "), false, 0},
        {STR("1.0"), false, 0},
        {STR("1e1"), false, 0},
        {STR("0x1"), false, 0},
        {STR("1\0"), false, 0},
        {STR("1/"), false, 0},
        {STR("1:"), false, 0},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        int64_t value = 4711;
        assert_row(rows[i].text, str_int(rows[i].text, &value) == rows[i].good);
        assert_row(rows[i].text, value == (rows[i].good ? rows[i].value : 4711));
    }
}

static void reads_seconds(void **state)
{
    static const struct {
        struct str text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {STR("0"), 0},
        {STR("30"), 30000},
        {STR("0.5"), 500},
        {STR("1.25"), 1250},
        {STR("0.001"), 1},
        {STR("0.0004"), 0},
        {STR("0.0005"), 1},
        {STR("0.9995"), 1000},
        {STR("0.00049999"), 0},
        {STR("00000000000000.100000"), 100},
        {STR("1000000000000"), 1000000000000000},
        {STR("1000000000001"), -1},
        {STR("10000000000000000000000"), -1},
        {STR(""), -1},
        {STR("."), -1},
        {STR("1."), -1},
        {STR(".5"), -1},
        {STR("-1"), -1},
        {STR("-0"), -1},
        {STR("+1"), -1},
        {STR("1e3"), -1},
        {STR("1.5.5"), -1},
        {STR("1.-5"), -1},
        {STR("1 "), -1},
        {STR("inf"), -1},
        {STR("1,5"), -1},
        {STR_NONE, -1},
        {STR("1.5s"), -1},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        int64_t ms = -1;
        assert_row(rows[i].text, str_seconds(rows[i].text, &ms) == (rows[i].ms >= 0));
        assert_row(rows[i].text, ms == rows[i].ms);
    }
}

static void hashes(void **state)
{
    (void)state;
    /* the published vectors of FNV-1a */
    assert_true(str_hash(STR("")) == 0xcbf29ce484222325);
    assert_true(str_hash(STR("a")) == 0xaf63dc4c8601ec8c);
    assert_true(str_hash(STR("foobar")) == 0x85944171f73967e8);
    assert_true(str_hash(STR("\xFF")) != str_hash(STR("\x7F")));
}

static void counts_code_points(void **state)
{
    (void)state;
    assert_int_equal(str_chars(STR("")), 0);
    assert_int_equal(str_chars(STR("abc")), 3);
    assert_int_equal(str_chars(STR("\0\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")), 4);
}

/* The definition, not a table of bounds: the bytes are those that this would write for the code
 * point they stand for. 0: it has none. */
static size_t encode(unsigned code, unsigned char out[4])
{
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len; i-- > 0; code >>= 6)
        out[i] = (unsigned char)(i ? 0x80 | (code & 0x3F) : leads[len] | code);
    return len;
}

static bool is_utf8(const unsigned char *bytes, size_t len)
{
    return str_utf8((struct str){(const char *)bytes, len});
}

static void accepts_each_code_point(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 0x10FFFF; code++) {
        unsigned char bytes[4];
        size_t len = encode(code, bytes);
        if (len && !is_utf8(bytes, len))
            fail_msg("U+%04X", code);
        if (len > 1 && (is_utf8(bytes, len - 1) || is_utf8(bytes + 1, len - 1)))
            fail_msg("a part of U+%04X", code);
    }
}

/* All leads with all second and third bytes, and a fourth byte of each kind. */
static void refuses_other_sequences(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 0x1000000; i++) {
        unsigned char bytes[] = {(unsigned char)(0xC0 | (i >> 18)), (unsigned char)(i >> 10),
                                 (unsigned char)(i >> 2), (unsigned char)(0x3F | i << 6)};
        unsigned char again[4];
        size_t len = bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
        unsigned code = bytes[0] & (0xFF >> (len + 1));
        for (size_t j = 1; j < len; j++)
            code = code << 6 | (bytes[j] & 0x3F);
        bool good = encode(code, again) == len && memcmp(bytes, again, len) == 0;
        if (is_utf8(bytes, len) != good)
            fail_msg("%02X %02X %02X %02X", bytes[0], bytes[1], bytes[2], bytes[3]);
    }
}

static void checks_utf8_in_context(void **state)
{
    (void)state;
    assert_true(str_utf8(STR_NONE));
    assert_true(str_utf8(STR("a\0b \xC3\xA9 \xE2\x82\xAC\xF0\x9F\x98\x80.")));
    assert_false(str_utf8(STR("abc\x80")));
    assert_false(str_utf8(STR("abc\xE2\x82")));
    assert_false(str_utf8(STR("\xE2\x82 abc")));
    assert_false(str_utf8(STR("\xED\xA0\xBD\xED\xB8\x80")));
}

static void grows_buffers(void **state)
{
    (void)state;
    struct buf buf = {0};
    assert_str(buf_str(&buf), STR(""));
    assert_non_null(buf_str(&buf).data);
    buf_add(&buf, "a\0b", 3);
    buf_add_str(&buf, STR("cd"));
    buf_add_str(&buf, STR_NONE);
    buf_add_text(&buf, "ef");
    buf_add_char(&buf, 'g');
    buf_addf(&buf, "%d-%s", 17, "x");
    buf_addf(&buf, "%s", "");
    assert_str(buf_str(&buf), STR("a\0bcdefg17-x"));
    assert_int_equal(buf.data[buf.len], 0);
    buf_done(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.len + buf.cap, 0);
    buf_add_char(&buf, 'h');
    assert_str(buf_str(&buf), STR("h"));
    buf_done(&buf);
}

/* Every length up to some steps of growth; the bytes and the NUL stay. */
static void keeps_bytes_while_growing(void **state)
{
    (void)state;
    struct buf buf = {0};
    for (size_t i = 0; i < 3000; i++) {
        buf_add_char(&buf, (char)('a' + i % 26));
        assert_int_equal(buf.len, i + 1);
        assert_true(buf.cap > buf.len);
        assert_int_equal(buf.data[buf.len], 0);
    }
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(buf.data[i], 'a' + i % 26);
    const char *place = buf.data;
    buf.len = 0;
    buf_reserve(&buf, 2999);
    assert_ptr_equal(buf.data, place);
    buf_done(&buf);
    buf_reserve(&buf, 1000);
    assert_true(buf.cap >= 1001);
    assert_int_equal(buf.len, 0);
    buf_done(&buf);
    for (int i = 0; i < 200; i++)
        buf_addf(&buf, "%08d", i);
    assert_int_equal(buf.len, 1600);
    assert_memory_equal(buf.data + 1592, "00000199", 9);
    buf_done(&buf);
}

static void writes_integers(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_add_int(&buf, 0);
    buf_add_char(&buf, ' ');
    buf_add_int(&buf, -7);
    buf_add_char(&buf, ' ');
    buf_add_int(&buf, 1700000000000000);
    buf_add_char(&buf, ' ');
    buf_add_int(&buf, INT64_MAX);
    buf_add_char(&buf, ' ');
    buf_add_int(&buf, INT64_MIN);
    assert_str(buf_str(&buf),
               STR("0 -7 1700000000000000 9223372036854775807 -9223372036854775808"));
    buf_done(&buf);
}

static void hands_buffers_over(void **state)
{
    (void)state;
    struct buf buf = {0};
    size_t len = 4711;
    char *bytes = buf_take(&buf, &len);
    assert_string_equal(bytes, "");
    assert_int_equal(len, 0);
    mem_free(bytes);
    buf_add_text(&buf, "text");
    bytes = buf_take(&buf, &len);
    assert_string_equal(bytes, "text");
    assert_int_equal(len, 4);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);
    mem_free(bytes);
    mem_free(buf_take(&buf, NULL));
}

static void allocates_in_arenas(void **state)
{
    enum { COUNT = 600 };
    (void)state;
    struct arena arena = {0};
    unsigned char *places[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i * 7 % 5000;
        places[i] = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)places[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(places[i][j], 0);
        memset(places[i], (int)(i % 255 + 1), size);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < i * 7 % 5000; j++)
            assert_int_equal(places[i][j], i % 255 + 1);
    }
    arena_done(&arena);
    assert_null(arena.blocks);
    arena_done(&arena);
}

static void copies_text_into_arenas(void **state)
{
    (void)state;
    struct arena arena = {0};
    char text[] = "a\0b";
    struct str copy = arena_str(&arena, (struct str){text, 3});
    text[0] = 'x';
    assert_str(copy, STR("a\0b"));
    assert_int_equal(copy.data[3], 0);
    assert_null(arena_str(&arena, STR_NONE).data);
    assert_non_null(arena_str(&arena, STR("")).data);
    assert_str(arena_str(&arena, STR("")), STR(""));
    struct str printed = arena_printf(&arena, "%s/%06000d", "x", 5);
    assert_int_equal(printed.len, 6002);
    assert_int_equal(printed.data[6001], '5');
    assert_int_equal(printed.data[6002], 0);
    assert_str(arena_printf(&arena, "%s", ""), STR(""));
    int64_t *array = ARENA_ARRAY(&arena, int64_t, 10);
    assert_true(array[0] == 0 && array[9] == 0);
    struct str *one = ARENA_NEW(&arena, struct str);
    assert_null(one->data);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_slices),
        cmocka_unit_test(compares_slices),
        cmocka_unit_test(ignores_case_of_ascii_only),
        cmocka_unit_test(trims),
        cmocka_unit_test(cuts),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(reads_seconds),
        cmocka_unit_test(hashes),
        cmocka_unit_test(counts_code_points),
        cmocka_unit_test(accepts_each_code_point),
        cmocka_unit_test(refuses_other_sequences),
        cmocka_unit_test(checks_utf8_in_context),
        cmocka_unit_test(grows_buffers),
        cmocka_unit_test(keeps_bytes_while_growing),
        cmocka_unit_test(writes_integers),
        cmocka_unit_test(hands_buffers_over),
        cmocka_unit_test(allocates_in_arenas),
        cmocka_unit_test(copies_text_into_arenas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
