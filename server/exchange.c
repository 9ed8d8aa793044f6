#include "server/exchange.h"

#include "base/mem.h"
#include "server/framing.h"
#include "server/http.h"
#include "server/reply.h"

#include <stdatomic.h>
#include <string.h>

/* --- before the body ---------------------------------------------------------------- */

/* Whoever may not ask at all is told so, and not how much he may send. */
static void refuse_length(struct request *request)
{
    unsigned status = problem_kind(request->problem.code)->status;
    if (status == 401 || status == 403 || status == 421)
        return;
    problem_set(&request->problem, &request->arena, PROBLEM_BODY_TOO_LARGE,
                "a body may have %zu bytes here", request->body_limit);
}

static bool length_fits(const struct request *request)
{
    struct str length = request_header(request, "Content-Length");
    int64_t bytes;
    return !length.data ||
           (str_int(length, &bytes) && bytes >= 0 && bytes <= (int64_t)request->body_limit);
}

static void answer_options(struct request *request, const struct route_table *routes)
{
    bool all = str_eq(request->path, STR("*")); /* RFC 9110, section 9.3.7 */
    struct str allow = all ? STR(ALL_METHODS) : route_allow(routes, request);
    if (!allow.data) {
        problem_set(&request->problem, &request->arena, PROBLEM_NOT_FOUND, "there is no such path");
        return;
    }
    request_add_header(request, "Allow", allow);
}

/* Everything that can be said without the body. The answer itself waits for the body's end, so that
 * the connection can go on. */
static void check_request(struct request *request, const struct head *head)
{
    const struct http_config *config = &request->thread->server->config;
    if (!framing_check(request, head) || !access_host(&config->access, request))
        return;
    bool preflight = access_cors(&config->access, request);
    bool options = str_eq(request->method, STR("OPTIONS"));
    bool known = options || route_find(&config->routes, request);
    bool open = preflight || route_open(&config->routes, request->path);
    if (request->route && request->route->body == BODY_RESULT)
        request->body_limit = (size_t)config->max_result;
    if (!open && !authority_identify(config->authority, request))
        return;
    if (!access_origin(&config->access, request))
        return;
    if (!open && request->route && !authority_check_route(request))
        return;
    if (options)
        answer_options(request, &config->routes);
    else if (!known)
        route_refuse(&config->routes, request); /* said only to those who may ask */
    else
        route_check(request);
}

/* --- the body ------------------------------------------------------------------------ */

/* The rest of the body is not wanted: the answer is written by the hub, which then waits for the
 * client to have read it. Closing at once would reset the connection under the answer. */
static enum MHD_Result part(struct request *request)
{
    struct buf reply = {0};
    reply_render(&request->problem, request->headers, &reply);
    request->status = problem_kind(request->problem.code)->status;
    int fd = request_take_socket(request);
    if (fd >= 0)
        hub_farewell(request->thread->server->config.hub, fd, buf_str(&reply));
    buf_done(&reply);
    return MHD_NO;
}

static bool expects_continue(const struct request *request)
{
    return str_eq_nocase(request_header(request, "Expect"), STR("100-continue"));
}

static enum MHD_Result first_call(struct request *request, const struct head *head)
{
    check_request(request, head);
    bool too_large = !length_fits(request);
    bool closes = request->problem.code == PROBLEM_BAD_REQUEST ||
                  request->problem.code == PROBLEM_TARGET_TOO_LONG ||
                  request->problem.code == PROBLEM_HEAD_TOO_LARGE;
    if (too_large && !closes)
        refuse_length(request);
    if (too_large || closes || (request->problem.code != PROBLEM_NONE && expects_continue(request)))
        return part(request);
    return MHD_YES;
}

static void set_too_busy(struct request *request)
{
    problem_set(&request->problem, &request->arena, PROBLEM_TOO_BUSY,
                "other requests hold all the memory that there is for them (--max-in-flight)");
}

static enum MHD_Result keep_body(struct request *request, const char *data, size_t len)
{
    if (!request_hold(request, len)) {
        set_too_busy(request);
        return part(request);
    }
    buf_add(&request->body, data, len);
    return MHD_YES;
}

static enum MHD_Result take_body(struct request *request, const char *data, size_t *size)
{
    size_t len = *size;
    *size = 0;
    connection_moves_on(connection_of(request->connection));
    request->received += len;
    if (request->received > request->body_limit) {
        refuse_length(request);
        return part(request);
    }
    bool wanted = request->problem.code == PROBLEM_NONE && request->route &&
                  request->route->body != BODY_NONE;
    return wanted ? keep_body(request, data, len) : MHD_YES; /* thrown away, but not for ever */
}

static bool squeeze_body(struct request *request, struct json_error *error)
{
    struct buf squeezed = {0};
    if (!json_squeeze(buf_str(&request->body), JSON_MAX_DEPTH, &squeezed, error)) {
        buf_done(&squeezed);
        return false;
    }
    buf_done(&request->body);
    request->body = squeezed;
    return true;
}

