#include "base/clock.h"

#include <time.h>

enum { DAY_MS = 86400000, HOUR_MS = 3600000, MINUTE_MS = 60000 };

/* What four digits of a year can say. */
static const int64_t YEAR_0_MS = -62167219200000;
static const int64_t YEAR_1_MS = -62135596800000;
static const int64_t YEAR_9999_END_MS = 253402300799999;

int64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Both conversions count in years that begin on 1 March, so that the leap day is the last day of
 * its year, and months of such a year begin on day (153 * month + 2) / 5. 719468 is the number of
 * days from 0000-03-01 to 1970-01-01; 146097 days make 400 years. */
static int64_t days_of_date(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    int64_t century_4 = (y >= 0 ? y : y - 399) / 400;
    int64_t year_in = y - century_4 * 400;
    int64_t day_in = year_in * 365 + year_in / 4 - year_in / 100 + (153 * m + 2) / 5 + day - 1;
    return century_4 * 146097 + day_in - 719468;
}

/* days: since 1970-01-01, not before 0000-01-01. */
static void date_of_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t century_4 = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_in = z - century_4 * 146097;
    int64_t year_in = (day_in - day_in / 1460 + day_in / 36524 - day_in / 146096) / 365;
    int64_t day_of_year = day_in - (year_in * 365 + year_in / 4 - year_in / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(century_4 * 400 + year_in + (m >= 10));
}

/* The day that a moment is in, also before 1970. */
static int64_t day_of(int64_t ms)
{
    return (ms >= 0 ? ms : ms - (DAY_MS - 1)) / DAY_MS;
}

static void put_digits(char *at, int count, int value)
{
    while (count--) {
        at[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Outside the years 0000 to 9999, which RFC 3339 cannot write, the nearest it can. */
void buf_add_time(struct buf *buf, int64_t ms)
{
    if (ms < YEAR_0_MS)
        ms = YEAR_0_MS;
    if (ms > YEAR_9999_END_MS)
        ms = YEAR_9999_END_MS;
    int64_t days = day_of(ms);
    int rest = (int)(ms - days * DAY_MS);
    int year, month, day;
    date_of_days(days, &year, &month, &day);
    char text[] = "0000-00-00T00:00:00.000Z";
    put_digits(text, 4, year);
    put_digits(text + 5, 2, month);
    put_digits(text + 8, 2, day);
    put_digits(text + 11, 2, rest / HOUR_MS);
    put_digits(text + 14, 2, rest / MINUTE_MS % 60);
    put_digits(text + 17, 2, rest / 1000 % 60);
    put_digits(text + 20, 3, rest % 1000);
    buf_add(buf, text, sizeof(text) - 1);
}

/* Takes count digits off *s; -1 if they are not there. */
static int take_digits(struct str *s, size_t count)
{
    int value = 0;
    if (s->len < count)
        return -1;
    for (size_t i = 0; i < count; i++) {
        char c = s->data[i];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    s->data += count;
    s->len -= count;
    return value;
}

/* Takes one of the bytes of set off *s; 0 if none of them is there. */
static char take_one(struct str *s, struct str set)
{
    for (size_t i = 0; s->len && i < set.len; i++) {
        if (s->data[0] == set.data[i]) {
            s->data++;
            s->len--;
            return set.data[i];
        }
    }
    return 0;
}

/* Digits past the third are cut off: a time is never moved to the next millisecond. */
static bool take_fraction(struct str *s, int *ms)
{
    *ms = 0;
    if (!take_one(s, STR(".")))
        return true;
    int unit = 100, digit = take_digits(s, 1);
    if (digit < 0)
        return false;
    for (; digit >= 0; digit = take_digits(s, 1)) {
        *ms += digit * unit;
        unit /= 10;
    }
    return true;
}

static bool take_offset(struct str *s, int *ms)
{
    *ms = 0;
    if (take_one(s, STR("Zz")))
        return true;
    char sign = take_one(s, STR("+-"));
    int hours = sign ? take_digits(s, 2) : -1;
    int minutes = take_one(s, STR(":")) ? take_digits(s, 2) : -1;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *ms = (hours * HOUR_MS + minutes * MINUTE_MS) * (sign == '-' ? -1 : 1);
    return true;
}

static bool take_date(struct str *s, int64_t *days)
{
    static const signed char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = take_digits(s, 4);
    int month = take_one(s, STR("-")) ? take_digits(s, 2) : -1;
    int day = take_one(s, STR("-")) ? take_digits(s, 2) : -1;
    if (year < 0 || month < 1 || month > 12)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > lengths[month - 1] + (month == 2 && leap))
        return false;
    *days = days_of_date(year, month, day);
    return true;
}

/* *ms: of the day. */
static bool take_time(struct str *s, int *ms, bool *leap_second)
{
    int hour = take_digits(s, 2);
    int minute = take_one(s, STR(":")) ? take_digits(s, 2) : -1;
    int second = take_one(s, STR(":")) ? take_digits(s, 2) : -1;
    int fraction;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    if (!take_fraction(s, &fraction))
        return false;
    *ms = hour * HOUR_MS + minute * MINUTE_MS + second * 1000 + fraction;
    *leap_second = second == 60;
    return true;
}

/* A leap second is the last second of a month in UTC (RFC 3339, section 5.7); it has the number
 * of the second after it, as in POSIX. */
static bool starts_month(int64_t ms)
{
    int year, month, day;
    date_of_days(day_of(ms), &year, &month, &day);
    return day == 1 && ms - day_of(ms) * DAY_MS < 1000;
}

bool clock_parse(struct str s, int64_t *ms)
{
    int64_t days;
    int time, offset;
    bool leap_second;
    if (!take_date(&s, &days) || !take_one(&s, STR("Tt")))
        return false;
    if (!take_time(&s, &time, &leap_second) || !take_offset(&s, &offset) || s.len)
        return false;
    int64_t utc = days * DAY_MS + time - offset;
    if (utc < YEAR_1_MS || utc > YEAR_9999_END_MS || (leap_second && !starts_month(utc)))
        return false;
    *ms = utc;
    return true;
}
