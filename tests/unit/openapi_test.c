/* The API's description says all that the route table says. Whether it is right, tests/openapi
 * checks with answers of real servers. */
#include "base/mem.h"
#include "handlers/app.h"
#include "handlers/schemas.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

struct document {
    struct openapi openapi;
    struct arena arena;
    struct json json;
};

static struct document *make(void)
{
    static struct document document;
    struct json_error error;
    document = (struct document){0};
    openapi_init(&document.openapi, &routes);
    if (!json_parse(buf_str(&document.openapi.text), JSON_MAX_DEPTH, &document.arena,
                    &document.json, &error))
        fail_msg("byte %zu: %s: %.60s", error.offset, error.what,
                 document.openapi.text.data + error.offset);
    return &document;
}

static void unmake(struct document *document)
{
    arena_done(&document->arena);
    openapi_done(&document->openapi);
}

static uint32_t member(const struct document *document, uint32_t object, const char *name)
{
    uint32_t node = json_member(&document->json, object, str_of(name));
    assert_row(str_of(name), node != 0);
    return node;
}

static uint32_t operation(const struct document *document, const struct route *route)
{
    char method[8] = "";
    const char *text = method_text(route->method);
    for (size_t i = 0; text[i]; i++)
        method[i] = (char)(text[i] | 0x20);
    uint32_t paths = member(document, 0, "paths");
    return member(document, member(document, paths, route->path), method);
}

static void has_every_route(void **state)
{
    struct document *document = make();
    (void)state;
    for (size_t i = 0; i < routes.count; i++) {
        const struct route *route = &routes.routes[i];
        uint32_t node = operation(document, route);
        struct str summary =
            json_string(&document->json, member(document, node, "summary"), &document->arena);
        assert_str(summary, str_of(route->summary));
    }
    unmake(document);
}

/* A row that does not say what it answers is found here. */
static void has_every_answer(void **state)
{
    struct document *document = make();
    (void)state;
    for (size_t i = 0; i < routes.count; i++) {
        struct answer answers[ANSWERS_MAX];
        struct str path = str_of(routes.routes[i].path);
        size_t count = route_answers(&routes.routes[i], answers), good = 0;
        uint32_t responses = member(document, operation(document, &routes.routes[i]), "responses");
        for (size_t k = 0; k < count; k++) {
            char status[8];
            snprintf(status, sizeof(status), "%u", answers[k].status);
            member(document, responses, status);
            good += answers[k].status < 400 && !answers[k].problem;
        }
        assert_row(path, good > 0);
    }
    unmake(document);
}

static void implies_problems(void **state)
{
    static const struct route plain = {
        .path = "/a", .parameters = "", .answers = "200", .access = ACCESS_OPEN};
    static const struct route full = {.method = METHOD_POST,
                                      .path = "/a/{id}",
                                      .body = BODY_JSON,
                                      .answers = "201:Task+ETag+Link 204 cycle",
                                      .parameters = "",
                                      .access = ACCESS_ADMIN};
    struct answer answers[ANSWERS_MAX];
    (void)state;
    size_t few = route_answers(&plain, answers);
    for (size_t i = 0; i < few; i++) {
        assert_int_not_equal(answers[i].status, 401);
        assert_int_not_equal(answers[i].status, 403);
        assert_int_not_equal(answers[i].status, 404);
        assert_int_not_equal(answers[i].status, 415);
    }
    size_t many = route_answers(&full, answers);
    assert_int_equal(many - few, 2 + 9);
    assert_str(answers[0].schema, STR("Task"));
    assert_str(answers[0].headers, STR("ETag+Link"));
    assert_null(answers[1].schema.data);
    assert_int_equal(answers[2].problem, PROBLEM_CYCLE);
    assert_int_equal(answers[2].status, 422);
}

/* The tag changes with the text, and only with it. */
static void tags_its_text(void **state)
{
    static const struct route route = {.path = "/",
                                       .type = "text/html",
                                       .parameters = "",
                                       .summary = "",
                                       .takes = "",
                                       .answers = "200"};
    const struct route_table one = {&route, 1};
    struct openapi first, second, other;
    (void)state;
    openapi_init(&first, &routes);
    openapi_init(&second, &routes);
    openapi_init(&other, &one);
    assert_string_equal(first.etag, second.etag);
    assert_string_not_equal(first.etag, other.etag);
    assert_int_equal(strlen(first.etag), 18);
    openapi_done(&first);
    openapi_done(&second);
    openapi_done(&other);
}

/* A schema that nothing refers to is left over. */
static void uses_every_schema(void **state)
{
    static const struct str apart = STR("Reset"); /* of streams; their data is no body */
    struct document *document = make();
    const struct schema *schema;
    (void)state;
    for (size_t i = 0; (schema = schema_at(i)); i++) {
        char reference[80];
        snprintf(reference, sizeof(reference), "\"#/components/schemas/%s\"", schema->name);
        assert_row(str_of(schema->name), strstr(document->openapi.text.data, reference) ||
                                             str_eq(str_of(schema->name), apart));
    }
    unmake(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_every_route),   cmocka_unit_test(has_every_answer),
        cmocka_unit_test(implies_problems),  cmocka_unit_test(tags_its_text),
        cmocka_unit_test(uses_every_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
