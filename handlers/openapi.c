#include "handlers/openapi.h"

#include "base/json.h"
#include "base/schema.h"
#include "handlers/app.h"
#include "handlers/params.h"
#include "handlers/schemas.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Starts a member of an object or an element of an array. */
static void separate(struct buf *out)
{
    char last = out->data[out->len - 1];
    if (last != '{' && last != '[')
        buf_add_char(out, ',');
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    separate(out);
    buf_addf(out, "\"%s\":", name);
    buf_add_json(out, str_of(text));
}

/* --- requests ---------------------------------------------------------------------------- */

static void add_parameter(struct buf *out, const struct parameter *parameter)
{
    separate(out);
    buf_addf(out, "{\"name\":\"%s\",\"in\":\"%s\"", parameter->name, parameter->in);
    if (strcmp(parameter->in, "path") == 0)
        buf_add_text(out, ",\"required\":true");
    if (parameter->about)
        add_text(out, "description", parameter->about);
    buf_add_text(out, ",\"schema\":{");
    schema_add(out, parameter->schema);
    buf_add_text(out, "}}");
}

static void add_named(struct buf *out, const char *in, struct str name, const char *title)
{
    const struct parameter *parameter = parameter_find(in, name, title);
    assert(parameter);
    add_parameter(out, parameter);
}

/* title: "GET /v1/tasks" */
static void add_parameters(struct buf *out, const struct route *route, const char *title)
{
    struct str query = str_of(route->parameters), path = str_of(route->path);
    buf_add_text(out, ",\"parameters\":[");
    str_cut(&path, '{');
    if (path.data)
        add_named(out, "path", str_cut(&path, '}'), title);
    while (query.len)
        add_named(out, "query", str_cut(&query, ' '), title);
    const struct parameter *header;
    for (size_t i = 0; (header = parameter_at(i)); i++) {
        if (strcmp(header->in, "header") == 0 && strcmp(header->route, title) == 0)
            add_parameter(out, header);
    }
    buf_add_char(out, ']');
}

static void add_reference(struct buf *out, struct str schema)
{
    const struct schema *row;
    size_t i = 0;
    while ((row = schema_at(i)) && !str_eq(str_of(row->name), schema))
        i++;
    assert(row);
    buf_addf(out, "{\"$ref\":\"#/components/schemas/%s\"}", row->name);
}

static void add_body(struct buf *out, const struct route *route)
{
    assert((route->body == BODY_NONE) == !*route->takes);
    if (route->body == BODY_NONE)
        return;
    buf_addf(out,
             ",\"requestBody\":{\"required\":%s,\"content\":{\"application/json\":{\"schema\":",
             route->body == BODY_OPTIONAL ? "false" : "true");
    add_reference(out, str_of(route->takes));
    buf_add_text(out, "}}}");
}

/* --- answers ------------------------------------------------------------------------------- */

static void add_headers(struct buf *out, struct str names)
{
    if (!names.data)
        return;
    buf_add_text(out, ",\"headers\":{");
    while (names.data) {
        const struct answer_header *header = answer_header_find(str_cut(&names, '+'));
        assert(header);
        separate(out);
        buf_addf(out, "\"%s\":{", header->name);
        add_text(out, "description", header->about);
        buf_add_text(out, ",\"schema\":{");
        schema_add(out, header->schema);
        buf_add_text(out, "}}");
    }
    buf_add_char(out, '}');
}

/* One media type of a good answer. OpenAPI has no word for the data of events. */
static void add_media(struct buf *out, struct str type, struct str schema)
{
    separate(out);
    buf_addf(out, "\"%.*s\":{\"schema\":", STR_ARG(type));
    if (schema.data && str_eq(type, STR("application/json"))) {
        add_reference(out, schema);
    } else {
        buf_add_text(out, "{\"type\":\"string\"}");
        if (str_eq(type, STR("text/event-stream"))) {
            buf_add_text(out, ",\"x-data\":");
            add_reference(out, schema);
        }
    }
    buf_add_char(out, '}');
}

