/* Who asks, and what he may: a request is told apart by its bearer token or, for
 * event streams, its ticket, and held against the scope that its route wants
 * (RFC 6750). The tokens can be replaced while requests go on: each request
 * keeps those with which it began. */
#ifndef SERVER_AUTHORITY_H
#define SERVER_AUTHORITY_H

#include "server/request.h"
#include "server/ticket.h"

#include <pthread.h>

struct authority {
    pthread_mutex_t lock; /* guards tokens */
    struct tokens *tokens;
    struct digest ticket_key;
};

/* The reference goes over. */
void authority_init(struct authority *authority, struct tokens *tokens);
void authority_done(struct authority *authority);
/* Others from now on; the reference goes over. Any thread. */
void authority_replace(struct authority *authority, struct tokens *tokens);

/* Sets request->tokens, token and ticket. False: request->problem is set, unauthorized, with its
 * header. HTTP thread, as are the next. */
bool authority_identify(struct authority *authority, struct request *request);
/* Whether whoever asks has the scope that the route wants, for one function at least. False:
 * request->problem is set, insufficient-scope, with its header. */
bool authority_check_route(struct request *request);
/* Whether whoever asks has this scope for all functions. */
bool authority_allows(const struct request *request, enum scope scope);
/* For which functions he has it; NULL: for all. Lives as long as the request. */
const struct function_grant *authority_grant(const struct request *request, enum scope scope);
/* Sets request->problem and its header; pointer: the place in the body that wants the scope, or
 * STR_NONE. Returns false. */
bool authority_refuse(struct request *request, enum scope scope, struct str pointer,
                      const char *why);
/* Adds the header of a 403 insufficient-scope that somebody else has found. */
void authority_challenge(struct request *request, enum scope scope);

#endif
