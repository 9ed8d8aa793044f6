/* The API's description (OpenAPI 3.1), made from the tables that the server
 * itself works by: routes, fields of tasks, members of answers and events,
 * problems. Rendered once, at the start. */
#ifndef HANDLERS_OPENAPI_H
#define HANDLERS_OPENAPI_H

#include "server/router.h"

struct openapi {
    struct buf text;
    char etag[24];
};

/* A row of the tables that names what there is not is a bug, and asserted. */
void openapi_init(struct openapi *openapi, const struct route_table *table);
void openapi_done(struct openapi *openapi);

/* One thing that a route can answer. */
struct answer {
    unsigned status;
    enum problem_code problem; /* PROBLEM_NONE: a good answer */
    struct str schema;         /* of a good answer; STR_NONE: it says nothing of its body */
    struct str headers;        /* names, each with a + after it but for the last; or STR_NONE */
};

enum { ANSWERS_MAX = 32 };

/* All that the route's row says or implies; how many. */
size_t route_answers(const struct route *route, struct answer answers[ANSWERS_MAX]);

#endif
