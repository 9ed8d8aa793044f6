#include "handlers/stream.h"

#include <stdatomic.h>

static const struct {
    const char *type;
    const char *prelude; /* first lines of the body */
} kinds[] = {
    [STREAM_EVENTS] = {"text/event-stream", "retry: 3000\n: errand\n\n"},
    [STREAM_LOG] = {"text/plain; charset=utf-8", ""},
};

static struct str stream_head(struct request *request, enum stream_kind kind)
{
    struct buf head = {0};
    buf_addf(&head,
             "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
             "X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\n"
             "Connection: close\r\n",
             kinds[kind].type);
    for (const struct header *header = request->headers; header; header = header->next)
        buf_addf(&head, "%s: %s\r\n", header->name.data, header->value.data);
    buf_addf(&head, "\r\n%s", kinds[kind].prelude);
    struct str kept = arena_str(&request->arena, buf_str(&head));
    buf_done(&head);
    return kept;
}

static void reply_head_only(struct request *request, enum stream_kind kind)
{
    struct buf nothing = {0};
    request_add_header(request, "Cache-Control", STR("no-store"));
    request_add_header(request, "X-Accel-Buffering", STR("no"));
    reply_body(request, 200, kinds[kind].type, &nothing);
}

void stream_start(struct request *request, struct subscription *subscription, enum stream_kind kind)
{
    if (str_eq(request->method, STR("HEAD"))) {
        reply_head_only(request, kind);
        return;
    }
    if (atomic_load(&app_of(request)->engine->draining)) {
        reply_refuse(request, PROBLEM_DRAINING, "the server is shutting down");
        return;
    }
    struct hub *hub = app_of(request)->hub;
    if (!admission_stream_enter(hub->admission)) {
        reply_refuse(request, PROBLEM_TOO_MANY_STREAMS,
                     "%lld event streams are open (--max-streams)",
                     (long long)hub->admission->limits.streams);
        return;
    }
    subscription->head = stream_head(request, kind);
    subscription->holder = token_number(request->token);
    subscription->fd = request_take_socket(request);
    if (subscription->fd < 0) {
        admission_stream_leave(hub->admission);
        reply_refuse(request, PROBLEM_INTERNAL, "no descriptor is left for a stream");
        return;
    }
    subscription->peer = request_take_place(request);
    hub_subscribe(hub, subscription);
}
