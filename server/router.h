/* Finds the route of a request and checks what can be checked without knowing
 * what it means: method, media types, query parameters. HTTP thread. */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include "server/request.h"
#include "server/tokens.h"

struct route_table {
    const struct route *routes;
    size_t count;
};

/* What a client may ask with, in the form of Allow. */
#define ALL_METHODS "GET, HEAD, POST, PUT, DELETE, OPTIONS"

const char *method_text(enum http_method method);
/* Whether this is one of its query parameters. */
bool route_takes(const struct route *route, struct str parameter);
/* False: it wants none. */
bool route_scope(const struct route *route, enum scope *scope);
/* Sets request->route and id. False: there is none. */
bool route_find(const struct route_table *table, struct request *request);
/* Whether this path wants no token, whatever the method. */
bool route_open(const struct route_table *table, struct str path);
/* Sets 404, or 405 with its Allow header, for a request without a route. Returns false. */
bool route_refuse(const struct route_table *table, struct request *request);
/* The value of Allow for the request's path; STR_NONE: no route has it. In the arena. */
struct str route_allow(const struct route_table *table, struct request *request);
/* Accept (406, and request->type), Content-Type and Content-Encoding (415) and the names of query
 * parameters (422). */
bool route_check(struct request *request);

#endif
