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

bool param_wait(struct request *request, int64_t *wait_ms)
{
    struct str value;
    int64_t ms;
    if (!param_once(request, "wait", &value))
        return false;
    if (!value.data)
        return true;
    if (!str_seconds(value, &ms))
        return problem_parameter(&request->problem, &request->arena, STR("wait"),
                                 "this has to be a number of seconds, 0 to 60");
    *wait_ms = ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
    return true;
}

bool param_int(struct request *request, const char *name, int64_t low, int64_t high, int64_t *value)
{
    struct str text;
    int64_t number;
    if (!param_once(request, name, &text))
        return false;
    if (!text.data)
        return true;
    if (!str_int(text, &number) || number < low)
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

/* Preferences that are not understood are left alone (RFC 7240, section 2). */
void prefer_read(struct request *request, struct preferences *preferences)
{
    struct str rest = request_header(request, "Prefer");
    *preferences = (struct preferences){0};
    while (rest.data) {
        struct str value = str_trim(str_cut(&rest, ','));
        struct str name = str_trim(str_cut(&value, '='));
        value = str_trim(value);
        if (str_eq_nocase(name, STR("return")) && str_eq_nocase(value, STR("minimal")))
            preferences->minimal = true;
        if (str_eq_nocase(name, STR("wait")) && str_seconds(value, &preferences->wait_ms))
            preferences->has_wait = true;
    }
    if (preferences->wait_ms > WAIT_MAX_MS)
        preferences->wait_ms = WAIT_MAX_MS;
}

bool etag_known(struct request *request, struct str etag)
{
    struct str tags = request_header(request, "If-None-Match");
    while (tags.data) {
        struct str tag = str_trim(str_cut(&tags, ','));
        if (str_starts(tag, STR("W/")))
            tag = (struct str){tag.data + 2, tag.len - 2};
        if (str_eq(tag, etag) || str_eq(tag, STR("*")))
            return true;
    }
    return false;
}
