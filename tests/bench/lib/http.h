#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * As much of an HTTP client as measuring needs: requests are made once and sent many
 * times, of an answer only the status and the end count, and nothing is allocated.
 */
struct reply {
    bool done;
    int status;
    size_t bytes;    /* of the body, known when its head is complete */
    size_t left;     /* of the body, still to come */
    size_t head_len; /* 0 again when the head is complete */
    char head[4096];
};

/* Takes what was received. Dies on an answer without Content-Length, or on more than one
 * answer. */
void reply_feed(struct reply *r, const char *data, size_t len);

/* Makes a request, newly allocated: POST with a JSON body, or GET if `body` is NULL.
 * `header` is one more header line without its end, or NULL. */
char *request_make(const char *path, const char *header, const char *body, size_t *len);

int tcp_connect(int port); /* loopback, blocking, no delay; dies when it cannot */
void tcp_close(int fd);    /* at once: no TIME_WAIT, which would eat the port range */
void tcp_send(int fd, const char *data, size_t len); /* all of it */

/* One request and its whole answer; returns the status. The body goes to `body`, as much
 * as fits, ended by \0; or nowhere, if `body` is NULL. */
int http_exchange(int fd, const char *request, size_t len, char *body, size_t size);

/* The count of `state` in GET /v1/stats ("queued", "succeeded", …); 0 if it is not named. */
long stats_count(int fd, const char *state);

/* Ends the part; says what, all of GET /v1/stats, and a task that failed, if one did. */
_Noreturn void die_with_stats(int fd, const char *what);

/* An array of `count` times `task`, newly allocated. */
char *json_repeat(const char *task, int count);

#endif
