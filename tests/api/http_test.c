/* Section 4: methods, types, problems: what holds for every route. */
#include <string.h>
#include <strings.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* 4: unknown paths and ids are 404 problems. */
SCENARIO(not_found)
{
    static const char *const paths[] = {
        "/nowhere",
        "/v1",
        "/v1/nowhere",
        "/v1/tasks/none",
        "/v1/tasks/none/result",
        "/v1/tasks/none/logs",
        "/v1/tasks/none/events",
        "/v1/tasks/a/nowhere",
        "/v1/tasks/a/result/more",
        "/V1/tasks",
        "/v1/tasks/a%00",
        "/v1/tasks/../tasks",
        "/v1/tasks/%2e%2e/stats",
    };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo'}");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        note(s, "%s", paths[i]);
        expect_problem(call(server, .path = paths[i]), 404, NULL);
    }
    expect_problem(get(server, "/nowhere"), 404, "not-found");
    expect_problem(cancel(server, "none", NULL), 404, NULL);
    expect_problem(call(server, .path = text(s, "/v1/tasks/%01000d", 1)), 404, NULL);
}

static bool allows(struct reply *reply, const char *method)
{
    char *rest =
        text(reply->body.scenario, "%s", header(reply, "Allow") ? header(reply, "Allow") : "");
    for (char *word; (word = strsep(&rest, ", "));) {
        if (!strcmp(word, method))
            return true;
    }
    return false;
}

/* What a path allows. */
static const struct {
    const char *path;
    const char *allowed[4], *refused[5];
} routes[] = {
    {"/v1/tasks", {"GET", "HEAD", "POST", "OPTIONS"}, {"PUT", "DELETE", "PATCH", "BREW"}},
    {"/v1/tasks/a", {"GET", "HEAD", "OPTIONS"}, {"POST", "PUT", "PATCH"}},
    {"/v1/tasks/a/result", {"GET", "HEAD", "OPTIONS"}, {"POST", "DELETE"}},
    {"/v1/tasks/{id}/result", {"GET", "HEAD", "OPTIONS"}, {"POST"}},
    {"/v1/tasks/a/cancel", {"POST", "OPTIONS"}, {"GET", "HEAD", "PUT", "DELETE"}},
    {"/v1/tasks/a/logs", {"GET", "HEAD", "OPTIONS"}, {"POST", "PUT"}},
    {"/v1/tasks/a/events", {"GET", "OPTIONS"}, {"POST", "DELETE"}},
    {"/v1/events", {"GET", "OPTIONS"}, {"POST", "PUT", "DELETE"}},
    {"/v1/functions", {"GET", "HEAD", "OPTIONS"}, {"POST", "PUT", "DELETE"}},
    {"/v1/stats", {"GET", "HEAD", "OPTIONS"}, {"POST"}},
    {"/healthz", {"GET", "HEAD", "OPTIONS"}, {"POST", "DELETE"}},
    {"/livez", {"GET", "HEAD", "OPTIONS"}, {"POST"}},
    {"/readyz", {"GET", "HEAD", "OPTIONS"}, {"POST"}},
    {"/openapi.json", {"GET", "HEAD", "OPTIONS"}, {"POST", "PUT"}},
    {"/problems/cycle", {"GET", "HEAD", "OPTIONS"}, {"POST", "DELETE"}},
};

/* 4: another method is 405 with Allow. */
SCENARIO(method_not_allowed)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        for (int j = 0; j < 5 && routes[i].refused[j]; j++) {
            note(s, "%s %s", routes[i].refused[j], routes[i].path);
            struct reply *reply =
                call(server, .method = routes[i].refused[j], .path = routes[i].path);
            expect_status(reply, 405);
            if (strcmp(routes[i].refused[j], "HEAD") != 0)
                expect_problem(reply, 405, "method-not-allowed");
            assert_true(allows(reply, routes[i].allowed[0]));
            assert_false(allows(reply, routes[i].refused[j]));
        }
    }
}

