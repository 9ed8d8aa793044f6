/* What the end of a dependency means for the task that waits for it (design 5.1). */
#include "base/mem.h"
#include "model/policy.h"
#include "tests/unit/check.h"

static const struct {
    struct str what;
    enum wait_for wait_for;
    enum task_state ended;
    bool optional;
    enum verdict verdict;
} verdicts[] = {
    {STR("all, success"), WAIT_ALL, STATE_SUCCEEDED, false, VERDICT_COUNT},
    {STR("all, failure"), WAIT_ALL, STATE_FAILED, false, VERDICT_FAIL},
    {STR("all, cancel"), WAIT_ALL, STATE_CANCELLED, false, VERDICT_CANCEL},
    {STR("all, optional success"), WAIT_ALL, STATE_SUCCEEDED, true, VERDICT_COUNT},
    {STR("all, optional failure"), WAIT_ALL, STATE_FAILED, true, VERDICT_COUNT},
    {STR("all, optional cancel"), WAIT_ALL, STATE_CANCELLED, true, VERDICT_COUNT},
    {STR("settled, success"), WAIT_ALL_SETTLED, STATE_SUCCEEDED, false, VERDICT_COUNT},
    {STR("settled, failure"), WAIT_ALL_SETTLED, STATE_FAILED, false, VERDICT_COUNT},
    {STR("settled, cancel"), WAIT_ALL_SETTLED, STATE_CANCELLED, false, VERDICT_COUNT},
    {STR("settled, optional success"), WAIT_ALL_SETTLED, STATE_SUCCEEDED, true, VERDICT_COUNT},
    {STR("settled, optional failure"), WAIT_ALL_SETTLED, STATE_FAILED, true, VERDICT_COUNT},
    {STR("settled, optional cancel"), WAIT_ALL_SETTLED, STATE_CANCELLED, true, VERDICT_COUNT},
    {STR("any, success"), WAIT_ANY, STATE_SUCCEEDED, false, VERDICT_WIN},
    {STR("any, failure"), WAIT_ANY, STATE_FAILED, false, VERDICT_COUNT},
    {STR("any, cancel"), WAIT_ANY, STATE_CANCELLED, false, VERDICT_COUNT},
    {STR("any, optional success"), WAIT_ANY, STATE_SUCCEEDED, true, VERDICT_WIN},
    {STR("any, optional failure"), WAIT_ANY, STATE_FAILED, true, VERDICT_COUNT},
    {STR("any, optional cancel"), WAIT_ANY, STATE_CANCELLED, true, VERDICT_COUNT},
};

static void judges_every_combination(void **state)
{
    (void)state;
    assert_int_equal(array_size(verdicts), 3 * 3 * 2);
    for (size_t i = 0; i < array_size(verdicts); i++) {
        enum verdict got =
            policy_verdict(verdicts[i].wait_for, verdicts[i].ended, verdicts[i].optional);
        assert_row(verdicts[i].what, got == verdicts[i].verdict);
    }
}

/* With any, a success would have won before: the last end was a failure. */
static void goes_on_when_all_have_ended(void **state)
{
    (void)state;
    assert_true(policy_resolved(WAIT_ALL));
    assert_true(policy_resolved(WAIT_ALL_SETTLED));
    assert_false(policy_resolved(WAIT_ANY));
}

static void names_what_to_wait_for(void **state)
{
    static const char *const names[] = {"all", "all_settled", "any"};
    (void)state;
    for (int i = WAIT_ALL; i <= WAIT_ANY; i++) {
        enum wait_for parsed = i == WAIT_ALL ? WAIT_ANY : WAIT_ALL;
        assert_string_equal(wait_for_text((enum wait_for)i), names[i]);
        assert_true(wait_for_parse(str_of(names[i]), &parsed));
        assert_int_equal(parsed, i);
    }
}

static void refuses_other_names(void **state)
{
    static const struct str rows[] = {STR(""),     STR("All"),  STR("all "),         STR("al"),
                                      STR("any2"), STR("none"), STR("all_settled_"), {NULL, 0}};
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        enum wait_for parsed = WAIT_ANY;
        assert_row(rows[i], !wait_for_parse(rows[i], &parsed));
        assert_row(rows[i], parsed == WAIT_ANY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_every_combination),
        cmocka_unit_test(goes_on_when_all_have_ended),
        cmocka_unit_test(names_what_to_wait_for),
        cmocka_unit_test(refuses_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
