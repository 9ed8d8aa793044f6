/* Section 4: GET /openapi.json. What the answers look like by it, tests/openapi checks. */
#include <string.h>
#include <strings.h>

#include "tests/api/lib/tasks.h"

/* 4: the description is served, and stays what it is. */
SCENARIO(served)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = get(server, "/openapi.json");
    expect_status(reply, 200);
    expect_header(reply, "Content-Type", "application/json");
    expect_text(reply, "openapi", "3.1.0");
    expect_text(reply, "info.title", "errand");
    struct reply *again = get(server, "/openapi.json");
    assert_string_equal(again->body.text, reply->body.text);
    struct reply *top = call(server, .method = "HEAD", .path = "/openapi.json");
    expect_status(top, 200);
    expect_header(top, "Content-Length", text(s, "%zu", reply->body.length));
}

/* 4: its ETag works, also after a restart of the same server. */
SCENARIO(etag)
{
    struct server *server = server_start(s, "%s", "");
    const char *tag = header(get(server, "/openapi.json"), "ETag");
    assert_non_null(tag);
    assert_int_equal(server_stop(server), 0);
    server = server_start(s, "%s", "");
    struct reply *same = call(server, .path = "/openapi.json",
                              .headers = text(s, "If-None-Match: \"x\", W/%s\r\n", tag));
    expect_status(same, 304);
    expect_header(same, "ETag", tag);
    assert_int_equal(same->body.length, 0);
    struct reply *other =
        call(server, .path = "/openapi.json", .headers = "If-None-Match: \"x\"\r\n");
    expect_status(other, 200);
    expect_header(other, "ETag", tag);
}

/* A path of the pattern: /v1/tasks/{id} gives /v1/tasks/x. */
static const char *example(struct scenario *s, const char *pattern)
{
    const char *open = strchr(pattern, '{');
    return open ? text(s, "%.*sx%s", (int)(open - pattern), pattern, strchr(open, '}') + 1)
                : pattern;
}

/* What Allow has to be where these methods are described. */
static const char *allow_of(struct scenario *s, const cJSON *item)
{
    static const char *const methods[][2] = {
        {"get", "GET, HEAD, "}, {"post", "POST, "}, {"put", "PUT, "}, {"delete", "DELETE, "}};
    const char *allow = "";
    int count = 0;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (cJSON_GetObjectItemCaseSensitive(item, methods[i][0])) {
            allow = text(s, "%s%s", allow, methods[i][1]);
            count++;
        }
    }
    assert_int_equal(count, cJSON_GetArraySize(item));
    return text(s, "%sOPTIONS", allow);
}

/* 4: the methods of each path in it are those that OPTIONS tells of. */
SCENARIO(same_as_allow)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = get(server, "/openapi.json");
    const cJSON *item;
    int count = 0;
    cJSON_ArrayForEach(item, body_at(&reply->body, "paths"))
    {
        note(s, "%s", item->string);
        struct reply *options = call(server, .method = "OPTIONS", .path = example(s, item->string));
        expect_header(options, "Allow", allow_of(s, item));
        count++;
    }
    assert_true(count >= 10);
}

/* 1: with a token it is not for strangers. */
SCENARIO(wants_the_token)
{
    struct server *server = server_start(s, "%s", "");
    expect_status(get(server, "/openapi.json"), 200);
    server_stop(server);
    server_environment(s, "ERRAND_TOKEN=secret");
    server = server_start(s, "%s", "");
    expect_problem(get(server, "/openapi.json"), 401, "unauthorized");
    expect_problem(get(server, "/problems/cycle"), 401, "unauthorized");
    expect_status(
        call(server, .path = "/openapi.json", .headers = "Authorization: Bearer secret\r\n"), 200);
}

static bool lists(const cJSON *names, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, names)
    {
        if (cJSON_IsString(item) && !strcmp(item->valuestring, name))
            return true;
    }
    return false;
}

/* Contract: the states and slugs are all in it. */
SCENARIO(names)
{
    static const char *const states[] = {"scheduled", "waiting", "queued",   "running",
                                         "succeeded", "failed",  "cancelled"};
    static const char *const slugs[] = {
        "malformed-json",
        "invalid-request",
        "unknown-function",
        "unknown-task",
        "cycle",
        "duplicate-id",
        "idempotency-mismatch",
        "not-found",
        "method-not-allowed",
        "not-acceptable",
        "unsupported-media-type",
        "body-too-large",
        "task-live",
        "task-needed",
        "task-finished",
        "task-failed",
        "task-cancelled",
        "result-gone",
        "queue-full",
        "storage-full",
        "storage-busy",
        "draining",
        "unauthorized",
        "wrong-host",
        "forbidden-origin",
        "guard-disabled",
        "internal",
    };
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = get(server, "/openapi.json");
    const cJSON *known = body_at(&reply->body, "components.schemas.State.enum");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        note(s, "%s", states[i]);
        assert_true(lists(known, states[i]));
    }
    known = body_at(&reply->body, "components.schemas.ProblemType.enum");
    for (size_t i = 0; i < sizeof slugs / sizeof *slugs; i++) {
        note(s, "%s", slugs[i]);
        assert_true(lists(known, text(s, "/problems/%s", slugs[i])));
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(served), RUN(etag), RUN(same_as_allow), RUN(wants_the_token), RUN(names),
    };
    return RUN_SCENARIOS("openapi", table);
}
