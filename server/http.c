#include "server/http.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "server/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* --- before the body ---------------------------------------------------------------- */

struct framing {
    int lengths, encodings, hosts;
};

static enum MHD_Result count_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct framing *framing = arg;
    struct str header = str_of(name);
    (void)kind;
    (void)value;
    framing->lengths += str_eq_nocase(header, STR("Content-Length"));
    framing->encodings += str_eq_nocase(header, STR("Transfer-Encoding"));
    framing->hosts += str_eq_nocase(header, STR("Host"));
    return MHD_YES;
}

/* Two lengths, or a length and an encoding, would let a second request hide in the body (RFC 9112,
 * section 6.1); two hosts would let the wrong one be checked (section 3.2). libmicrohttpd lets them
 * pass. */
static bool check_framing(struct request *request)
{
    struct framing framing = {0};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_header, &framing);
    if (framing.lengths + framing.encodings <= 1 && framing.hosts <= 1)
        return true;
    request_add_header(request, "Connection", STR("close"));
    return problem_set(&request->problem, &request->arena, PROBLEM_BAD_REQUEST,
                       "Content-Length, Transfer-Encoding and Host may each be given once, and "
                       "the first two not together");
}

static bool check_length(struct request *request)
{
    struct str length = request_header(request, "Content-Length");
    int64_t bytes;
    if (!length.data ||
        (str_int(length, &bytes) && bytes >= 0 && bytes <= (int64_t)request->body_limit))
        return true;
    return problem_set(&request->problem, &request->arena, PROBLEM_BODY_TOO_LARGE,
                       "a body may have %zu bytes here", request->body_limit);
}

static void answer_options(struct request *request, const struct route_table *routes)
{
    struct str allow = route_allow(routes, request);
    if (!allow.data) {
        problem_set(&request->problem, &request->arena, PROBLEM_NOT_FOUND, "there is no such path");
        return;
    }
    request_add_header(request, "Allow", allow);
}

/* Everything that can be said without the body. The answer itself waits for the body's end, so that
 * the connection can go on. */
static void check_request(struct request *request)
{
    const struct http_config *config = &request->thread->server->config;
    if (!check_framing(request) || !access_host(&config->access, request))
        return;
    bool preflight = access_cors(&config->access, request);
    bool options = str_eq(request->method, STR("OPTIONS"));
    bool known = options || route_find(&config->routes, request);
    struct problem unknown = request->problem; /* told only to those who may ask */
    request->problem = (struct problem){0};
    bool open = preflight || (request->route && request->route->access == ACCESS_OPEN);
    if (!open && !access_token(&config->access, request))
        return;
    if (!access_origin(&config->access, request))
        return;
    request->problem = unknown;
    if (options)
        answer_options(request, &config->routes);
    else if (known && route_check(request))
        check_length(request);
}

/* --- the body ------------------------------------------------------------------------ */

/* The rest of the body is not wanted: the answer is written by the hub, which then waits for the
 * client to have read it. Closing at once would reset the connection under the answer. */
static enum MHD_Result part(struct request *request)
{
    struct buf body = {0}, reply = {0};
    if (request->problem.code == PROBLEM_NONE)
        problem_set(&request->problem, &request->arena, PROBLEM_BODY_TOO_LARGE,
                    "a body may have %zu bytes here", request->body_limit);
    const struct problem_kind *kind = problem_kind(request->problem.code);
    problem_render(&request->problem, STR_NONE, &body);
    buf_addf(&reply,
             "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
             "Content-Length: %zu\r\nConnection: close\r\n",
             kind->status, MHD_get_reason_phrase_for(kind->status), body.len);
    for (const struct header *header = request->headers; header; header = header->next) {
        if (!str_eq_nocase(header->name, STR("Connection")))
            buf_addf(&reply, "%s: %s\r\n", header->name.data, header->value.data);
    }
    buf_add_text(&reply, "\r\n");
    buf_add_str(&reply, buf_str(&body));
    int fd = request_take_socket(request);
    if (fd >= 0)
        hub_farewell(request->thread->server->config.hub, fd, buf_str(&reply));
    buf_done(&body);
    buf_done(&reply);
    return MHD_NO;
}

