/* Small texts that come from outside: whole numbers, seconds, times, ids, UTF-8. Each reader of
 * base/ is held against another way to say the same. */
#include "base/clock.h"
#include "base/id.h"
#include "server/http.h"
#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/pointer.h"
#include "tests/fuzz/lib/rfc8259.h"

#include <ctype.h>
#include <time.h>

static size_t digits_at(struct str text, size_t at)
{
    size_t count = 0;
    while (at + count < text.len && isdigit((unsigned char)text.data[at + count]))
        count++;
    return count;
}

/* False: above 10^20. */
static bool number_at(struct str text, size_t at, size_t count, __int128 *value)
{
    const __int128 max = (__int128)10000000000 * 10000000000;
    *value = 0;
    for (size_t i = at; i < at + count; i++) {
        *value = *value * 10 + (text.data[i] - '0');
        if (*value > max)
            return false;
    }
    return true;
}

static void check_int(struct str text)
{
    bool negative = text.len && text.data[0] == '-';
    size_t count = digits_at(text, negative);
    __int128 want = 0;
    int64_t value;
    bool fits = count && negative + count == text.len && number_at(text, negative, count, &want);
    want = negative ? -want : want;
    fits = fits && want >= INT64_MIN && want <= INT64_MAX;
    must(str_int(text, &value) == fits);
    must(!fits || value == want);
}

static void check_seconds(struct str text)
{
    size_t whole = digits_at(text, 0), fraction = 0, end = whole;
    __int128 want = 0, rest = 0;
    int64_t ms;
    if (whole && end < text.len && text.data[end] == '.') {
        fraction = digits_at(text, end + 1);
        end = fraction ? end + 1 + fraction : end;
    }
    bool fits =
        whole && end == text.len && number_at(text, 0, whole, &want) && want <= 1000000000000;
    for (size_t i = 0; i < 4; i++)
        rest = rest * 10 + (i < fraction ? text.data[whole + 1 + i] - '0' : 0);
    want = want * 1000 + (rest + 5) / 10;
    must(str_seconds(text, &ms) == fits);
    must(!fits || ms == want);
}

/* YYYY-MM-DDTHH:MM:SS, as numbers. False: not of that form. */
static bool fields_of(struct str text, struct tm *tm)
{
    static const char form[] = "0000-00-00T00:00:00";
    if (text.len < sizeof(form) - 1)
        return false;
    for (size_t i = 0; form[i]; i++) {
        char c = text.data[i];
        if (form[i] == '0' ? !isdigit((unsigned char)c) : toupper((unsigned char)c) != form[i])
            return false;
    }
    char copy[sizeof(form)] = {0};
    memcpy(copy, text.data, sizeof(form) - 1);
    copy[10] = 'T';
    *tm = (struct tm){0};
    sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d", &tm->tm_year, &tm->tm_mon, &tm->tm_mday, &tm->tm_hour,
           &tm->tm_min, &tm->tm_sec);
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

/* "Z" or "+HH:MM", in seconds. */
static bool offset_of(struct str text, int *seconds)
{
    int hours, minutes;
    char copy[7] = {0};
    *seconds = 0;
    if (text.len == 1)
        return toupper((unsigned char)text.data[0]) == 'Z';
    if (text.len != 6 || (text.data[0] != '+' && text.data[0] != '-') || text.data[3] != ':' ||
        digits_at(text, 1) != 2 || digits_at(text, 4) != 2)
        return false;
    memcpy(copy, text.data, 6);
    sscanf(copy + 1, "%2d:%2d", &hours, &minutes);
    *seconds = (hours * 3600 + minutes * 60) * (text.data[0] == '-' ? -1 : 1);
    return hours < 24 && minutes < 60;
}

