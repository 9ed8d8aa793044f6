/* base/str: lists of slices, and digits. */
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/check.h"

#include <string.h>

static void finds_in_lists(void **state)
{
    static const struct str list[] = {STR_INIT("a"), STR_INIT("bc")};
    (void)state;
    assert_true(str_listed(STR("bc"), list, 2));
    assert_false(str_listed(STR("bc"), list, 1));
    assert_false(str_listed(STR("b"), list, 2));
    assert_false(str_listed(STR_NONE, NULL, 0));
}

static void reads_hexadecimal_digits(void **state)
{
    const char *digits = "0123456789abcdefABCDEF";
    (void)state;
    for (int c = 1; c < 128; c++) {
        const char *at = strchr(digits, c);
        long place = at ? at - digits : -1;
        assert_int_equal(hex_digit((char)c), place < 16 ? place : place - 6);
    }
}

/* As much as fits, and no part of a character. */
static void limits_to_whole_code_points(void **state)
{
    (void)state;
    struct str text = STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    static const size_t lengths[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t max = 0; max < array_size(lengths); max++)
        assert_str(str_limit(text, max), ((struct str){text.data, lengths[max]}));
    assert_str(str_limit(STR_NONE, 0), STR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_in_lists),
        cmocka_unit_test(reads_hexadecimal_digits),
        cmocka_unit_test(limits_to_whole_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
