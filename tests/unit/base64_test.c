/* base64url: the examples of RFC 4648, section 10, and what is refused. */
#include "base/base64.h"
#include "base/mem.h"
#include "tests/unit/check.h"

static void goes_both_ways(void **state)
{
    static const struct {
        struct str bytes, text;
    } rows[] = {
        {STR_INIT(""), STR_INIT("")},
        {STR_INIT("f"), STR_INIT("Zg")},
        {STR_INIT("fo"), STR_INIT("Zm8")},
        {STR_INIT("foo"), STR_INIT("Zm9v")},
        {STR_INIT("foob"), STR_INIT("Zm9vYg")},
        {STR_INIT("fooba"), STR_INIT("Zm9vYmE")},
        {STR_INIT("foobar"), STR_INIT("Zm9vYmFy")},
        {STR_INIT("\xfb\xff\0"), STR_INIT("-_8A")},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct arena arena = {0};
        struct buf text = {0};
        struct str bytes;
        base64_add(&text, rows[i].bytes);
        assert_row(rows[i].text, str_eq(buf_str(&text), rows[i].text));
        assert_row(rows[i].text, base64_read(rows[i].text, &arena, &bytes));
        assert_row(rows[i].text, str_eq(bytes, rows[i].bytes));
        buf_done(&text);
        arena_done(&arena);
    }
}

static void refuses_the_rest(void **state)
{
    static const struct str rows[] = {STR_INIT("Z"),    STR_INIT("Zg=="), STR_INIT("Zh"),
                                      STR_INIT("Zm9"),  STR_INIT("+/8A"), STR_INIT("Zm 9v"),
                                      STR_INIT("Zg\0"), STR_INIT("Zm9vY")};
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct arena arena = {0};
        struct str bytes;
        assert_row(rows[i], !base64_read(rows[i], &arena, &bytes));
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_both_ways),
                                       cmocka_unit_test(refuses_the_rest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
