/* Replies: every answer that a handler gives, and the one place where
 * problem+json is made. HTTP thread. */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H

#include "server/request.h"

/* Each takes the bytes of body over and empties it. */
void reply_body(struct request *request, unsigned status, const char *type, struct buf *body);
void reply_json(struct request *request, unsigned status, struct buf *body);
/* No body: 204, 304. */
void reply_empty(struct request *request, unsigned status);
/* Bytes that live as long as the process. */
void reply_static(struct request *request, unsigned status, const char *type, const void *data,
                  size_t len);

/* Bytes of the request's arena, or of its bulk, which are not copied. */
void reply_arena(struct request *request, unsigned status, const char *type, struct str body);

/* application/problem+json (RFC 9457). extra: further members as JSON text, each with a leading
 * comma, or STR_NONE. */
void reply_problem(struct request *request, const struct problem *problem, struct str extra);
/* The same for a problem without a place. */
void reply_refuse(struct request *request, enum problem_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Renders the body of a problem. */
void problem_render(const struct problem *problem, struct str extra, struct buf *out);

/* The bytes of an answer that ends its connection, for where libmicrohttpd does not write it.
 * headers: further ones, or NULL. */
void reply_render(const struct problem *problem, const struct header *headers, struct buf *out);
/* The same of the answer that was given to libmicrohttpd, in exchange_completed at the latest. One
 * that others would have to wait for room for (HELD_FREE) becomes 431. */
void reply_render_queued(const struct request *request, struct buf *out);

#endif
