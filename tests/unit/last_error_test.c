/* What a function's last error is, and that one of a transaction that was undone is none. */
#include "engine/last_error.h"
#include "tests/unit/check.h"

struct fixture {
    struct last_errors errors;
    struct txn txn;
};

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){.txn.now = 1000};
    last_errors_init(&fixture->errors);
}

static void end(struct fixture *fixture)
{
    arena_done(&fixture->txn.arena);
    last_errors_done(&fixture->errors);
}

static void fail_with(struct fixture *fixture, const char *function, const char *message)
{
    struct task_row row = {.id = STR("t1"), .function = str_of(function)};
    struct failure failure = {.code = FAILURE_FUNCTION_ERROR, .message = str_of(message)};
    last_error_note(&fixture->errors, &fixture->txn, &row, &failure);
}

static void check(struct fixture *fixture, const char *function, const char *want)
{
    struct buf got = {0};
    last_error_render(&fixture->errors, str_of(function), &got);
    assert_str(buf_str(&got), str_of(want));
    buf_done(&got);
}

static void the_last_one_of_each(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    fail_with(&fixture, "a", "one");
    fail_with(&fixture, "b", "two");
    fail_with(&fixture, "a", "three");
    check(&fixture, "a", "null"); /* nothing shows before the commit */
    last_errors_publish(&fixture.errors);
    check(&fixture, "a",
          "{\"code\":\"function-error\",\"message\":\"three\","
          "\"at\":\"1970-01-01T00:00:01.000Z\",\"task\":\"t1\"}");
    check(&fixture, "b",
          "{\"code\":\"function-error\",\"message\":\"two\","
          "\"at\":\"1970-01-01T00:00:01.000Z\",\"task\":\"t1\"}");
    check(&fixture, "c", "null");
    end(&fixture);
}

static void what_is_undone_was_not(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    fail_with(&fixture, "a", "one");
    last_errors_undo(&fixture.errors);
    last_errors_publish(&fixture.errors);
    check(&fixture, "a", "null");
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        cmocka_unit_test(the_last_one_of_each),
        cmocka_unit_test(what_is_undone_was_not),
    };
    return cmocka_run_group_tests_name("last_error", table, NULL, NULL);
}