/* By the C library, where base/clock.c counts by itself. */
static bool time_of(struct str text, int64_t *ms)
{
    struct tm tm, again;
    int offset;
    size_t at = 19, fraction = 0;
    if (!fields_of(text, &tm) || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    if (at < text.len && text.data[at] == '.') {
        fraction = digits_at(text, at + 1);
        if (!fraction)
            return false;
    }
    *ms = 0;
    for (size_t i = 0; i < 3; i++)
        *ms = *ms * 10 + (i < fraction ? text.data[at + 1 + i] - '0' : 0);
    at += fraction ? fraction + 1 : 0;
    if (!offset_of((struct str){text.data + at, text.len - at}, &offset))
        return false;
    bool leap = tm.tm_sec == 60;
    struct tm date = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday};
    time_t day = timegm(&date);
    if (date.tm_mon != tm.tm_mon || date.tm_mday != tm.tm_mday || date.tm_year != tm.tm_year)
        return false; /* there is no such day */
    time_t utc = day + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec - offset;
    gmtime_r(&utc, &again);
    if (leap && (again.tm_mday != 1 || again.tm_hour || again.tm_min || again.tm_sec))
        return false;
    *ms += (int64_t)utc * 1000;
    return again.tm_year >= 1 - 1900 && again.tm_year <= 9999 - 1900;
}

static void check_time(struct str text)
{
    int64_t got, want, again;
    bool fits = time_of(text, &want);
    must(clock_parse(text, &got) == fits);
    if (!fits)
        return;
    must(got == want);
    struct buf shown = {0};
    buf_add_time(&shown, got);
    must(clock_parse(buf_str(&shown), &again) && again == got);
    buf_done(&shown);
}

static void check_id(struct str text)
{
    bool fits = text.len >= 1 && text.len <= 64;
    for (size_t i = 0; i < text.len && fits; i++)
        fits = isalnum((unsigned char)text.data[i]) || text.data[i] == '_' || text.data[i] == '-';
    must(id_valid(text) == fits);
}

/* Of bytes that stand for themselves in a JSON string the two judges think the same. */
static void check_utf8(struct str text)
{
    struct buf quoted = {0};
    size_t depth;
    bool plain = true;
    for (size_t i = 0; i < text.len; i++)
        plain = plain && (unsigned char)text.data[i] >= 0x20 && !strchr("\"\\", text.data[i]);
    buf_add_char(&quoted, '"');
    buf_add_str(&quoted, text);
    buf_add_char(&quoted, '"');
    must(!plain || str_utf8(text) == rfc8259_valid(buf_str(&quoted), &depth));
    buf_done(&quoted);
}

static void check_lossy(struct str text, struct arena *arena)
{
    struct buf lossy = {0}, quoted = {0}, pointer = {0};
    buf_add_lossy(&lossy, text);
    struct str shown = buf_str(&lossy);
    must(str_utf8(shown) && (!shown.len || !memchr(shown.data, 0, shown.len)));
    must(!str_utf8(text) || (text.len && memchr(text.data, 0, text.len)) || str_eq(shown, text));
    buf_add_json(&quoted, shown);
    struct json json = must_parse(buf_str(&quoted), arena);
    must(json_string_is(&json, 0, shown) && str_eq(json_string(&json, 0, arena), shown));
    struct str member = arena_printf(arena, "{\"x\":1,%.*s:2}", STR_ARG(buf_str(&quoted)));
    buf_add_pointer(&pointer, shown);
    json = must_parse(member, arena);
    must(pointer_leads(&json, buf_str(&pointer), NULL, NULL));
    buf_done(&lossy);
    buf_done(&quoted);
    buf_done(&pointer);
}

static void check_double(struct str text, struct arena *arena)
{
    struct json json;
    struct json_error error;
    struct buf shown = {0};
    if (!json_parse(text, 0, arena, &json, &error) || json.nodes[0].type != JSON_NUMBER)
        return;
    double value = json_double(&json, 0);
    if (value > 1.7e308 || value < -1.7e308)
        return;
    buf_add_double(&shown, value);
    json = must_parse(buf_str(&shown), arena);
    must(json_double(&json, 0) == value);
    buf_done(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct str text = {(const char *)data, size};
    check_int(text);
    check_seconds(text);
    check_time(text);
    check_id(text);
    check_utf8(text);
    check_lossy(text, &arena);
    check_double(text, &arena);
    http_address_valid(text);
    arena_done(&arena);
    return 0;
}
