/* The HTTP server: threads that each run libmicrohttpd in external mode on an
 * event loop of their own, all accepting from one listening socket
 * (server/connection.h).
 *
 * libmicrohttpd's own threads are not used: with 128 busy connections they can
 * stop for good (docs/decisions/0003), and the loop wakes resumed requests once
 * a batch. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include "server/access.h"
#include "server/authority.h"
#include "server/connection.h"
#include "server/hub.h"
#include "server/router.h"

#include <uv.h>

struct http_config {
    struct route_table routes;
    struct access_rules access;
    struct authority *authority;
    void *app;       /* given to handlers */
    struct hub *hub; /* says farewell to clients whose body is refused half-way */
    struct admission *admission;
    struct connection_limits limits;
    unsigned threads;      /* at least 1 */
    int64_t max_body;      /* bytes */
    int64_t max_result;    /* bytes of a body whose rule is BODY_RESULT */
    int64_t max_in_flight; /* bytes that requests may hold together */
    int64_t max_header;    /* bytes of a request's line and headers */
};

/* Answers that are not libmicrohttpd's to write: rendered once. */
enum http_text {
    HTTP_TEXT_TIMEOUT,
    HTTP_TEXT_STUCK,
    HTTP_TEXT_NUL,
    HTTP_TEXT_FULL,
    HTTP_TEXT_ADDRESS_FULL,
    HTTP_TEXTS
};

struct http_thread {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    uv_loop_t loop;
    uv_poll_t ready;    /* libmicrohttpd's epoll descriptor */
    uv_async_t wake;    /* requests to resume, or the end */
    uv_poll_t incoming; /* the server's socket */
    uv_timer_t pause;   /* until it accepts again */
    uv_timer_t sweep;   /* looks for connections that take too long */
    struct mailbox mailbox;
    struct connection_list lists[PHASES];
    struct connection *arriving; /* being handed to libmicrohttpd */
    size_t open;                 /* connections */
    bool in_want;                /* of a descriptor for the next one: the log has been told */
    int suspended;               /* requests that somebody will wake */
    pthread_t thread;
    _Atomic int64_t answers[6]; /* by the first digit of the status; only this thread counts */
};

struct http_server {
    struct http_config config;
    int socket;
    struct http_thread *threads;
    struct buf rendered[HTTP_TEXTS];
    struct str texts[HTTP_TEXTS];
    _Atomic int64_t timeouts[PHASES]; /* connections that were cut off, for statistics; as next */
    _Atomic int64_t held;             /* bytes that requests hold, less what each has free */
    _Atomic int64_t evictions;        /* connections that had to make room */
    _Atomic bool stopping;
};

enum { HTTP_BACKLOG = 1024 };

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
/* HTTP thread: lets libmicrohttpd do what there is to do. */
void http_run(struct http_thread *thread);
/* Any thread: requests answered with a status of this first digit, 1 to 5. */
int64_t http_answers(const struct http_server *server, unsigned digit);

#endif
