/* A request's head: who may ask, which route it is, what Accept and the query say, where a stream
 * goes on. What is refused is refused with a problem that can be sent. */
#include "base/clock.h"
#include "handlers/app.h"
#include "handlers/params.h"
#include "handlers/prefer.h"
#include "server/access.h"
#include "tests/fuzz/lib/connection.h"
#include "tests/fuzz/lib/fuzz.h"

#include <arpa/inet.h>

/* --- problems ---------------------------------------------------------------------- */

/* Untouched while all was well; else of one of these statuses, and JSON when it is rendered. */
static void check_problem(bool fine, struct request *request, const unsigned *statuses)
{
    struct buf body = {0};
    must(fine == (request->problem.code == PROBLEM_NONE));
    if (fine)
        return;
    unsigned status = problem_kind(request->problem.code)->status;
    while (*statuses && *statuses != status)
        statuses++;
    must(*statuses == status);
    problem_render(&request->problem, STR_NONE, &body);
    must_parse(buf_str(&body), &request->arena);
    buf_done(&body);
    request->problem = (struct problem){0};
}

#define STATUSES(...) ((const unsigned[]){__VA_ARGS__, 0})

/* What goes out in a header must not end it. */
static void check_headers(const struct request *request)
{
    for (const struct header *header = request->headers; header; header = header->next) {
        must(header->name.len && !strpbrk(header->name.data, "\r\n"));
        must(!strpbrk(header->value.data, "\r\n"));
    }
}

/* --- who may ask -------------------------------------------------------------------- */

/* Whether it is a name for this machine and no other, with or without a port. */
static bool names_loopback(struct str host)
{
    char text[64] = "";
    struct in6_addr in6;
    struct in_addr in;
    size_t end = host.len;
    while (end && host.data[end - 1] >= '0' && host.data[end - 1] <= '9')
        end--;
    if (end && host.data[end - 1] == ':')
        host.len = end - 1;
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = (struct str){host.data + 1, host.len - 2};
    if (str_eq_nocase(host, STR("localhost")))
        return true;
    if (host.len >= sizeof(text))
        return false;
    memcpy(text, host.data, host.len);
    return (inet_pton(AF_INET, text, &in) == 1 && ntohl(in.s_addr) >> 24 == 127) ||
           (inet_pton(AF_INET6, text, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6));
}

static void check_access(struct request *request)
{
    struct str origins[] = {STR("http://a.example"), STR("*")};
    const struct access_rules loopback = {.loopback = true, .host = STR("127.0.0.1")};
    const struct access_rules world = {
        .any_name = true, .host = STR("0.0.0.0"), .cors_origins = {.items = origins, .count = 1}};
    const struct access_rules all = {.cors_origins = {.items = origins, .count = 2}};
    struct str host = request_header(request, "Host"), origin = request_header(request, "Origin");
    bool fine = access_host(&loopback, request);
    must(!fine || names_loopback(host));
    check_problem(fine, request, STATUSES(421));
    check_problem(access_host(&world, request), request, STATUSES(421));
    fine = access_origin(&loopback, request);
    bool writes = str_eq(request->method, STR("POST")) || str_eq(request->method, STR("PUT")) ||
                  str_eq(request->method, STR("DELETE"));
    must(!fine || !writes || !origin.data || (host.len && memmem(origin.data, origin.len, ":", 1)));
    check_problem(fine, request, STATUSES(403));
    must(!access_cors(&loopback, request) && !request->headers);
    access_cors(&world, request);
    must(request->headers && (!request->headers->next || str_eq(origin, origins[0])));
    access_cors(&all, request);
    check_headers(request);
}

/* --- which route it is --------------------------------------------------------------- */

/* Segment by segment, by the C library. */
static bool path_fits(const char *pattern, const char *path)
{
    while (*pattern == '/' && *path == '/') {
        size_t want = strcspn(++pattern, "/"), have = strcspn(++path, "/");
        if (*pattern == '{' ? !have : want != have || memcmp(pattern, path, want) != 0)
            return false;
        pattern += want;
        path += have;
    }
    return !*pattern && !*path;
}

