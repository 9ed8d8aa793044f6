/* Who may do what: every route and every scope; and what a create asks for besides its route. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"
#include "tests/api/lib/tokens.h"

#define EACH "read submit submit:echo cancel work work:far admin"

static const struct {
    const char *method, *path, *scope, *body;
} routes[] = {
    {"POST", "/v1/tasks", "submit", "{'function':'echo'}"},
    {"GET", "/v1/tasks", "read", NULL},
    {"GET", "/v1/tasks/{id}", "read", NULL},
    {"GET", "/v1/tasks/{id}/result", "read", NULL},
    {"PUT", "/v1/tasks/{id}/result", "admin", "1"},
    {"DELETE", "/v1/tasks/{id}", "admin", NULL},
    {"POST", "/v1/tasks/cancel", "cancel", "{}"},
    {"POST", "/v1/tasks/{id}/cancel", "cancel", "{}"},
    {"GET", "/v1/tasks/{id}/logs", "read", NULL},
    {"GET", "/v1/tasks/{id}/events", "read", NULL},
    {"GET", "/v1/events", "read", NULL},
    {"POST", "/v1/tickets", "read", "{}"},
    {"POST", "/v1/leases", "work", "{'functions':['far']}"},
    {"POST", "/v1/leases/{lease}/heartbeat", "work", "{}"},
    {"PUT", "/v1/leases/{lease}/result", "work", "1"},
    {"PUT", "/v1/leases/{lease}/error", "work", "{'code':'function-error','message':'m'}"},
    {"GET", "/v1/functions", "read", NULL},
    {"GET", "/v1/stats", "read", NULL},
    {"GET", "/metrics", "read", NULL},
    {"GET", "/healthz", "open", NULL},
    {"GET", "/livez", "open", NULL},
    {"GET", "/readyz", "open", NULL},
    {"GET", "/openapi.json", "any", NULL},
    {"GET", "/problems/{slug}", "any", NULL},
    {"GET", "/", "any", NULL},
};
enum { ROUTES = sizeof routes / sizeof *routes };

/* GET as HEAD: a stream would not end. */
static struct reply *try_route(struct server *server, size_t i, const char *headers)
{
    struct scenario *s = server->scenario;
    const char *brace = strchr(routes[i].path, '{'), *path = routes[i].path;
    if (brace)
        path = text(s, "%.*snone%s", (int)(brace - path), path, strchr(path, '}') + 1);
    bool get = !strcmp(routes[i].method, "GET");
    return call(server, .method = get ? "HEAD" : routes[i].method, .path = path, .headers = headers,
                .body = routes[i].body ? requote(text(s, "%s", routes[i].body)) : NULL);
}

/* What the test says of a scope: "submit" has submit:echo too, "admin" all. */
static bool has(const char *scopes, const char *scope)
{
    return !strcmp(scope, "any") || !strcmp(scopes, "admin") ||
           !strncmp(scopes, scope, strlen(scope));
}

SCENARIO(every_route_wants_its_scope)
{
    functions_remote(s, "far", "");
    struct server *server = tokens_server(s, EACH, "");
    for (size_t i = 0; i < ROUTES; i++) {
        char *rest = text(s, "%s", EACH);
        bool open = !strcmp(routes[i].scope, "open");
        note(s, "%s %s without a token", routes[i].method, routes[i].path);
        assert_int_equal(try_route(server, i, NULL)->status == 401, !open);
        assert_int_equal(try_route(server, i, as(s, "other"))->status == 401, !open);
        for (const char *scopes; (scopes = strsep(&rest, " "));) {
            note(s, "%s %s with %s", routes[i].method, routes[i].path, scopes);
            struct reply *reply = try_route(server, i, as(s, scopes));
            assert_int_not_equal(reply->status, 401);
            assert_int_equal(reply->status == 403, !open && !has(scopes, routes[i].scope));
            const char *challenge = header(reply, "WWW-Authenticate");
            assert_int_equal(challenge != NULL, reply->status == 403);
            if (challenge)
                assert_non_null(strstr(challenge, text(s, "scope=\"%s\"", routes[i].scope)));
        }
    }
}

