/* The table of problems: slugs that lead back, texts that need no escapes. */
#include "base/mem.h"
#include "model/problem.h"
#include "tests/unit/check.h"

#include <string.h>

static void slugs_lead_back(void **state)
{
    (void)state;
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        const struct problem_kind *kind = problem_kind((enum problem_code)i);
        struct str slug = str_of(kind->slug);
        assert_row(slug, slug.len && strspn(kind->slug, "abcdefghijklmnopqrstuvwxyz-") == slug.len);
        assert_row(slug, (int)problem_parse(slug) == i);
        assert_row(slug, kind->status >= 400 && kind->status < 600);
    }
}

static void knows_no_others(void **state)
{
    static const struct str texts[] = {
        STR(""), STR("cycles"), STR("cycl"), STR("Cycle"), {NULL, 0}};
    (void)state;
    for (size_t i = 0; i < array_size(texts); i++)
        assert_row(texts[i], problem_parse(texts[i]) == PROBLEM_NONE);
}

/* They are written as they are into JSON (server/reply.c) and HTML (handlers/problems.c). */
static void texts_need_no_escapes(void **state)
{
    (void)state;
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        const struct problem_kind *kind = problem_kind((enum problem_code)i);
        const struct str texts[] = {str_of(kind->title), str_of(kind->happened),
                                    str_of(kind->remedy)};
        for (size_t k = 0; k < array_size(texts); k++) {
            assert_row(texts[k], texts[k].len > 0 && str_utf8(texts[k]));
            assert_row(texts[k], strcspn(texts[k].data, "\"\\<>&\n\t") == texts[k].len);
            assert_row(texts[k], (texts[k].data[texts[k].len - 1] == '.') == (k > 0));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slugs_lead_back),
        cmocka_unit_test(knows_no_others),
        cmocka_unit_test(texts_need_no_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
