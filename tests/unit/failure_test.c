/* The "error" member of a task. */
#include "base/mem.h"
#include "model/failure.h"
#include "tests/unit/check.h"

static const struct {
    struct failure failure;
    struct str json;
} rows[] = {
    {{.code = FAILURE_EXIT_STATUS, .message = STR("no such file"), .exit_status = 2, .attempt = 1},
     STR("{\"code\":\"exit-status\",\"message\":\"no such file\",\"exit_status\":2,"
         "\"attempt\":1}")},
    {{.code = FAILURE_EXIT_STATUS, .message = STR(""), .exit_status = 0, .signal = 9, .attempt = 3},
     STR("{\"code\":\"exit-status\",\"message\":\"\",\"exit_status\":0,\"attempt\":3}")},
    {{.code = FAILURE_SIGNAL,
      .message = STR("killed"),
      .exit_status = 1,
      .signal = 9,
      .attempt = 100},
     STR("{\"code\":\"signal\",\"message\":\"killed\",\"signal\":9,\"attempt\":100}")},
    {{.code = FAILURE_TIMEOUT, .message = STR("after 3 s"), .exit_status = 1, .signal = 15},
     STR("{\"code\":\"timeout\",\"message\":\"after 3 s\"}")},
    {{.code = FAILURE_DEPENDENCY_FAILED, .message = STR("x failed"), .caused_by = STR("x-1_Y")},
     STR("{\"code\":\"dependency-failed\",\"message\":\"x failed\",\"caused_by\":\"x-1_Y\"}")},
    {{.code = FAILURE_CANCELLED, .message = STR("m"), .caused_by = STR("c"), .attempt = 2},
     STR("{\"code\":\"cancelled\",\"message\":\"m\",\"caused_by\":\"c\",\"attempt\":2}")},
    {{.code = FAILURE_FUNCTION_ERROR, .message = STR("a\"b\\c\n\x01\0d/\xC3\xA9")},
     STR("{\"code\":\"function-error\",\"message\":"
         "\"a\\\"b\\\\c\\n\\u0001\\u0000d/\xC3\xA9\"}")},
    {{.code = FAILURE_INTERRUPTED}, STR("{\"code\":\"interrupted\",\"message\":\"\"}")},
};

static void renders_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct buf out = {0};
        struct buf want = {0};
        buf_addf(&want, "error: %.*s", STR_ARG(rows[i].json));
        buf_add_text(&out, "error: "); /* what is there stays */
        failure_render(&rows[i].failure, &out);
        assert_str(buf_str(&out), buf_str(&want));
        buf_done(&want);
        buf_done(&out);
    }
}

static void names_codes(void **state)
{
    static const struct {
        enum failure_code code;
        const char *text;
    } codes[] = {
        {FAILURE_EXIT_STATUS, "exit-status"},
        {FAILURE_SIGNAL, "signal"},
        {FAILURE_TIMEOUT, "timeout"},
        {FAILURE_FUNCTION_ERROR, "function-error"},
        {FAILURE_START_FAILED, "start-failed"},
        {FAILURE_DEPENDENCY_FAILED, "dependency-failed"},
        {FAILURE_INTERRUPTED, "interrupted"},
        {FAILURE_INVALID_RESULT, "invalid-result"},
        {FAILURE_RESULT_TOO_LARGE, "result-too-large"},
        {FAILURE_CANCELLED, "cancelled"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(codes); i++)
        assert_string_equal(failure_text(codes[i].code), codes[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_failures),
        cmocka_unit_test(names_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