/* The description says the same, and has no route that the table above lacks. */
SCENARIO(the_description_says_it)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *document = get(server, "/openapi.json");
    cJSON *paths = body_at(&document->body, "paths"), *path, *operation;
    size_t count = 0;
    cJSON_ArrayForEach(path, paths)
    {
        cJSON_ArrayForEach(operation, path) count++;
    }
    assert_int_equal(count, ROUTES);
    for (size_t i = 0; i < ROUTES; i++) {
        note(s, "%s %s", routes[i].method, routes[i].path);
        path = cJSON_GetObjectItemCaseSensitive(paths, routes[i].path);
        operation = cJSON_GetObjectItem(path, routes[i].method);
        cJSON *security = cJSON_GetObjectItem(operation, "security");
        assert_non_null(security);
        cJSON *bearer = cJSON_GetObjectItem(cJSON_GetArrayItem(security, 0), "bearer");
        const char *scope = cJSON_GetStringValue(cJSON_GetArrayItem(bearer, 0));
        const char *says = scope ? scope : bearer ? "any" : "open";
        assert_string_equal(says, routes[i].scope);
    }
}

/* Whoever has no token does not hear which paths there are; who has one does. */
SCENARIO(strangers_learn_nothing)
{
    struct server *server = tokens_server(s, "cancel", "");
    const char *paths[] = {"/nowhere", "/v1/tasks/x/y", "/v1/tickets", "/v1/tasks?bogus=1"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        note(s, "%s", paths[i]);
        expect_problem(get(server, "%s", paths[i]), 401, "unauthorized");
        struct reply *reply = call(server, .method = "PATCH", .path = paths[i]);
        expect_problem(reply, 401, "unauthorized");
        assert_null(header(reply, "Allow"));
        expect_problem(call(server, .method = "OPTIONS", .path = paths[i]), 401, "unauthorized");
    }
    expect_problem(ask(server, "cancel", "/nowhere", NULL), 404, "not-found");
    expect_problem(ask(server, "cancel", "/v1/tickets", NULL), 405, "method-not-allowed");
    expect_lacking(ask(server, "cancel", "/v1/tasks?bogus=1", NULL), "read");
}

/* RFC 6750, section 3: an error is named only to who sent a token; and RFC 9110, section 15.5.2:
 * the header is there too when the body is refused before it is sent. */
SCENARIO(challenges)
{
    struct server *server = tokens_server(s, "read", "");
    expect_header(get(server, "/v1/tasks"), "WWW-Authenticate", "Bearer realm=\"errand\"");
    expect_header(ask(server, "other", "/v1/tasks", NULL), "WWW-Authenticate",
                  "Bearer realm=\"errand\", error=\"invalid_token\"");
    struct reply *reply = ask(server, "read", "/v1/tasks", "{'function':'echo'}");
    expect_lacking(reply, "submit");
    assert_non_null(strstr(json_text(reply, "detail"), "the one with read"));
    struct http *http = server_connect(server);
    http_say(http, text(s, "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\n"
                           "Content-Type: application/json\r\nContent-Length: 5\r\n"
                           "Expect: 100-continue\r\n\r\n"));
    reply = http_read(http, false);
    expect_problem(reply, 401, "unauthorized");
    expect_header(reply, "WWW-Authenticate", "Bearer realm=\"errand\"");
}

/* --- what a create asks for ------------------------------------------------------------------ */

static void check_place(struct server *server, const char *body, const char *pointer)
{
    note(server->scenario, "%s", body);
    struct reply *reply = ask(server, "submit:cat", "/v1/tasks", body);
    expect_lacking(reply, "submit");
    expect_text(reply, "errors.0.pointer", pointer);
}

