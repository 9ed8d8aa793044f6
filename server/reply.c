#include "server/reply.h"

#include "base/mem.h"

#include <string.h>

/* An answer that is not whole, for want of memory, is none: the connection is closed. */
static void queue(struct request *request, unsigned status, struct MHD_Response *response,
                  const char *type)
{
    bool fine = response != NULL;
    if (fine && type)
        fine = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (fine) /* strangers' bytes */
        fine = MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (const struct header *header = request->headers; fine && header; header = header->next)
        fine = MHD_add_response_header(response, header->name.data, header->value.data);
    if (fine)
        fine = MHD_queue_response(request->connection, status, response);
    request->reply_type = type;
    if (response)
        MHD_destroy_response(response);
    request->replied = fine;
    request->status = fine ? status : 0;
}

/* What can be asked for again is not given while answers that others do not take fill the memory.
 */
static bool too_busy(struct request *request, size_t len)
{
    bool again = str_eq(request->method, STR("GET")) && !request->taken_from;
    if (request_hold(request, len) || !again)
        return false;
    arena_done(&request->bulk);
    reply_refuse(request, PROBLEM_TOO_BUSY,
                 "answers to others hold all the memory that there is for them (--max-in-flight)");
    return true;
}

static ssize_t no_bytes(void *arg, uint64_t at, char *into, size_t room)
{
    (void)arg;
    (void)at;
    memset(into, 0, room);
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/* The answer to a HEAD says how long it would be, and keeps none of it. */
static void reply_length(struct request *request, unsigned status, const char *type, size_t len)
{
    arena_done(&request->bulk);
    queue(request, status, MHD_create_response_from_callback(len, 1, no_bytes, NULL, NULL), type);
}

static bool is_head(const struct request *request)
{
    return str_eq(request->method, STR("HEAD"));
}

void reply_body(struct request *request, unsigned status, const char *type, struct buf *body)
{
    arena_done(&request->bulk); /* the body has copies */
    if (is_head(request)) {
        reply_length(request, status, type, body->len);
        buf_done(body);
        return;
    }
    if (body->len > HELD_FREE && too_busy(request, body->len)) {
        buf_done(body);
        return;
    }
    size_t len;
    char *data = buf_take(body, &len);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
    if (!response)
        mem_free(data);
    request->reply = (struct str){data, len};
    queue(request, status, response, type);
}

void reply_json(struct request *request, unsigned status, struct buf *body)
{
    reply_body(request, status, "application/json", body);
}

void reply_empty(struct request *request, unsigned status)
{
    request->reply = STR_NONE;
    queue(request, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), NULL);
}

void reply_static(struct request *request, unsigned status, const char *type, const void *data,
                  size_t len)
{
    request->reply = (struct str){data, len};
    queue(request, status,
          MHD_create_response_from_buffer(len, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT),
          type);
}

void reply_arena(struct request *request, unsigned status, const char *type, struct str body)
{
    if (is_head(request))
        reply_length(request, status, type, body.len);
    else if (body.len <= HELD_FREE || !too_busy(request, body.len))
        reply_static(request, status, type, body.data, body.len);
}

/* A problem may repeat bytes of a path, a query or a header, which need not be UTF-8. */
static void add_shown(struct buf *out, struct str bytes)
{
    struct buf shown = {0};
    buf_add_lossy(&shown, bytes);
    buf_add_json(out, buf_str(&shown));
    buf_done(&shown);
}

static void add_place(const struct problem *problem, struct buf *out)
{
    bool parameter = problem->parameter.data != NULL;
    if (!parameter && !problem->pointer.data)
        return;
    buf_addf(out, ",\"errors\":[{\"%s\":", parameter ? "parameter" : "pointer");
    if (parameter)
        add_shown(out, problem->parameter);
    else
        buf_add_json(out, problem->pointer); /* of a body, and so UTF-8 */
    buf_add_text(out, ",\"detail\":");
    add_shown(out, problem->detail);
    buf_add_text(out, "}]");
}

void problem_render(const struct problem *problem, struct str extra, struct buf *out)
{
    const struct problem_kind *kind = problem_kind(problem->code);
    buf_addf(out,
             "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%u,\"detail\":", kind->slug,
             kind->title, kind->status);
    add_shown(out, problem->detail);
    add_place(problem, out);
    buf_add_str(out, extra);
    buf_add_text(out, "}\n");
}

/* type: NULL: there is no body, and no length of it. */
static void render_head(unsigned status, const char *type, size_t len, const struct header *headers,
                        struct buf *out)
{
    buf_addf(out, "HTTP/1.1 %u %s\r\n", status, MHD_get_reason_phrase_for(status));
    if (type)
        buf_addf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, len);
    buf_add_text(out, "X-Content-Type-Options: nosniff\r\nConnection: close\r\n");
    for (; headers; headers = headers->next) {
        if (!str_eq_nocase(headers->name, STR("Connection")))
            buf_addf(out, "%s: %s\r\n", headers->name.data, headers->value.data);
    }
}

void reply_render(const struct problem *problem, const struct header *headers, struct buf *out)
{
    const struct problem_kind *kind = problem_kind(problem->code);
    struct buf body = {0};
    problem_render(problem, STR_NONE, &body);
    render_head(kind->status, "application/problem+json", body.len, headers, out);
    if (kind->status == 503)
        buf_add_text(out, "Retry-After: 1\r\n");
    buf_add_text(out, "\r\n");
    buf_add_str(out, buf_str(&body));
    buf_done(&body);
}

void reply_render_queued(const struct request *request, struct buf *out)
{
    static const struct problem too_large = {
        .code = PROBLEM_HEAD_TOO_LARGE,
        .detail = STR_INIT("the head leaves no memory for that of the answer (--max-header); what "
                           "was asked for has been done"),
    };
    if (request->reply.len > HELD_FREE) {
        reply_render(&too_large, NULL, out);
        return;
    }
    render_head(request->status, request->reply_type, request->reply.len, request->headers, out);
    buf_add_text(out, "\r\n");
    if (!str_eq(request->method, STR("HEAD")))
        buf_add_str(out, request->reply);
}

void reply_problem(struct request *request, const struct problem *problem, struct str extra)
{
    struct buf body = {0};
    unsigned status = problem_kind(problem->code)->status;
    problem_render(problem, extra, &body);
    if (status == 503)
        request_add_header(request, "Retry-After", STR("1"));
    reply_body(request, status, "application/problem+json", &body);
}

void reply_refuse(struct request *request, enum problem_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct problem problem = {.code = code, .detail = arena_vprintf(&request->arena, format, args)};
    va_end(args);
    reply_problem(request, &problem, STR_NONE);
}
