/*
 * A worker elsewhere (section 4.9): it leases tasks over HTTP, and says how they
 * go. Bodies are written with single quotes for double ones.
 */
#ifndef TESTS_API_LEASES_H
#define TESTS_API_LEASES_H

#include "tests/api/lib/tasks.h"

/* Functions of mode remote, by name, separated by blanks; with further members of the manifest, or
 * "". */
void functions_remote(struct scenario *, const char *names, const char *members);

/* POST /v1/leases, which has to be 200. */
struct reply *lease(struct server *, const char *body, ...) __attribute__((format(printf, 2, 3)));
/* The token of the only lease for this function; waits for it. */
#define lease_one(server, function)      leases_one(server, function, "30", HERE)
#define lease_for(server, function, ttl) leases_one(server, function, ttl, HERE)
const char *leases_one(struct server *, const char *function, const char *ttl, struct place);
/* Nothing can be leased now. */
#define expect_no_lease(server, function) leases_expect_none(server, function, HERE)
void leases_expect_none(struct server *, const char *function, struct place);

/* What the worker says with its token. */
struct reply *heartbeat(struct server *, const char *token, const char *body);
struct reply *lease_result(struct server *, const char *token, const char *result);
struct reply *lease_error(struct server *, const char *token, const char *body);

/* All calls with this token are 409 task-finished, and the task stays as it is. */
#define expect_over(server, token, id) leases_expect_over(server, token, id, HERE)
void leases_expect_over(struct server *, const char *token, const char *id, struct place);

/* A poll on a connection of its own, under way when it returns: it is in the writer's list. */
struct http *poll_start(struct server *, const char *body);
struct reply *poll_read(struct http *);

#endif