/* submit:FUNCTION: wherever else another is named, nothing is stored. */
SCENARIO(one_function_alone)
{
    functions_standard(s);
    struct server *server = tokens_server(s, "submit:cat submit:gone admin", "");
    check_place(server, "{'function':'hold'}", "/function");
    check_place(server, "{'function':'nowhere'}", "/function");
    check_place(server, "{'function':'no name\\n'}", "/function");
    check_place(server, "[{'function':'cat'},{'function':'hold'}]", "/1/function");
    check_place(server, "{'process':'hold','args':[]}", "/process");
    check_place(server, "{'process':'cat','args':[1,{'$task':{'function':'hold'}}]}",
                "/args/1/$task/function");
    check_place(server,
                "{'process':'collect','kwargs':{'a':[{'$task':{'process':'cat','args':"
                "[{'$task':{'function':'hold'}}]}}]}}",
                "/kwargs/a/0/$task/args/0/$task/function");
    assert_int_equal(json_count(ask(server, "admin", "/v1/tasks", NULL), "tasks"), 0);
    expect_problem(ask(server, "submit:gone", "/v1/tasks", "{'function':'gone'}"), 422,
                   "unknown-function");
}

/* Its own function, and what is built in: the answer is the holder's, with the result if he waits.
 */
SCENARIO(its_own_function)
{
    functions_standard(s);
    struct server *server = tokens_server(s, "submit:cat", "");
    struct reply *reply = ask(server, "submit:cat", "/v1/tasks?wait=30",
                              "{'process':'collect','args':[{'$task':{'function':'cat'}},"
                              "{'$task':{'function':'sum','args':[1,2]}},"
                              "{'$value':{'$task':{'function':'hold'}}}]}");
    expect_status(reply, 201);
    expect_text(reply, "state", "succeeded");
    expect_number(reply, "result.1", 3);
    expect_lacking(ask(server, "submit:cat", text(s, "/v1/tasks/%s", json_text(reply, "id")), NULL),
                   "read");
}

/* What would show somebody else's task wants read. */
SCENARIO(others_tasks_want_read)
{
    struct server *server = tokens_server(s, "submit submit,read admin", "");
    expect_status(ask(server, "admin", "/v1/tasks?wait=30",
                      "{'id':'theirs','function':'echo','args':['secret'],'cache_key':'k'}"),
                  201);
    const char *meta = "{'process':'collect','args':[{'$task':'theirs'}]}";
    struct reply *reply = ask(server, "submit", "/v1/tasks", meta);
    expect_lacking(reply, "read");
    expect_text(reply, "errors.0.pointer", "/args/0/$task");
    reply = ask(server, "submit", "/v1/tasks",
                "[{'function':'echo'},{'function':'echo','cache_key':'k'}]");
    expect_lacking(reply, "read");
    expect_text(reply, "errors.0.pointer", "/1/cache_key");
    assert_int_equal(json_count(ask(server, "admin", "/v1/tasks", NULL), "tasks"), 1);
    expect_status(ask(server, "submit,read", "/v1/tasks", meta), 201);
    expect_status(ask(server, "submit,read", "/v1/tasks", "{'function':'echo','cache_key':'k'}"),
                  200);
    expect_status(ask(server, "submit", "/v1/tasks",
                      "[{'id':'mine','function':'echo'},"
                      "{'process':'collect','args':[{'$task':'mine'}]}]"),
                  201);
}

/* Whoever may create a guarded task may end the server. */
SCENARIO(guard_wants_admin)
{
    struct server *server = tokens_server(s, "submit,read admin", "--allow-guard");
    const char *body = "{'function':'echo','guard':true}";
    struct reply *reply = ask(server, "submit,read", "/v1/tasks", body);
    expect_lacking(reply, "admin");
    expect_text(reply, "errors.0.pointer", "/guard");
    expect_status(ask(server, "admin", "/v1/tasks", body), 201);
}