static const struct route *route_as(struct request *request, struct str method)
{
    struct str given = request->method;
    request->method = method;
    bool found = route_find(&routes, request);
    request->method = given;
    return found ? request->route : NULL;
}

/* Allow says what would be found, and all of it. */
static void check_allow(struct request *request)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};
    struct str allow = route_allow(&routes, request);
    bool any = false;
    for (size_t i = 0; i < array_size(methods); i++) {
        struct str rest = allow;
        bool said = false;
        while (rest.data)
            said = str_eq(str_trim(str_cut(&rest, ',')), str_of(methods[i])) || said;
        any = any || said;
        must(said == (route_as(request, str_of(methods[i])) != NULL));
    }
    must(any == (allow.data != NULL));
}

static const struct route *check_route(struct request *request)
{
    check_allow(request);
    const struct route *route = route_as(request, request->method);
    bool fits = false;
    for (size_t i = 0; i < routes.count; i++)
        fits = fits || path_fits(routes.routes[i].path, request->path.data);
    must(fits == (route_allow(&routes, request).data != NULL));
    if (route) {
        must(path_fits(route->path, request->path.data));
        must(!strchr(route->path, '{') ||
             (request->id.len && !memchr(request->id.data, '/', request->id.len)));
    } else {
        check_problem(route_refuse(&routes, request), request, STATUSES(404, 405));
    }
    check_headers(request);
    return route;
}

/* --- what it says ------------------------------------------------------------------------ */

static void check_parameter(struct request *request, const char *name)
{
    int64_t wait = -1, number = -1, ms = -1;
    bool on = false;
    struct str value;
    check_problem(param_once(request, name, &value), request, STATUSES(422));
    check_problem(param_switch(request, name, &on), request, STATUSES(422));
    check_problem(param_wait(request, &wait), request, STATUSES(422));
    check_problem(param_int(request, name, 1, 1000, &number), request, STATUSES(422));
    check_problem(param_time(request, name, &ms), request, STATUSES(422));
    must(wait >= -1 && wait <= WAIT_MAX_MS);
    must(number == -1 || (number >= 1 && number <= 1000));
    must(ms >= -62135596800000 && ms <= 253402300799999);
}

static void check_position(struct request *request)
{
    int64_t last_id = 0;
    bool resume = false;
    struct str header = request_header(request, "Last-Event-ID");
    struct str query = request_query(request, "last_event_id", 0);
    bool fine = param_position(request, &last_id, &resume);
    must(!fine || resume == (header.data || query.data));
    must(!fine || last_id >= (header.data ? -1 : 0));
    must(!fine || !header.data || last_id < 0 || strtoll(header.data, NULL, 10) == last_id);
    check_problem(fine, request, STATUSES(422));
}

static void check_preferences(struct request *request)
{
    struct preferences preferences;
    check_problem(prefer_read(request, &preferences), request, STATUSES(422));
    must(preferences.wait_ms >= 0 && preferences.wait_ms <= WAIT_MAX_MS);
    must(preferences.has_wait || !preferences.wait_ms);
    struct str tags = request_header_list(request, "If-None-Match");
    must(!etag_known(request, STR("\"7\"")) || strchr(tags.data, '7') || strchr(tags.data, '*'));
}

static void check_request(struct request *request)
{
    check_access(request);
    const struct route *route = check_route(request);
    check_position(request);
    check_preferences(request);
    if (!route)
        return;
    request->route = route;
    bool fine = route_check(request);
    must(!fine || strstr(route->type, arena_str(&request->arena, request->type).data));
    check_problem(fine, request, STATUSES(406, 415, 422));
    struct str names = str_of(route->parameters);
    while (names.data)
        check_parameter(request, arena_str(&request->arena, str_cut(&names, ' ')).data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct MHD_Connection connection = {0};
    struct request request = {.connection = &connection};
    struct str text = {(const char *)data, size};
    if (connection_read(text, &request.arena, &connection, &request.method, &request.path,
                        &request.query)) {
        request.host = request_header(&request, "Host");
        check_request(&request);
    }
    arena_done(&request.arena);
    return 0;
}