/* 4: OPTIONS gives Allow. */
SCENARIO(options)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        note(s, "OPTIONS %s", routes[i].path);
        struct reply *reply = call(server, .method = "OPTIONS", .path = routes[i].path);
        assert_in_range(reply->status, 200, 204);
        for (int j = 0; j < 4 && routes[i].allowed[j]; j++)
            assert_true(allows(reply, routes[i].allowed[j]));
        for (int j = 0; j < 5 && routes[i].refused[j]; j++)
            assert_false(allows(reply, routes[i].refused[j]));
    }
}

/* 4: HEAD works where GET does: the same status and headers, no body. */
SCENARIO(head)
{
    static const char *const paths[] = {
        "/v1/tasks",        "/v1/tasks/a",        "/v1/tasks/a/result",
        "/v1/tasks/a/logs", "/v1/functions",      "/healthz",
        "/v1/tasks/none",   "/v1/tasks/a?wait=5", "/"};
    static const char *const headers[] = {"Content-Type", "Content-Length", "ETag"};
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':['x']}");
    finished(server, "a");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct reply *whole = call(server, .path = paths[i]);
        struct reply *top = call(server, .method = "HEAD", .path = paths[i]);
        expect_status(top, whole->status);
        for (size_t j = 0; j < sizeof headers / sizeof *headers; j++) {
            note(s, "HEAD %s: %s", paths[i], headers[j]);
            const char *value = header(whole, headers[j]);
            if (value)
                expect_header(top, headers[j], value);
            else
                assert_null(header(top, headers[j]));
        }
    }
    expect_json(get(server, "/v1/tasks/a/result"), "", "'x'");
}

/* 4: an Accept that excludes all we serve is 406. */
SCENARIO(not_acceptable)
{
    static const struct {
        const char *path, *accept;
        int status;
    } rows[] = {
        {"/v1/tasks", "*/*", 200},
        {"/v1/tasks", "application/json", 200},
        {"/v1/tasks", "application/*", 200},
        {"/v1/tasks", "APPLICATION/JSON", 200},
        {"/v1/tasks", "text/html, application/json;q=0.1", 200},
        {"/v1/tasks", "text/html,*/*;q=0.8", 200},
        {"/v1/tasks", "application/json; charset=utf-8", 200},
        {"/v1/tasks", "text/html", 406},
        {"/v1/tasks", "image/png, text/*", 406},
        {"/v1/tasks", "application/xml", 406},
        {"/v1/tasks", "application/json;q=0", 406},
        {"/v1/tasks/a", "text/html", 406},
        {"/v1/tasks/a/result", "text/html", 406},
        {"/v1/tasks/a/logs", "text/plain", 200},
        {"/v1/tasks/a/logs", "image/png", 406},
        {"/v1/events", "image/png", 406},
        {"/v1/functions", "text/html", 406},
    };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo'}");
    finished(server, "a");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s, Accept: %s", rows[i].path, rows[i].accept);
        struct reply *reply = call(server, .path = rows[i].path,
                                   .headers = text(s, "Accept: %s\r\n", rows[i].accept));
        if (rows[i].status == 406)
            expect_problem(reply, 406, "not-acceptable");
        expect_status(reply, rows[i].status);
    }
    struct reply *made = call(server, .path = "/v1/tasks", .headers = "Accept: text/html\r\n",
                              .body = "{\"function\":\"echo\"}");
    expect_problem(made, 406, "not-acceptable");
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 4: a body in a coding that we do not undo is not obeyed, and the answer says what we take. */
SCENARIO(compressed_bodies)
{
    static const char *const codings[] = {"gzip", "br", "identity, gzip", "x"};
    static const char *const paths[] = {"/v1/tasks", "/v1/tasks/later/cancel", "/v1/tasks/cancel"};
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
        for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
            note(s, "%s: %s", paths[k], codings[i]);
            struct reply *reply =
                call(server, .path = paths[k], .body = k ? "{}" : "{\"function\":\"echo\"}",
                     .headers = text(s, "Content-Encoding: %s\r\n", codings[i]));
            expect_problem(reply, 415, "unsupported-media-type");
            expect_header(reply, "Accept-Encoding", "identity");
        }
    }
    expect_state(server, "later", "scheduled");
    assert_int_equal(count_tasks(server, ""), 1);
    expect_status(call(server, .path = "/v1/tasks", .body = "{\"function\":\"echo\"}",
                       .headers = "Content-Encoding: Identity\r\n"),
                  201);
}