static void parse_body(struct request *request)
{
    struct json_error error;
    bool good;
    if (request->route->body == BODY_NONE ||
        (request->route->body == BODY_OPTIONAL && !request->body.len))
        return;
    if (request->route->body == BODY_RESULT)
        good = squeeze_body(request, &error);
    else
        good = request->has_json = json_parse(buf_str(&request->body), JSON_MAX_DEPTH,
                                              &request->arena, &request->json, &error);
    if (good && !request_hold(request, request->json.count * sizeof(struct json_node)))
        set_too_busy(request);
    if (!good)
        problem_set(&request->problem, &request->arena, PROBLEM_MALFORMED_JSON, "byte %zu: %s",
                    error.offset, error.what);
}

/* --- the answer ----------------------------------------------------------------------- */

static enum MHD_Result after_handler(struct request *request)
{
    if (request->taken)
        return MHD_NO;
    if (request->replied)
        connection_enter(connection_of(request->connection), PHASE_ANSWER);
    return request->replied || request->suspended ? MHD_YES : MHD_NO;
}

static enum MHD_Result answer(struct request *request)
{
    connection_enter(connection_of(request->connection), PHASE_WORK);
    if (request->problem.code == PROBLEM_NONE && request->route)
        parse_body(request);
    bool page = request->route && request->route->access == ACCESS_PAGE &&
                request->problem.code == PROBLEM_UNAUTHORIZED;
    if (request->problem.code != PROBLEM_NONE && !page)
        reply_problem(request, &request->problem, STR_NONE);
    else if (!request->route)
        reply_empty(request, 204); /* OPTIONS */
    else
        request->route->handle(request);
    return after_handler(request);
}

void *exchange_begin(void *arg, const char *target, struct MHD_Connection *connection)
{
    struct request *request = mem_alloc(sizeof(*request));
    request->thread = arg;
    request->connection = connection;
    request->target_len = strcspn(target, "\r");
    request->spaced = strchr(target, ' ');
    request->hidden = target_hide(target);
    request->target = target;
    connection_of(connection)->request = request;
    framing_keep_cookies_out(connection);
    return request;
}

static void read_line(struct request *request, const char *url, const char *method,
                      const char *version)
{
    const struct http_config *config = &request->thread->server->config;
    request->old = strcmp(version, "HTTP/1.0") == 0;
    request->app = config->app;
    request->method = arena_str(&request->arena, str_of(method));
    request->path = arena_str(&request->arena, str_of(url));
    request->query = target_reveal(&request->hidden);
    request->host = target_authority(&request->path);
    if (!request->host.data)
        request->host = request_header(request, "Host");
    request->body_limit = (size_t)config->max_body;
}

enum MHD_Result exchange_request(void *arg, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **state)
{
    struct request *request = *state;
    struct connection *from = connection_of(connection);
    (void)arg;
    if (from->phase == PHASE_END) /* what it had sent before is read all the same */
        return MHD_NO;
    if (!request->method.data) {
        read_line(request, url, method, version);
        connection_enter(from, PHASE_BODY);
        return first_call(request, &(struct head){method, version});
    }
    if (*size)
        return take_body(request, data, size);
    if (!request->suspended)
        return answer(request);
    request->suspended = false;
    request->resume(request);
    return after_handler(request);
}

/* A stream is handed over with its head, which says 200. Who left before the answer got none. */
static void count_answer(const struct request *request)
{
    unsigned status = request->taken && !request->status ? 200 : request->status;
    if (status >= 100 && status <= 599)
        atomic_fetch_add_explicit(&request->thread->answers[status / 100], 1, memory_order_relaxed);
}

/* libmicrohttpd closes without a word where the head of the answer has no room beside that of the
 * request: what --max-header does not count, such as the lines of chunks and trailers, or a long
 * Link. So it is the hub that answers. Where the client has gone, nobody is there to hear it. */
static void answer_at_last(struct request *request)
{
    struct buf reply = {0};
    reply_render_queued(request, &reply);
    int fd = request_take_socket(request);
    if (fd >= 0)
        hub_farewell(request->thread->server->config.hub, fd, buf_str(&reply));
    buf_done(&reply);
}

void exchange_drop(struct request *request)
{
    connection_of(request->connection)->request = NULL;
    count_answer(request);
    request_unhold(request);
    if (request->release)
        request->release(request->what);
    if (request->tokens)
        tokens_unref(request->tokens);
    buf_done(&request->body);
    arena_done(&request->bulk);
    arena_done(&request->arena);
    mem_free(request);
}

void exchange_completed(void *arg, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode why)
{
    struct request *request = *state;
    struct connection *from = connection_of(connection);
    (void)arg;
    if (!request)
        return;
    if (why == MHD_REQUEST_TERMINATED_WITH_ERROR && from->phase == PHASE_ANSWER)
        answer_at_last(request);
    connection_enter(from, PHASE_IDLE);
    exchange_drop(request);
    *state = NULL;
}
