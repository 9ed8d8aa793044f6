#include "tests/api/lib/leases.h"

#include <string.h>

#include "tests/api/lib/folder.h"

void functions_remote(struct scenario *s, const char *names, const char *members)
{
    char *rest = text(s, "%s", names);
    for (char *name; (name = strsep(&rest, " "));)
        function_manifest(s, text(s, "%s.json", name),
                          text(s, "{'mode':'remote'%s%s}", *members ? "," : "", members));
}

struct reply *lease(struct server *server, const char *body, ...)
{
    va_list arguments;
    va_start(arguments, body);
    const char *whole = vjson(server->scenario, body, arguments);
    va_end(arguments);
    struct reply *reply = call(server, .path = "/v1/leases", .body = whole);
    expect_status(reply, 200);
    return reply;
}

const char *leases_one(struct server *server, const char *function, const char *ttl,
                       struct place place)
{
    struct reply *reply = lease(server, "{'functions':['%s'],'wait':15,'ttl':%s}", function, ttl);
    if (json_count(reply, "leases") != 1)
        fail_at(place, "there is nothing to lease for %s", function);
    return json_text(reply, "leases.0.lease");
}

void leases_expect_none(struct server *server, const char *function, struct place place)
{
    struct reply *reply = lease(server, "{'functions':['%s']}", function);
    body_expect_json(&reply->body, "", "{'leases':[]}", place);
}

static struct reply *say(struct server *server, const char *method, const char *token,
                         const char *what, const char *body)
{
    struct scenario *s = server->scenario;
    return call(server, .method = method, .path = text(s, "/v1/leases/%s/%s", token, what),
                .body = body ? requote(text(s, "%s", body)) : NULL);
}

struct reply *heartbeat(struct server *server, const char *token, const char *body)
{
    return say(server, "POST", token, "heartbeat", body);
}

struct reply *lease_result(struct server *server, const char *token, const char *result)
{
    return say(server, "PUT", token, "result", result);
}

struct reply *lease_error(struct server *server, const char *token, const char *body)
{
    return say(server, "PUT", token, "error", body);
}

void leases_expect_over(struct server *server, const char *token, const char *id,
                        struct place place)
{
    const char *before = task(server, id)->body.text;
    const char *log = get(server, "/v1/tasks/%s/logs", id)->body.text;
    struct reply *replies[] = {
        heartbeat(server, token, "{'progress':77,'log':['late']}"),
        lease_result(server, token, "'late'"),
        lease_error(server, token, "{'code':'function-error','message':'late','data':1}"),
        lease_error(server, token, "{'code':'cancelled'}"),
    };
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        reply_expect_problem(replies[i], 409, "task-finished", place);
    if (strcmp(before, task(server, id)->body.text) != 0)
        fail_at(place, "a late answer changed %s: %s", before, task(server, id)->body.text);
    if (strcmp(log, get(server, "/v1/tasks/%s/logs", id)->body.text) != 0)
        fail_at(place, "a late answer changed the log of %s", id);
}

static double writes(struct server *server)
{
    return json_number(get(server, "/v1/stats"), "writes");
}

/* Its command is a write like any other. */
struct http *poll_start(struct server *server, const char *body)
{
    struct scenario *s = server->scenario;
    double before = writes(server);
    size_t length;
    struct request request = {.path = "/v1/leases", .body = requote(text(s, "%s", body))};
    const char *bytes = request_bytes(server, &request, &length);
    struct http *http = server_connect(server);
    http_write(http, bytes, length);
    eventually(writes(server) > before);
    return http;
}

struct reply *poll_read(struct http *http)
{
    struct reply *reply = http_read(http, false);
    if (!reply)
        fail_at(HERE, "the poll was not answered");
    expect_status(reply, 200);
    return reply;
}
