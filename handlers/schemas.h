/* What the API's description knows besides the routes: the schemas of bodies,
 * and the parameters. Tables; any thread. */
#ifndef HANDLERS_SCHEMAS_H
#define HANDLERS_SCHEMAS_H

#include "base/str.h"

struct schema {
    const char *name;
    const char *json; /* as it stands in handlers/schemas.txt; NULL: add writes it */
    void (*add)(struct buf *out);
};

/* NULL: there are no more than i. */
const struct schema *schema_at(size_t i);
/* Appends the schema. */
void schema_render(const struct schema *schema, struct buf *out);

/* A parameter or header of a request. */
struct parameter {
    const char *name;
    const char *in;    /* "path", "query", "header" */
    const char *route; /* "GET /v1/tasks": of this one alone; NULL: of all that name it */
    const char *schema;
    const char *about;
};
const struct parameter *parameter_at(size_t i);
/* NULL: no row of the table fits. */
const struct parameter *parameter_find(const char *in, struct str name, const char *route);

/* A header of an answer. */
struct answer_header {
    const char *name, *schema, *about;
};
const struct answer_header *answer_header_find(struct str name);

#endif
