/* What every unit test includes: cmocka, and assertions about text that show it. */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Both struct str. */
#define assert_str(actual, expected) check_str((actual), (expected), __FILE__, __LINE__)

static inline void check_str(struct str actual, struct str expected, const char *file, int line)
{
    if (str_eq(actual, expected))
        return;
    print_error("got \"%.*s\" (%zu), want \"%.*s\" (%zu)\n", STR_ARG(actual), actual.len,
                STR_ARG(expected), expected.len);
    _fail(file, line);
}

/* For tables: as assert_true, and names the row by its text (struct str). */
#define assert_row(text, condition)                                                                \
    do {                                                                                           \
        struct str row_text = (text);                                                              \
        if (!(condition))                                                                          \
            fail_msg("%s: \"%.*s\"", #condition, STR_ARG(row_text));                               \
    } while (0)

#endif
