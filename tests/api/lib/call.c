/* Requests to a server: made, sent, and what a failure to answer means. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/api/lib/process.h"
#include "tests/api/lib/record.h"
#include "tests/api/lib/server.h"

struct http *server_connect(struct server *server)
{
    return http_open(server->scenario, server->port);
}

static const char *method_of(const struct request *request)
{
    return request->method ? request->method : request->body ? "POST" : "GET";
}

char *request_bytes(struct server *server, const struct request *request, size_t *length)
{
    struct scenario *s = server->scenario;
    size_t body = request->length         ? request->length
                  : request->body != NULL ? strlen(request->body)
                                          : 0;
    const char *type = request->type ? request->type : "application/json";
    const char *host = request->host ? request->host : text(s, "127.0.0.1:%d", server->port);
    char *head = text(s, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", method_of(request), request->path,
                      host, request->headers ? request->headers : "");
    if (request->body && *type)
        head = text(s, "%sContent-Type: %s\r\n", head, type);
    if (request->body)
        head = text(s, "%sContent-Length: %zu\r\n", head, body);
    head = text(s, "%s\r\n", head);
    size_t above = strlen(head);
    char *all = keep(s, above + body + 1);
    memcpy(all, head, above);
    if (body)
        memcpy(all + above, request->body, body);
    *length = above + body;
    return all;
}

static struct reply *exchange(struct server *server, const struct request *request)
{
    size_t length;
    const char *bytes = request_bytes(server, request, &length);
    http_write(server->http, bytes, length); /* an answer may come before all is written */
    struct reply *reply = http_read(server->http, !strcmp(method_of(request), "HEAD"));
    const char *connection = reply ? header(reply, "Connection") : "close";
    if (connection && !strcasecmp(connection, "close")) {
        http_close(server->http);
        server->http = NULL;
    }
    if (reply)
        record_exchange(request, method_of(request), reply);
    return reply;
}

/* A connection that was idle may be gone: then once more, on a new one. */
struct reply *server_call(struct server *server, const struct request *request, struct place place)
{
    bool fresh = !server->http;
    if (fresh)
        server->http = server_connect(server);
    struct reply *reply = exchange(server, request);
    if (!reply && !fresh) {
        server->http = server_connect(server);
        reply = exchange(server, request);
    }
    if (!reply)
        fail_at(place, "no answer to %s %s: the server %s", method_of(request), request->path,
                server->pid && process_alive(server->pid) ? "runs but did not give one"
                                                          : "is dead");
    return reply;
}

struct reply *get(struct server *server, const char *path, ...)
{
    va_list arguments;
    va_start(arguments, path);
    const char *whole = vtext(server->scenario, path, arguments);
    va_end(arguments);
    return call(server, .path = whole);
}

struct reply *post(struct server *server, const char *path, const char *body, ...)
{
    va_list arguments;
    va_start(arguments, body);
    const char *whole = vjson(server->scenario, body, arguments);
    va_end(arguments);
    return call(server, .path = path, .body = whole);
}