static bool expects_continue(const struct request *request)
{
    return str_eq_nocase(request_header(request, "Expect"), STR("100-continue"));
}

static enum MHD_Result first_call(struct request *request)
{
    check_request(request);
    bool too_large = request->problem.code == PROBLEM_BODY_TOO_LARGE;
    bool closes = request->problem.code == PROBLEM_BAD_REQUEST;
    if (too_large || closes || (request->problem.code != PROBLEM_NONE && expects_continue(request)))
        return part(request);
    return MHD_YES;
}

static enum MHD_Result take_body(struct request *request, const char *data, size_t *size)
{
    size_t len = *size;
    *size = 0;
    if (request->body.len + len > request->body_limit)
        return part(request);
    bool wanted = request->problem.code == PROBLEM_NONE && request->route &&
                  request->route->body != BODY_NONE;
    if (wanted)
        buf_add(&request->body, data, len);
    else
        request->body_limit -= len; /* thrown away, but not for ever */
    return MHD_YES;
}

static void parse_body(struct request *request)
{
    struct json_error error;
    if (request->route->body == BODY_NONE ||
        (request->route->body == BODY_OPTIONAL && !request->body.len))
        return;
    request->has_json = json_parse(buf_str(&request->body), JSON_MAX_DEPTH, &request->arena,
                                   &request->json, &error);
    if (!request->has_json)
        problem_set(&request->problem, &request->arena, PROBLEM_MALFORMED_JSON, "byte %zu: %s",
                    error.offset, error.what);
}

/* --- the answer ----------------------------------------------------------------------- */

static enum MHD_Result after_handler(struct request *request)
{
    if (request->taken)
        return MHD_NO;
    return request->replied || request->suspended ? MHD_YES : MHD_NO;
}

