#include "server/router.h"

#include <string.h>

static const char *const method_names[METHODS] = {"GET", "POST", "PUT", "DELETE"};

const char *method_text(enum http_method method)
{
    return method_names[method];
}

bool route_takes(const struct route *route, struct str parameter)
{
    struct str names = str_of(route->parameters);
    while (names.data) {
        if (str_eq(str_cut(&names, ' '), parameter))
            return true;
    }
    return false;
}

bool route_scope(const struct route *route, enum scope *scope)
{
    *scope = (enum scope)(route->access - (ACCESS_ANY + 1));
    return route->access > ACCESS_ANY;
}

/* Whether path is of the pattern's form; *id is what stands for its {…}. */
static bool matches(struct str pattern, struct str path, struct str *id)
{
    *id = STR_NONE;
    while (pattern.data && path.data) {
        struct str want = str_cut(&pattern, '/'), have = str_cut(&path, '/');
        bool variable = want.len && want.data[0] == '{';
        if (variable && have.len)
            *id = have;
        else if (!str_eq(want, have))
            return false;
    }
    return !pattern.data && !path.data;
}

static bool names(const struct route *route, struct str path)
{
    return !strchr(route->path, '{') && str_eq(str_of(route->path), path);
}

/* A path that a route names word for word is no other route's: /v1/tasks/cancel is not a task. */
static bool serves(const struct route_table *table, const struct route *route, struct str path,
                   struct str *id)
{
    bool taken = false;
    if (!matches(str_of(route->path), path, id))
        return false;
    for (size_t i = 0; i < table->count && id->data && !taken; i++)
        taken = names(&table->routes[i], path);
    return !taken;
}

static bool method_fits(const struct route *route, struct str method)
{
    return str_eq(method, str_of(method_names[route->method])) ||
           (route->method == METHOD_GET && str_eq(method, STR("HEAD")));
}

struct str route_allow(const struct route_table *table, struct request *request)
{
    bool found[METHODS] = {false};
    bool any = false;
    struct str id;
    for (size_t i = 0; i < table->count; i++) {
        if (serves(table, &table->routes[i], request->path, &id))
            any = found[table->routes[i].method] = true;
    }
    if (!any)
        return STR_NONE;
    struct buf allow = {0};
    for (int i = 0; i < METHODS; i++) {
        if (found[i])
            buf_addf(&allow, "%s, ", i == METHOD_GET ? "GET, HEAD" : method_names[i]);
    }
    buf_add_text(&allow, "OPTIONS");
    struct str kept = arena_str(&request->arena, buf_str(&allow));
    buf_done(&allow);
    return kept;
}

bool route_find(const struct route_table *table, struct request *request)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct route *route = &table->routes[i];
        if (method_fits(route, request->method) &&
            serves(table, route, request->path, &request->id)) {
            request->route = route;
            return true;
        }
    }
    return false;
}

bool route_open(const struct route_table *table, struct str path)
{
    for (size_t i = 0; i < table->count; i++) {
        struct str id;
        if (table->routes[i].access == ACCESS_OPEN && serves(table, &table->routes[i], path, &id))
            return true;
    }
    return false;
}

bool route_refuse(const struct route_table *table, struct request *request)
{
    struct str allow = route_allow(table, request);
    if (!allow.data)
        return problem_set(&request->problem, &request->arena, PROBLEM_NOT_FOUND,
                           "there is no such path");
    request_add_header(request, "Allow", allow);
    return problem_set(&request->problem, &request->arena, PROBLEM_METHOD_NOT_ALLOWED,
                       "this path takes %.*s", STR_ARG(allow));
}

/* --- media types (RFC 9110, sections 8.3 and 12.5.1) ------------------------------- */

/* How well a range of Accept fits the type: 0 not at all, 1 by both wildcards, 2 by one, 3 exactly.
 */
static int range_fits(struct str range, struct str type)
{
    struct str subtype = type, range_sub = range;
    struct str main_type = str_cut(&subtype, '/'), range_main = str_cut(&range_sub, '/');
    if (str_eq(range, STR("*/*")))
        return 1;
    if (!str_eq_nocase(range_main, main_type))
        return 0;
    if (str_eq(range_sub, STR("*")))
        return 2;
    return str_eq_nocase(range_sub, subtype) ? 3 : 0;
}

/* The q of a range's parameters, in thousandths. */
static int64_t quality_of(struct str parameters)
{
    while (parameters.data) {
        struct str part = str_trim(str_cut(&parameters, ';'));
        int64_t quality;
        if (part.len > 2 && str_eq_nocase((struct str){part.data, 2}, STR("q=")) &&
            str_seconds((struct str){part.data + 2, part.len - 2}, &quality))
            return quality;
    }
    return 1000;
}

/* How welcome a type is: 0 not at all. The most specific range that fits decides; between equal
 * qualities a type that was named comes before one that only a wildcard lets in. */
static int64_t welcome(struct str accept, struct str type)
{
    int best = 0;
    int64_t quality = 0;
    while (accept.data) {
        struct str rest = str_trim(str_cut(&accept, ','));
        struct str range = str_trim(str_cut(&rest, ';'));
        int fit = range_fits(range, type);
        if (fit > best) {
            best = fit;
            quality = quality_of(rest);
        }
    }
    return quality ? quality * 4 + best : 0;
}

/* Of the route's types the most welcome; the first of them if none was asked for. */
static bool check_accept(struct request *request)
{
    struct str accept = request_header_list(request, "Accept");
    struct str types = str_of(request->route->type);
    bool any = !str_trim(accept).len;
    int64_t best = 0;
    while (types.data) {
        struct str type = str_trim(str_cut(&types, ','));
        int64_t welcomed = any ? 1 : welcome(accept, type);
        if (welcomed > best) {
            best = welcomed;
            request->type = type;
        }
    }
    if (best)
        return true;
    return problem_set(&request->problem, &request->arena, PROBLEM_NOT_ACCEPTABLE,
                       "this path answers with %s", request->route->type);
}

static bool has_body(const struct request *request)
{
    struct str length = request_header(request, "Content-Length");
    return request_header(request, "Transfer-Encoding").data ||
           (length.data && !str_eq(length, STR("0")));
}

/* RFC 9110, sections 8.4 and 15.5.16. */
static bool check_coding(struct request *request)
{
    struct str coding = str_trim(request_header(request, "Content-Encoding"));
    if (!coding.len || str_eq_nocase(coding, STR("identity")))
        return true;
    request_add_header(request, "Accept-Encoding", STR("identity"));
    return problem_set(&request->problem, &request->arena, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                       "send the body as it is, without Content-Encoding");
}

static bool check_content_type(struct request *request)
{
    enum body_rule rule = request->route->body;
    struct str parameters = request_header(request, "Content-Type");
    struct str type = str_trim(str_cut(&parameters, ';'));
    if (rule == BODY_NONE || (rule == BODY_OPTIONAL && !has_body(request)))
        return true;
    if (str_eq_nocase(type, STR("application/json")))
        return check_coding(request);
    return problem_set(&request->problem, &request->arena, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                       "send the header Content-Type: application/json");
}

static bool check_parameters(struct request *request)
{
    struct str rest = request->query, sent, value;
    while (query_next(&rest, &sent, &value)) {
        struct str name = query_decode(sent, &request->arena);
        if (!name.len || !route_takes(request->route, name))
            return problem_parameter(&request->problem, &request->arena, name,
                                     "there is no such query parameter here");
    }
    return true;
}

bool route_check(struct request *request)
{
    return check_accept(request) && check_content_type(request) && check_parameters(request);
}
