#include "handlers/body.h"

#include <math.h>

static bool refuse(struct request *request, struct str name, const char *why)
{
    struct buf pointer = {0};
    buf_add_pointer(&pointer, name);
    problem_at(&request->problem, &request->arena, PROBLEM_INVALID_REQUEST, buf_str(&pointer), "%s",
               why);
    buf_done(&pointer);
    return false;
}

bool body_refuse(struct request *request, const char *name, const char *why)
{
    return refuse(request, str_of(name), why);
}

static bool listed(struct str name, const char *names)
{
    struct str rest = str_of(names);
    while (rest.data) {
        if (str_eq(str_cut(&rest, ' '), name))
            return true;
    }
    return false;
}

bool body_members(struct request *request, const char *names)
{
    const struct json *json = &request->json;
    if (json->nodes[0].type != JSON_OBJECT)
        return problem_at(&request->problem, &request->arena, PROBLEM_INVALID_REQUEST, STR(""),
                          "the body has to be an object");
    for (uint32_t i = 1; i < json->nodes[0].next; i = json->nodes[i + 1].next) {
        struct str name = json_string(json, i, &request->arena);
        if (!listed(name, names))
            return refuse(request, name, "there is no such field");
        if (json_member(json, 0, name) != i + 1)
            return refuse(request, name, "this field is given twice");
    }
    return true;
}

bool body_text(struct request *request, const char *name, struct str *value)
{
    const struct json *json = &request->json;
    uint32_t node = json_member(json, 0, str_of(name));
    if (!node || json->nodes[node].type == JSON_NULL)
        return true;
    if (json->nodes[node].type != JSON_STRING)
        return body_refuse(request, name, "this has to be a string");
    *value = json_string(json, node, &request->arena);
    return true;
}

/* The node of a member, or 0 if it is absent. */
static uint32_t member(const struct request *request, const char *name)
{
    uint32_t node = request->has_json ? json_member(&request->json, 0, str_of(name)) : 0;
    return node && request->json.nodes[node].type != JSON_NULL ? node : 0;
}

static bool refuse_range(struct request *request, const char *name, const char *what, int64_t low,
                         int64_t high)
{
    struct str why = arena_printf(&request->arena, "this has to be %s from %lld to %lld", what,
                                  (long long)low, (long long)high);
    return body_refuse(request, name, why.data);
}

bool body_whole(struct request *request, const char *name, int64_t low, int64_t high,
                int64_t *value)
{
    int64_t number;
    uint32_t node = member(request, name);
    if (!node)
        return true;
    if (request->json.nodes[node].type != JSON_NUMBER || !json_int(&request->json, node, &number) ||
        number < low || number > high)
        return refuse_range(request, name, "a whole number", low, high);
    *value = number;
    return true;
}

bool body_seconds(struct request *request, const char *name, int64_t low, int64_t high, int64_t *ms)
{
    uint32_t node = member(request, name);
    if (!node)
        return true;
    bool number = request->json.nodes[node].type == JSON_NUMBER;
    double seconds = number ? json_double(&request->json, node) : -1;
    if (!(number && seconds >= (double)low && seconds <= (double)high))
        return refuse_range(request, name, "a number of seconds", low, high);
    *ms = llround(seconds * 1000);
    return true;
}

bool body_flag(struct request *request, const char *name, bool *value)
{
    uint32_t node = member(request, name);
    enum json_type type = node ? request->json.nodes[node].type : JSON_NULL;
    if (node && type != JSON_TRUE && type != JSON_FALSE)
        return body_refuse(request, name, "this has to be true or false");
    if (node)
        *value = type == JSON_TRUE;
    return true;
}