static enum MHD_Result answer(struct request *request)
{
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

static struct request *request_new(struct http_thread *thread, struct MHD_Connection *connection,
                                   const char *url, const char *method)
{
    struct request *request = mem_alloc(sizeof(*request));
    request->thread = thread;
    request->connection = connection;
    request->app = thread->server->config.app;
    request->method = arena_str(&request->arena, str_of(method));
    request->path = arena_str(&request->arena, str_of(url));
    request->body_limit = (size_t)thread->server->config.max_body;
    return request;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct request *request = *state;
    (void)version;
    if (!request) {
        request = *state = request_new(arg, connection, url, method);
        return first_call(request);
    }
    if (*size)
        return take_body(request, data, size);
    if (!request->suspended)
        return answer(request);
    request->suspended = false;
    request->resume(request);
    return after_handler(request);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    struct request *request = *state;
    (void)arg;
    (void)connection;
    (void)why;
    if (!request)
        return;
    struct arena arena = request->arena;
    buf_done(&request->body);
    mem_free(request);
    arena_done(&arena);
    *state = NULL;
}

/* --- the loop --------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

/* At its limit libmicrohttpd stops listening, and starts again at the beginning of a run: the one
 * after that in which a connection was closed. */
static void run_and_listen(struct http_thread *thread)
{
    MHD_run(thread->daemon);
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(thread->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    bool full = info->num_connections >= thread->limit;
    if (thread->full && !full)
        MHD_run(thread->daemon);
    thread->full = full;
}

static void run_daemon(struct http_thread *thread)
{
    MHD_UNSIGNED_LONG_LONG ms;
    run_and_listen(thread);
    if (MHD_get_timeout(thread->daemon, &ms) != MHD_YES) {
        uv_timer_stop(&thread->timer);
    } else if (ms == 0) {
        uv_async_send(&thread->wake); /* it has more to do, but mail goes first */
    } else {
        uv_update_time(&thread->loop);
        uv_timer_start(&thread->timer, on_timer, ms, 0);
    }
}

static void on_timer(uv_timer_t *timer)
{
    run_daemon(timer->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run_daemon(poll->data);
}

static void close_handles(struct http_thread *thread)
{
    uv_close((uv_handle_t *)&thread->ready, NULL);
    uv_close((uv_handle_t *)&thread->timer, NULL);
    uv_close((uv_handle_t *)&thread->wake, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct http_thread *thread = wake->data;
    for (struct mail *mail = mailbox_take(&thread->mailbox), *next; mail; mail = next) {
        next = mail->next;
        thread->suspended--;
        MHD_resume_connection(container_of(mail, struct request, mail)->connection);
    }
    run_daemon(thread);
    if (atomic_load(&thread->server->stopping) && thread->suspended == 0 &&
        !uv_is_closing((uv_handle_t *)wake))
        close_handles(thread);
}

static void mailbox_wake(void *arg)
{
    uv_async_send(arg);
}

static void http_main(void *arg)
{
    struct http_thread *thread = arg;
    uv_run(&thread->loop, UV_RUN_DEFAULT);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    int lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Percent-decoding in place (RFC 3986, section 2.1). %00 stays as it is: decoded, it would end the
 * C strings that libmicrohttpd gives us, and "/v1/tasks/a%00b" would be "/v1/tasks/a". */
static size_t unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    char *out = text;
    (void)arg;
    (void)connection;
    for (const char *in = text; *in; in++) {
        int high = in[0] == '%' ? hex(in[1]) : -1;
        int low = high >= 0 ? hex(in[2]) : -1;
        *out = *in;
        if (low >= 0 && (high || low)) {
            *out = (char)(high << 4 | low);
            in += 2;
        }
        out++;
    }
    *out = '\0';
    return (size_t)(out - text);
}

static void no_log(void *arg, const char *format, va_list args)
{
    (void)arg; /* clients that vanish are no news */
    (void)format;
    (void)args;
}

static bool thread_open(struct http_thread *thread, unsigned connections)
{
    struct http_server *server = thread->server;
    thread->limit = connections;
    int fd = fcntl(server->socket, F_DUPFD_CLOEXEC, 0);
    thread->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        on_request, thread, MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_UNESCAPE_CALLBACK, unescape,
        NULL, MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)HTTP_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HTTP_CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (!thread->daemon)
        return false;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(thread->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_loop_init(&thread->loop);
    uv_poll_init(&thread->loop, &thread->ready, info->epoll_fd);
    uv_async_init(&thread->loop, &thread->wake, on_wake);
    uv_timer_init(&thread->loop, &thread->timer);
    thread->ready.data = thread->wake.data = thread->timer.data = thread;
    mailbox_init(&thread->mailbox, mailbox_wake, &thread->wake);
    uv_poll_start(&thread->ready, UV_READABLE, on_ready);
    thread_start(&thread->thread, "http", http_main, thread, &server->stopping);
    return true;
}

bool http_start(struct http_server *server, int socket, const struct http_config *config,
                char **message)
{
    *server = (struct http_server){.config = *config, .socket = socket};
    server->threads = mem_alloc(config->threads * sizeof(*server->threads));
    for (unsigned i = 0; i < config->threads; i++) {
        server->threads[i].server = server;
        if (!thread_open(&server->threads[i], config->connections / config->threads +
                                                  (config->connections % config->threads > i))) {
            *message = mem_string("libmicrohttpd does not start");
            return false;
        }
    }
    return true;
}

void http_stop(struct http_server *server)
{
    atomic_store(&server->stopping, true);
    for (unsigned i = 0; i < server->config.threads; i++) {
        struct http_thread *thread = &server->threads[i];
        uv_async_send(&thread->wake);
        pthread_join(thread->thread, NULL);
        MHD_stop_daemon(thread->daemon);
        uv_loop_close(&thread->loop);
        mailbox_done(&thread->mailbox);
    }
    mem_free(server->threads);
    close(server->socket);
}
