#include "executors/retry_after.h"

#include "base/str.h"

#include <curl/curl.h>

static bool all_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.len > 0;
}

int64_t retry_after(const char *value, int64_t now)
{
    const int64_t max = RETRY_AFTER_MAX_S * 1000LL;
    struct str text = str_trim(str_of(value));
    int64_t ms = 0;
    if (all_digits(text)) {
        if (!str_int(text, &ms) || ms > RETRY_AFTER_MAX_S)
            return max;
        return ms * 1000;
    }
    time_t date = curl_getdate(value, NULL);
    if (date > now / 1000 + RETRY_AFTER_MAX_S) /* in a year of any size */
        return max;
    if (date >= 0)
        ms = (int64_t)date * 1000 - now;
    return ms < 0 ? 0 : ms < max ? ms : max;
}