/* An answer that is kept for an Idempotency-Key is not for those who may not ask. */
SCENARIO(kept_answers_are_not_for_all)
{
    functions_standard(s);
    struct server *server = tokens_server(s, "admin submit:echo submit", "");
    const struct {
        const char *scopes, *body;
        int status;
    } rows[] = {
        {"admin", "{\"function\":\"cat\"}", 201},
        {"submit:echo", "{\"function\":\"cat\"}", 403},
        {"submit", "{\"function\":\"cat\"}", 201},
        {"admin", "{\"function\":\"echo\",\"cache_key\":\"c\"}", 201},
        {"submit", "{\"function\":\"echo\",\"cache_key\":\"c\"}", 403},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s: %s", rows[i].scopes, rows[i].body);
        const char *headers =
            text(s, "%sIdempotency-Key: %zu\r\n", as(s, rows[i].scopes), strlen(rows[i].body));
        expect_status(call(server, .path = "/v1/tasks", .headers = headers, .body = rows[i].body),
                      rows[i].status);
    }
    assert_int_equal(json_count(ask(server, "admin", "/v1/tasks", NULL), "tasks"), 2);
}

/* --- workers ---------------------------------------------------------------------------------- */

/* work: all that a worker does, and nothing else. work:FUNCTION leases that one alone. */
SCENARIO(workers)
{
    functions_remote(s, "far near", "");
    struct server *server = tokens_server(s, "work:far work admin", "");
    expect_status(ask(server, "admin", "/v1/tasks", "{'id':'a','function':'far'}"), 201);
    struct reply *reply = ask(server, "work:far", "/v1/leases", "{'functions':['far','near']}");
    expect_lacking(reply, "work");
    expect_text(reply, "errors.0.pointer", "/functions/1");
    expect_lacking(ask(server, "work:far", "/v1/leases", "{'functions':['nowhere']}"), "work");
    reply = ask(server, "work:far", "/v1/leases", "{'functions':['far'],'wait':30}");
    const char *lease = json_text(reply, "leases.0.lease");
    expect_status(ask(server, "work:far", text(s, "/v1/leases/%s/heartbeat", lease), "{}"), 200);
    expect_status(call(server, .method = "PUT", .path = text(s, "/v1/leases/%s/result", lease),
                       .headers = as(s, "work:far"), .body = "7"),
                  200);
    expect_status(ask(server, "work", "/v1/leases", "{'functions':['far','near']}"), 200);
}

/* work:FUNCTION says how that function's tasks went, and no other's, whoever leased them. */
SCENARIO(leases_of_others)
{
    functions_remote(s, "far near", "");
    struct server *server = tokens_server(s, "work:far work admin", "");
    expect_status(ask(server, "admin", "/v1/tasks", "{'id':'a','function':'near'}"), 201);
    struct reply *reply = ask(server, "work", "/v1/leases", "{'functions':['near'],'wait':30}");
    const char *lease = json_text(reply, "leases.0.lease");
    static const char *const calls[][2] = {
        {"POST", "heartbeat"}, {"PUT", "result"}, {"PUT", "error"}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char *path = text(s, "/v1/leases/%s/%s", lease, calls[i][1]);
        reply = call(server, .method = calls[i][0], .path = path, .headers = as(s, "work:far"),
                     .body = "{}");
        expect_lacking(reply, "work");
    }
    expect_text(ask(server, "admin", "/v1/tasks/a", NULL), "state", "running");
    expect_status(call(server, .method = "PUT", .path = text(s, "/v1/leases/%s/result", lease),
                       .headers = as(s, "work"), .body = "7"),
                  200);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(every_route_wants_its_scope),
        RUN(the_description_says_it),
        RUN(strangers_learn_nothing),
        RUN(challenges),
        RUN(one_function_alone),
        RUN(its_own_function),
        RUN(others_tasks_want_read),
        RUN(guard_wants_admin),
        RUN(kept_answers_are_not_for_all),
        RUN(workers),
        RUN(leases_of_others),
    };
    return RUN_SCENARIOS("scopes", table);
}
