/* What a service says in its headers: Retry-After, and where a redirect leads. */
#include "base/mem.h"
#include "executors/redirect.h"
#include "executors/retry_after.h"
#include "tests/unit/check.h"

#define NOW 1700000000000 /* Tue, 14 Nov 2023 22:13:20 GMT */
#define DAY 86400000

static void retry_after_is_seconds_or_a_date(void **state)
{
    static const struct {
        const char *value;
        int64_t want;
    } rows[] = {
        {"0", 0},
        {"1", 1000},
        {" 120\t", 120000},
        {"86400", DAY},
        {"86401", DAY},
        {"9223372036854775807", DAY},
        {"99999999999999999999", DAY},
        {"Tue, 14 Nov 2023 22:14:20 GMT", 60000},
        {"Tuesday, 14-Nov-23 22:14:20 GMT", 60000},
        {"Tue Nov 14 22:14:20 2023", 60000},
        {"Tue, 14 Nov 2023 22:13:20 GMT", 0},
        {"Tue, 14 Nov 2023 22:12:20 GMT", 0},
        {"Thu, 14 Nov 2093 22:12:20 GMT", DAY},
        {"", 0},
        {"soon", 0},
        {"-5", 0},
        {"1.5", 0},
        {"1e3", 0},
        {"12 monkeys", 0},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++)
        assert_row(str_of(rows[i].value), retry_after(rows[i].value, NOW) == rows[i].want);
}

static void redirects_lead_elsewhere_or_not(void **state)
{
    static const struct {
        const char *url, *target, *elsewhere;
    } rows[] = {
        {"http://host/a", "http://host/b?c#d", NULL},
        {"http://host/a", "http://host:80/b", NULL},
        {"https://host:443/a", "https://host/", NULL},
        {"http://Host/a", "HTTP://hOST/", NULL},
        {"http://host/a", "http://user:word@host/", NULL},
        {"http://[::1]:8/a", "http://[::1]:8/b", NULL},
        {"http://host/a", "https://host/a", "https://host:443"},
        {"http://host/a", "http://host:81/a", "http://host:81"},
        {"http://host/a", "http://other/a", "http://other:80"},
        {"http://host/a", "http://host.other/a", "http://host.other:80"},
        {"http://host/a", "http://host@other/a", "http://other:80"},
        {"http://host/a", "http://host./a", "http://host.:80"},
        {"http://host/a", "ftp://host/a", "ftp://host:21"},
        {"http://host/a", "nonsense", "an unknown place"},
    };
    struct arena arena = {0};
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct str got = redirect_elsewhere(rows[i].url, rows[i].target, &arena);
        assert_row(str_of(rows[i].target), !got.data == !rows[i].elsewhere);
        if (got.data)
            assert_str(got, str_of(rows[i].elsewhere));
    }
    arena_done(&arena);
}

static void some_statuses_are_redirects(void **state)
{
    (void)state;
    for (long status = 100; status < 600; status++) {
        bool want = (status >= 301 && status <= 303) || status == 307 || status == 308;
        assert_int_equal(redirect_status(status), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(redirects_lead_elsewhere_or_not),
        cmocka_unit_test(some_statuses_are_redirects),
    };
    return cmocka_run_group_tests_name("service answers", tests, NULL, NULL);
}
