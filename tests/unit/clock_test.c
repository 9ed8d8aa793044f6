/* Times as text and back. */
#include "base/clock.h"
#include "base/mem.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <time.h>

/* Where a text is no time. */
#define NONE INT64_MIN

static void check_written(int64_t ms, struct str text)
{
    struct buf buf = {0};
    buf_add_time(&buf, ms);
    assert_str(buf_str(&buf), text);
    buf_done(&buf);
}

static void writes_times(void **state)
{
    (void)state;
    check_written(0, STR("1970-01-01T00:00:00.000Z"));
    check_written(1, STR("1970-01-01T00:00:00.001Z"));
    check_written(86399999, STR("1970-01-01T23:59:59.999Z"));
    check_written(951782400000, STR("2000-02-29T00:00:00.000Z"));
    check_written(951868799999, STR("2000-02-29T23:59:59.999Z"));
    check_written(951868800000, STR("2000-03-01T00:00:00.000Z"));
    check_written(1609459199123, STR("2020-12-31T23:59:59.123Z"));
    check_written(1795205700120, STR("2026-11-20T20:15:00.120Z"));
    check_written(4107542400000, STR("2100-03-01T00:00:00.000Z"));
    check_written(253402300799999, STR("9999-12-31T23:59:59.999Z"));
    check_written(-1, STR("1969-12-31T23:59:59.999Z"));
    check_written(-62167219200000, STR("0000-01-01T00:00:00.000Z"));
}

static void stays_within_four_digits(void **state)
{
    (void)state;
    check_written(253402300800000, STR("9999-12-31T23:59:59.999Z"));
    check_written(INT64_MAX, STR("9999-12-31T23:59:59.999Z"));
    check_written(-62167219200001, STR("0000-01-01T00:00:00.000Z"));
    check_written(INT64_MIN, STR("0000-01-01T00:00:00.000Z"));
}

static void appends_times(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_add_text(&buf, "at ");
    buf_add_time(&buf, 1000);
    buf_add_text(&buf, ".");
    assert_str(buf_str(&buf), STR("at 1970-01-01T00:00:01.000Z."));
    buf_done(&buf);
}

static void reads_times(void **state)
{
    static const struct {
        struct str text;
        int64_t ms;
    } rows[] = {
        {STR("1970-01-01T00:00:00Z"), 0},
        {STR("1970-01-01T00:00:00.000Z"), 0},
        {STR("1970-01-01t00:00:01.5z"), 1500},
        {STR("1985-04-12T23:20:50.52Z"), 482196050520},
        {STR("1996-12-19T16:39:57-08:00"), 851042397000},
        {STR("1937-01-01T12:00:27.87+00:20"), -1041337172130},
        {STR("1969-12-31T23:59:59.999Z"), -1},
        {STR("1970-01-01T00:30:00+01:00"), -1800000},
        {STR("0001-01-01T00:00:00Z"), -62135596800000},
        {STR("0000-12-31T23:30:00-01:00"), -62135595000000},
        {STR("1900-02-28T23:59:59.5Z"), -2203891200500},
        {STR("1600-02-29T00:00:00Z"), -11670998400000},
        {STR("2026-11-20T20:15:00.123Z"), 1795205700123},
        {STR("2026-11-20T20:15:00.123456789012345678901234567890Z"), 1795205700123},
        {STR("2026-11-20T20:15:00.9999Z"), 1795205700999},
        {STR("2026-11-20T20:15:00.0Z"), 1795205700000},
        {STR("2026-11-20T21:15:00+01:00"), 1795205700000},
        {STR("2026-11-20T20:15:00+00:00"), 1795205700000},
        {STR("2026-11-20T20:15:00-00:00"), 1795205700000},
        {STR("2026-11-21T01:45:00+05:30"), 1795205700000},
        {STR("2026-11-19T20:16:00-23:59"), 1795205700000},
        {STR("2026-11-21T20:14:00+23:59"), 1795205700000},
        {STR("2000-02-29T00:00:00Z"), 951782400000},
        {STR("2024-02-29T12:00:00Z"), 1709208000000},
        {STR("1969-12-31T23:30:00-01:00"), 1800000},
        {STR("9999-12-31T23:59:59.999Z"), 253402300799999},
        {STR("9999-12-31T23:59:59-00:01"), NONE}, /* the year 10000 */
        {STR("0000-12-31T23:59:59.999Z"), NONE},
        {STR("0001-01-01T00:59:59+01:00"), NONE}, /* the year 0 */
        {STR("0000-01-01T00:00:00Z"), NONE},
        /* leap seconds: the last second of a month in UTC */
        {STR("2016-12-31T23:59:60Z"), 1483228800000},
        {STR("2016-12-31T23:59:60.25Z"), 1483228800250},
        {STR("1990-12-31T15:59:60-08:00"), 662688000000},
        {STR("2015-07-01T01:59:60+02:00"), 1435708800000},
        {STR("1969-12-31T23:59:60.5Z"), 500},
        {STR("1968-12-31T23:59:60Z"), -31536000000},
        {STR("1968-12-30T23:59:60Z"), NONE},
        {STR("2016-12-31T23:58:60Z"), NONE},
        {STR("2016-12-31T22:59:60Z"), NONE},
        {STR("2016-12-30T23:59:60Z"), NONE},
        {STR("2016-12-31T23:59:60+01:00"), NONE},
        {STR("9999-12-31T23:59:60Z"), NONE},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        int64_t ms = NONE;
        assert_row(rows[i].text, clock_parse(rows[i].text, &ms) == (rows[i].ms != NONE));
        assert_row(rows[i].text, ms == rows[i].ms);
    }
}