static void add_good_media(struct buf *out, const struct route *route, const struct answer *answer)
{
    struct str types = str_of(route->type);
    while (types.data)
        add_media(out, str_trim(str_cut(&types, ',')), answer->schema);
}

/* Several problems with one status: which they are is said by their types. */
static void add_problem_media(struct buf *out, const struct answer *answers, size_t count,
                              unsigned status)
{
    separate(out);
    buf_add_text(out, "\"application/problem+json\":{\"schema\":{\"allOf\":[{\"$ref\":"
                      "\"#/components/schemas/Problem\"},{\"properties\":{\"type\":{\"enum\":[");
    for (size_t i = 0; i < count; i++) {
        if (answers[i].status != status || !answers[i].problem)
            continue;
        separate(out);
        buf_addf(out, "\"/problems/%s\"", problem_kind(answers[i].problem)->slug);
    }
    buf_add_text(out, "]}}}]}}");
}

static void add_status_text(struct buf *out, const struct answer *answers, size_t count,
                            unsigned status, const struct answer *good)
{
    struct buf text = {0};
    if (good)
        buf_add_text(&text, MHD_get_reason_phrase_for(status));
    for (size_t i = 0; i < count; i++) {
        if (answers[i].status == status && answers[i].problem)
            buf_addf(&text, "%s%s", text.len ? "; " : "", problem_kind(answers[i].problem)->title);
    }
    add_text(out, "description", text.data);
    buf_done(&text);
}

