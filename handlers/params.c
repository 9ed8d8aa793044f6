#include "handlers/params.h"

#include "base/clock.h"

bool param_once(struct request *request, const char *name, struct str *value)
{
    *value = request_query(request, name, 0);
    if (!value->data || !request_query(request, name, 1).data)
        return true;
    return problem_parameter(&request->problem, &request->arena, str_of(name),
                             "this may be given once");
}

bool param_switch(struct request *request, const char *name, bool *value)
{
    struct str text;
    if (!param_once(request, name, &text))
        return false;
    if (text.data && !str_eq(text, STR("0")) && !str_eq(text, STR("1")))
        return problem_parameter(&request->problem, &request->arena, str_of(name),
                                 "this has to be 0 or 1");
    if (text.data)
        *value = str_eq(text, STR("1"));
    return true;
}

static bool only_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
    }
    return s.len > 0;
}

bool wait_parse(struct str text, int64_t *ms)
{
    int64_t seconds_ms;
    struct str fraction = text, whole = str_cut(&fraction, '.');
    bool fits = str_seconds(text, &seconds_ms);
    if (!fits && !(only_digits(whole) && (!fraction.data || only_digits(fraction))))
        return false;
    *ms = fits && seconds_ms < WAIT_MAX_MS ? seconds_ms : WAIT_MAX_MS;
    return true;
}

bool param_wait(struct request *request, int64_t *wait_ms)
{
    struct str value;
    if (!param_once(request, "wait", &value))
        return false;
    if (!value.data || wait_parse(value, wait_ms))
        return true;
    return problem_parameter(&request->problem, &request->arena, STR("wait"),
                             "this has to be a number of seconds, 0 to 60");
}

bool param_int(struct request *request, const char *name, int64_t low, int64_t high, int64_t *value)
{
    struct str text;
    int64_t number = INT64_MAX; /* what more digits than fit count as, where there is a bound */
    if (!param_once(request, name, &text))
        return false;
    if (!text.data)
        return true;
    bool beyond = high < INT64_MAX && only_digits(text);
    if ((!str_int(text, &number) && !beyond) || number < low)
        return problem_parameter(&request->problem, &request->arena, str_of(name),
                                 "this has to be a whole number from %lld on", (long long)low);
    *value = number < high ? number : high;
    return true;
}

bool param_time(struct request *request, const char *name, int64_t *ms)
{
    struct str text;
    if (!param_once(request, name, &text))
        return false;
    if (!text.data || clock_parse(text, ms))
        return true;
    return problem_parameter(&request->problem, &request->arena, str_of(name),
                             "this has to be an RFC 3339 time such as 2026-11-20T20:15:00Z");
}

bool channel_fits(struct request *request, struct str value)
{
    return (value.len && str_utf8(value)) ||
           problem_parameter(&request->problem, &request->arena, STR("channel"),
                             "this has to be the name of a channel");
}

bool param_position(struct request *request, int64_t *last_id, bool *resume)
{
    struct str header = request_header(request, "Last-Event-ID"), value;
    if (!param_once(request, "last_event_id", &value))
        return false;
    if (value.data && (!str_int(value, last_id) || *last_id < 0))
        return problem_parameter(&request->problem, &request->arena, STR("last_event_id"),
                                 "this has to be the id of an event, or 0");
    *resume = value.data || header.data;
    if (header.data && (!str_int(header, last_id) || *last_id < 0))
        *last_id = -1;
    return true;
}

bool etag_known(struct request *request, struct str etag)
{
    struct str tags = request_header_list(request, "If-None-Match");
    while (tags.data) {
        struct str tag = str_trim(str_cut(&tags, ','));
        if (str_starts(tag, STR("W/")))
            tag = (struct str){tag.data + 2, tag.len - 2};
        if (str_eq(tag, etag) || str_eq(tag, STR("*")))
            return true;
    }
    return false;
}