static const struct str no_times[] = {
    STR_NONE,
    STR(""),
    STR("Z"),
    STR("now"),
    STR("2026-11-20"),
    STR("20:15:00Z"),
    STR("2026-11-20 20:15:00Z"),
    STR("2026-11-20T20:15:00"),
    STR("2026-11-20T20:15Z"),
    STR("2026-11-20T20Z"),
    STR("2026-11-20T20:15:00.Z"),
    STR("2026-11-20T20:15:00,5Z"),
    STR("2026-11-20T20:15:00.5"),
    STR("2026-11-20T20:15:00.5.5Z"),
    STR("2026-11-20T20:15:00ZZ"),
    STR("2026-11-20T20:15:00Z "),
    STR(" 2026-11-20T20:15:00Z"),
    STR("2026-11-20T20:15:00Z\0"),
    STR("2026-11-20T20:15:00+01"),
    STR("2026-11-20T20:15:00+0100"),
    STR("2026-11-20T20:15:00+01:0"),
    STR("2026-11-20T20:15:00+1:00"),
    STR("2026-11-20T20:15:00+24:00"),
    STR("2026-11-20T20:15:00+01:60"),
    STR("2026-11-20T20:15:00 +01:00"),
    STR("2026-11-20T20:15:00\xE2\x88\x92"
        "01:00"),
    STR("2026-11-20T20:15:00+01:00Z"),
    STR("2026-11-20T24:00:00Z"),
    STR("2026-11-20T20:60:00Z"),
    STR("2026-11-20T20:15:61Z"),
    STR("2026-11-20T20:15:-1Z"),
    STR("2026-11-20T2:15:00Z"),
    STR("2026-00-20T20:15:00Z"),
    STR("2026-13-20T20:15:00Z"),
    STR("2026-11-00T20:15:00Z"),
    STR("2026-11-31T20:15:00Z"),
    STR("2026-01-32T20:15:00Z"),
    STR("2026-02-29T20:15:00Z"),
    STR("2024-02-30T20:15:00Z"),
    STR("2100-02-29T20:15:00Z"),
    STR("2026-1-20T20:15:00Z"),
    STR("26-11-20T20:15:00Z"),
    STR("02026-11-20T20:15:00Z"),
    STR("+2026-11-20T20:15:00Z"),
    STR("12026-11-20T20:15:00Z"),
    STR("20261120T201500Z"),
    STR("2026-W47-5T20:15:00Z"),
    STR("2026-324T20:15:00Z"),
    STR("2026/11/20T20:15:00Z"),
    STR("2026-11-20T20.15.00Z"),
    STR("2026-11-20T20:15:0xZ"),
    STR("1795205700"),
};

static void refuses_other_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(no_times); i++) {
        int64_t ms = 4711;
        assert_row(no_times[i], !clock_parse(no_times[i], &ms));
        assert_int_equal(ms, 4711);
    }
}

/* A time that is cut off is no time, and nothing past its end is read. */
static void refuses_what_is_cut_off(void **state)
{
    (void)state;
    struct str text = STR("2026-11-20T20:15:00.123+01:00");
    for (size_t len = 0; len < text.len; len++) {
        int64_t ms;
        char *copy = mem_copy(text.data, len);
        assert_false(clock_parse((struct str){copy, len}, &ms));
        mem_free(copy);
    }
}

/* As the C library counts, for some millisecond of each day of all the years there are. */
static void agrees_with_the_c_library(void **state)
{
    (void)state;
    struct buf buf = {0};
    int64_t milli = 0;
    for (int64_t day = -719528; day < 2932897; day++, milli = (milli + 7654321) % 86400000) {
        int64_t ms = day * 86400000 + milli, again;
        time_t seconds = day * 86400 + milli / 1000;
        struct tm tm;
        char text[80];
        gmtime_r(&seconds, &tm);
        int len = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                           tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                           tm.tm_sec, (int)(milli % 1000));
        buf.len = 0;
        buf_add_time(&buf, ms);
        assert_str(buf_str(&buf), ((struct str){text, (size_t)len}));
        bool fits = tm.tm_year + 1900 >= 1;
        assert_row(buf_str(&buf), clock_parse(buf_str(&buf), &again) == fits);
        assert_row(buf_str(&buf), !fits || again == ms);
    }
    buf_done(&buf);
}

static void tells_the_time(void **state)
{
    (void)state;
    struct timespec before, after;
    clock_gettime(CLOCK_REALTIME, &before);
    int64_t now = clock_now();
    clock_gettime(CLOCK_REALTIME, &after);
    assert_true(now >= (int64_t)before.tv_sec * 1000 + before.tv_nsec / 1000000);
    assert_true(now <= (int64_t)after.tv_sec * 1000 + after.tv_nsec / 1000000);
    int64_t last = clock_mono_ns(), first = last;
    for (int i = 0; i < 1000; i++) {
        int64_t next = clock_mono_ns();
        assert_true(next >= last);
        last = next;
    }
    assert_true(last > first && last - first < 60000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_times),
        cmocka_unit_test(stays_within_four_digits),
        cmocka_unit_test(appends_times),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(refuses_other_texts),
        cmocka_unit_test(refuses_what_is_cut_off),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(tells_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