static void add_status(struct buf *out, const struct route *route, const struct answer *answers,
                       size_t count, unsigned status)
{
    const struct answer *good = NULL, *problem = NULL;
    size_t problems = 0;
    for (size_t i = 0; i < count; i++) {
        if (answers[i].status != status)
            continue;
        problems += answers[i].problem != PROBLEM_NONE;
        *(answers[i].problem ? &problem : &good) = &answers[i];
    }
    if (!good && !problem)
        return;
    separate(out);
    buf_addf(out, "\"%u\":{", status);
    if (!good && problems == 1) {
        buf_addf(out, "\"$ref\":\"#/components/responses/%s\"}",
                 problem_kind(problem->problem)->slug);
        return;
    }
    add_status_text(out, answers, count, status, good);
    if (good)
        add_headers(out, good->headers);
    if (status != 204 && status != 304) {
        buf_add_text(out, ",\"content\":{");
        if (good)
            add_good_media(out, route, good);
        if (problem)
            add_problem_media(out, answers, count, status);
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
}

static void add_answers(struct buf *out, const struct route *route)
{
    struct answer answers[ANSWERS_MAX];
    size_t count = route_answers(route, answers);
    buf_add_text(out, ",\"responses\":{");
    for (unsigned status = 200; status < 600; status++)
        add_status(out, route, answers, count, status);
    buf_add_char(out, '}');
}

/* --- routes --------------------------------------------------------------------------------- */

/* "get_v1_tasks_id" */
static void add_operation_id(struct buf *out, const char *method, const char *path)
{
    separate(out);
    buf_add_text(out, "\"operationId\":\"");
    for (const char *p = method; *p; p++)
        buf_add_char(out, (char)(*p | 0x20));
    for (const char *p = path; *p; p++) {
        if (*p == '/' || *p == '.')
            buf_add_char(out, '_');
        else if (*p != '{' && *p != '}')
            buf_add_char(out, *p);
    }
    buf_add_char(out, '"');
}

/* Roles (OpenAPI 3.1): the scope that a token has to have. {}: where the server has no tokens. */
static void add_security(struct buf *out, const struct route *route)
{
    enum scope scope;
    bool scoped = route_scope(route, &scope);
    if (scoped)
        buf_addf(out, ",\"description\":\"The token needs the scope %s.\"", scope_text(scope));
    buf_add_text(out, ",\"security\":[");
    if (route->access != ACCESS_OPEN) {
        buf_add_text(out, "{\"bearer\":[");
        if (scoped)
            buf_addf(out, "\"%s\"", scope_text(scope));
        buf_addf(out, "]},%s{}", route_takes(route, STR("ticket")) ? "{\"ticket\":[]}," : "");
    }
    buf_add_char(out, ']');
}

static void add_operation(struct buf *out, const struct route *route)
{
    const char *method = method_text(route->method);
    struct buf title = {0};
    buf_addf(&title, "%s %s", method, route->path);
    separate(out);
    buf_add_char(out, '"');
    for (const char *p = method; *p; p++)
        buf_add_char(out, (char)(*p | 0x20));
    buf_add_text(out, "\":{");
    add_operation_id(out, method, route->path);
    add_text(out, "summary", route->summary);
    add_security(out, route);
    add_parameters(out, route, title.data);
    add_body(out, route);
    add_answers(out, route);
    buf_add_char(out, '}');
    buf_done(&title);
}

/* The routes of one path are one item; the first of them writes it. */
static void add_path(struct buf *out, const struct route_table *table, size_t first)
{
    const char *path = table->routes[first].path;
    for (size_t i = 0; i < first; i++) {
        if (strcmp(table->routes[i].path, path) == 0)
            return;
    }
    separate(out);
    buf_addf(out, "\"%s\":{", path);
    for (size_t i = first; i < table->count; i++) {
        if (strcmp(table->routes[i].path, path) == 0)
            add_operation(out, &table->routes[i]);
    }
    buf_add_char(out, '}');
}

/* --- the document ------------------------------------------------------------------------------
 */

static void add_problem_answer(struct buf *out, const struct problem_kind *kind)
{
    separate(out);
    buf_addf(out,
             "\"%s\":{\"description\":\"%s. %s\",\"content\":{\"application/problem+json\":"
             "{\"schema\":{\"allOf\":[{\"$ref\":\"#/components/schemas/Problem\"},{\"properties\":"
             "{\"type\":{\"const\":\"/problems/%s\"},\"title\":{\"const\":\"%s\"},\"status\":"
             "{\"const\":%u}}}]}}}}",
             kind->slug, kind->title, kind->happened, kind->slug, kind->title, kind->status);
}

static void add_components(struct buf *out)
{
    const struct schema *schema;
    buf_add_text(out,
                 ",\"components\":{\"securitySchemes\":{\"bearer\":{\"type\":\"http\","
                 "\"scheme\":\"bearer\",\"description\":\"Where the server has tokens. Each has "
                 "scopes.\"},\"ticket\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"ticket\","
                 "\"description\":\"From POST /v1/tickets, for event streams.\"}},"
                 "\"schemas\":{");
    for (size_t i = 0; (schema = schema_at(i)); i++) {
        separate(out);
        buf_addf(out, "\"%s\":", schema->name);
        schema_render(schema, out);
    }
    buf_add_text(out, "},\"responses\":{");
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++)
        add_problem_answer(out, problem_kind((enum problem_code)i));
    buf_add_text(out, "}}");
}

void openapi_init(struct openapi *openapi, const struct route_table *table)
{
    struct buf *out = &openapi->text;
    *openapi = (struct openapi){0};
    buf_add_text(out,
                 "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"errand\",\"version\":"
                 "\"" ERRAND_VERSION "\",\"description\":\"Durable tasks over HTTP. HEAD works "
                 "where GET does, and OPTIONS gives Allow.\"},"
                 "\"security\":[{\"bearer\":[]},{}],\"paths\":{");
    for (size_t i = 0; i < table->count; i++)
        add_path(out, table, i);
    buf_add_char(out, '}');
    add_components(out);
    buf_add_text(out, "}\n");
    snprintf(openapi->etag, sizeof(openapi->etag), "\"%016llx\"",
             (unsigned long long)str_hash(buf_str(out)));
}

void openapi_done(struct openapi *openapi)
{
    buf_done(&openapi->text);
}

/* GET /openapi.json */
void handle_openapi(struct request *request)
{
    const struct openapi *openapi = &app_of(request)->openapi;
    request_add_header(request, "ETag", str_of(openapi->etag));
    request_add_header(request, "Cache-Control", STR("no-cache"));
    if (etag_known(request, str_of(openapi->etag)))
        reply_empty(request, 304);
    else
        reply_static(request, 200, "application/json", openapi->text.data, openapi->text.len);
}
