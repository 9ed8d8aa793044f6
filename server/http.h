/* The HTTP server: threads that each run libmicrohttpd in external mode on an
 * event loop of their own, all accepting from one listening socket.
 *
 * libmicrohttpd's own threads are not used: with 128 busy connections they can
 * stop for good (docs/decisions/0003), and the loop wakes resumed requests once
 * a batch. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include "server/access.h"
#include "server/authority.h"
#include "server/hub.h"
#include "server/router.h"

#include <uv.h>

struct http_config {
    struct route_table routes;
    struct access_rules access;
    struct authority *authority;
    void *app;            /* given to handlers */
    struct hub *hub;      /* says farewell to clients whose body is refused half-way */
    unsigned threads;     /* at least 1 */
    unsigned connections; /* at most so many at once */
    int64_t max_body;     /* bytes */
    int64_t max_result;   /* bytes of a body whose rule is BODY_RESULT */
};

struct http_thread {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    uv_loop_t loop;
    uv_poll_t ready;  /* libmicrohttpd's epoll descriptor */
    uv_async_t wake;  /* requests to resume, or the end */
    uv_timer_t timer; /* connections' time-outs */
    struct mailbox mailbox;
    unsigned limit; /* connections at once */
    bool full;      /* at the limit when last looked at */
    int suspended;  /* requests that somebody will wake */
    pthread_t thread;
    _Atomic int64_t answers[6]; /* by the first digit of the status; only this thread counts */
};

struct http_server {
    struct http_config config;
    int socket;
    struct http_thread *threads;
    _Atomic bool stopping;
};

enum { HTTP_BACKLOG = 1024, HTTP_IDLE_SECONDS = 75, HTTP_CONNECTION_MEMORY = 16384 };

/* Whether the text is of the form HOST:PORT, with [ ] around an IPv6 address. */
bool http_address_valid(struct str address);
/* Binds "HOST:PORT" and listens, but serves nobody yet. bound: what getsockname says, for the ready
 * line and the access rules. -1: *message (mem_free it) says why. */
int http_listen(struct str address, struct sockaddr_storage *bound, char **message);
/* Starts serving on the socket, which is the server's from here on. False: *message says why. */
bool http_start(struct http_server *server, int socket, const struct http_config *config,
                char **message);
/* Takes no more connections, and waits for suspended requests: somebody has to wake each. */
void http_stop(struct http_server *server);
/* Any thread: requests answered with a status of this first digit, 1 to 5. */
int64_t http_answers(const struct http_server *server, unsigned digit);

#endif