/* 4: a body that is not application/json is 415; this is decided before 400 (4.10). */
SCENARIO(unsupported_media_type)
{
    static const struct {
        const char *type;
        int status;
    } rows[] = {
        {"application/json", 201},
        {"application/json; charset=utf-8", 201},
        {"Application/JSON;charset=\"UTF-8\"", 201},
        {"text/plain", 415},
        {"application/x-www-form-urlencoded", 415},
        {"multipart/form-data; boundary=x", 415},
        {"application/jsonp", 415},
        {"application/json-patch+json", 415},
        {"json", 415},
        {"text/plain; application/json", 415},
    };
    struct server *server = server_start(s, "%s", "");
    int made = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "Content-Type: %s", rows[i].type);
        struct reply *reply = call(server, .path = "/v1/tasks", .type = rows[i].type,
                                   .body = "{\"function\":\"echo\"}");
        if (rows[i].status == 415)
            expect_problem(reply, 415, "unsupported-media-type");
        expect_status(reply, rows[i].status);
        made += rows[i].status == 201;
        if (rows[i].status == 415)
            expect_problem(call(server, .path = "/v1/tasks", .type = rows[i].type, .body = "{"),
                           415, "unsupported-media-type");
    }
    assert_int_equal(count_tasks(server, ""), made);
    create(server, "{'id':'later','function':'echo','delay':3600}");
    struct reply *reply =
        call(server, .path = "/v1/tasks/later/cancel", .type = "text/plain", .body = "{}");
    expect_problem(reply, 415, "unsupported-media-type");
    expect_state(server, "later", "scheduled");
}

/* 4.10: an unknown query parameter is 422 with its name, on every route. */
SCENARIO(unknown_parameters)
{
    static const char *const paths[] = {
        "/v1/tasks",          "/v1/tasks/a", "/v1/tasks/a/result", "/v1/tasks/a/logs",
        "/v1/tasks/a/events", "/v1/events",  "/v1/functions",      "/v1/stats",
    };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        note(s, "%s", paths[i]);
        struct reply *reply = get(server, "%s?colour=red", paths[i]);
        expect_problem(reply, 422, "invalid-request");
        expect_parameter(reply, "colour");
    }
    expect_parameter(post(server, "/v1/tasks?colour=red", "{'function':'echo'}"), "colour");
    expect_parameter(post(server, "/v1/tasks/a/cancel?colour=red", "{}"), "colour");
    expect_state(server, "a", "scheduled");
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 4: health. */
SCENARIO(health)
{
    static const char *const paths[] = {"/healthz", "/livez", "/readyz"};
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        expect_status(get(server, "%s", paths[i]), 200);
}

/* 4: numbers about the server. */
SCENARIO(stats)
{
    struct server *server = server_start(s, "--slots 3");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    create(server, "{'id':'b','function':'echo'}");
    finished(server, "b");
    struct reply *reply = get(server, "/v1/stats");
    expect_status(reply, 200);
    expect_number(reply, "live", 1);
    expect_header(reply, "Content-Type", "application/json");
}

/* 4: the dashboard. */
SCENARIO(dashboard)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = call(server, .path = "/", .headers = "Accept: text/html,*/*;q=0.8\r\n");
    expect_status(reply, 200);
    assert_int_equal(strncasecmp(header(reply, "Content-Type"), "text/html", 9), 0);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(not_found),
        RUN(method_not_allowed),
        RUN(options),
        RUN(head),
        RUN(not_acceptable),
        RUN(unsupported_media_type),
        RUN(compressed_bodies),
        RUN(unknown_parameters),
        RUN(health),
        RUN(stats),
        RUN(dashboard),
    };
    return RUN_SCENARIOS("http", table);
}
