#include "handlers/body.h"

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
