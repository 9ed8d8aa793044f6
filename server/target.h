/* What a request asks for: the target of its first line (RFC 9112, section 3.2)
 * and the parameters of the query.
 *
 * libmicrohttpd would keep a record of each parameter in the memory of its
 * connection; 0.9.75 falls silent when that is full. So it never sees a query:
 * we hide it and read it ourselves, where it stands. */
#ifndef SERVER_TARGET_H
#define SERVER_TARGET_H

#include "base/arena.h"

/* A query, out of libmicrohttpd's sight. */
struct hidden_query {
    struct str text;
    char first; /* of its bytes: a NUL stands there */
};

/* Hides the query of a target in libmicrohttpd's memory, which is where it stays. */
struct hidden_query target_hide(const char *target);
/* The query again, once libmicrohttpd has read the line. As it was sent; STR_NONE: there is none.
 */
struct str target_reveal(const struct hidden_query *query);

/* Takes the authority off a target in absolute form, "http://HOST/PATH", and returns it; STR_NONE,
 * and *path as it was: it has another form. What is left without a path is "/". */
struct str target_authority(struct str *path);

/* Percent-decoding in place (RFC 3986, section 2.1), but for %00: decoded, it would end the C
 * strings that libmicrohttpd gives us, and "/v1/tasks/a%00b" would be "/v1/tasks/a". Returns the
 * new length. */
size_t target_decode(char *text);

/* Takes the next parameter off *query, name and value as they were sent; a value without "=" is
 * empty. False: that was all. */
bool query_next(struct str *query, struct str *name, struct str *value);
/* Whether this is what the sent text means: as above, and "+" is a space. */
bool query_means(struct str sent, struct str text);
/* What it means. In the arena. */
struct str query_decode(struct str sent, struct arena *arena);

#endif
