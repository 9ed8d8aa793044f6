/*
 * A small blocking HTTP/1.1 client on a socket of its own: it sends any bytes,
 * so that broken requests can be sent too, and hands back what came as it came.
 * One connection can carry many exchanges. Nothing here waits past the deadline.
 */
#ifndef TESTS_API_HTTP_H
#define TESTS_API_HTTP_H

#include "tests/api/lib/body.h"

struct http;

struct reply {
    int status;
    const char *head; /* the status line and the headers, each ends in \r\n */
    struct body body;
};

struct http *http_open(struct scenario *, int port);
/* The same from an address of this machine: every 127.x.y.z is one. */
struct http *http_open_from(struct scenario *, const char *address, int port);
/* The same to an address of this machine, IPv4 or IPv6. */
struct http *http_open_to(struct scenario *, const char *address, int port);
void http_close(struct http *);
/* The machine of the client loses its power: the server is told nothing. False: that wants root. */
bool http_vanish(struct http *);
/* Closes so that the server is told at once, whatever it still has to send. */
void http_reset(struct http *);

/* False if the server has closed the connection. */
bool http_write(struct http *, const void *bytes, size_t length);
#define http_say(http, words) http_write(http, words, strlen(words))

/* One whole answer; NULL if the connection ended before it was there. `head`: it answers a HEAD. */
struct reply *http_read(struct http *, bool head);
struct reply *http_read_head(struct http *, bool head);

/* Some bytes of the body, as they come; 0 at its end, -1 if it was cut off or nothing came in time.
 */
long http_read_some(struct http *, char *into, size_t room, int milliseconds);
bool http_timed_out(const struct http *);

/* Waits until the server closes; fails if it sends anything more. */
#define expect_closed(http) http_expect_closed(http, HERE)
void http_expect_closed(struct http *, struct place);

/* Waits until these words come, and drops what came before them. */
#define http_await(http, words) http_await_words(http, words, HERE)
void http_await_words(struct http *, const char *words, struct place);

/* Says that no more will be sent; answers can still be read. */
void http_end(struct http *);
/* Whether the server has closed it by now; does not wait. What came before is dropped. */
bool http_is_closed(struct http *);

/* The buffer for what comes in: a small one for a reader that is too slow on purpose. */
void http_window(struct http *, int bytes);

/* NULL if there is no such header; names in any case. The first, if there are several. */
const char *header(const struct reply *, const char *name);

#define expect_status(reply, want)        reply_expect_status(reply, want, HERE)
#define expect_header(reply, name, want)  reply_expect_header(reply, name, want, HERE)
#define expect_problem(reply, want, slug) reply_expect_problem(reply, want, slug, HERE)
/* A 422 invalid-request that points at a place. */
#define expect_pointer(reply, pointer)     reply_expect_error(reply, "pointer", pointer, HERE)
#define expect_parameter(reply, parameter) reply_expect_error(reply, "parameter", parameter, HERE)
void reply_expect_status(const struct reply *, int want, struct place);
void reply_expect_header(const struct reply *, const char *name, const char *want, struct place);
void reply_expect_problem(const struct reply *, int want, const char *slug, struct place);
void reply_expect_error(const struct reply *, const char *kind, const char *want, struct place);

#endif
