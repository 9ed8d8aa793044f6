/* An open connection, from its accept to its end, and how long it may take for
 * what. Each HTTP thread accepts its own and hands them to libmicrohttpd, which
 * knows only one kind of time limit, that of a client that says nothing at all:
 * one that sends a byte now and then would stay for ever.
 *
 * A connection is in one phase at a time, and in the list of that phase, the
 * one that has been in it for longest first. All functions: on its HTTP thread. */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include "server/admission.h"

#include <microhttpd.h>

struct http_thread;
struct request;

enum connection_phase {
    PHASE_FIRST,  /* has to send its first request's line and headers: --header-timeout */
    PHASE_IDLE,   /* the same for a further request: --idle-timeout */
    PHASE_BODY,   /* sends a body: --min-rate, over --body-timeout */
    PHASE_WORK,   /* waits for us: no limit */
    PHASE_ANSWER, /* takes an answer: as for a body */
    PHASE_END,    /* was cut off, has no place and is about to be closed: asks nothing any more */
    PHASES
};

struct connection_limits {
    int64_t header_ms, idle_ms, body_ms;
    int64_t min_rate;     /* bytes a second */
    int64_t heartbeat_ms; /* of streams: after some of them a client that is silent has vanished */
};

struct connection {
    struct connection *older, *newer; /* in the list of its phase */
    struct http_thread *thread;
    struct peer *peer;       /* its place; NULL: a stream has it, or it was given up */
    int fd;                  /* libmicrohttpd's */
    struct request *request; /* whose line has come, and which has not ended */
    bool stuck;              /* sends a body that was not read when it was last looked at */
    enum connection_phase phase;
    int64_t since; /* loop time at which the phase began, or was last looked at; milliseconds */
    int64_t moved; /* bytes of the phase's direction that the connection had seen by then */
};

struct connection_list {
    struct connection *oldest, *newest;
};

/* Has the kernel find out which clients have vanished without a word: it asks for them where
 * nothing is sent, and ends the connection. What is accepted on the socket inherits that. */
void connections_prepare(int socket, const struct connection_limits *limits);
/* Starts to accept on the server's socket. False: the kernel has no watch for it. */
bool connections_start(struct http_thread *thread);
/* Accepts no more; those that are open stay. */
void connections_stop(struct http_thread *thread);

/* libmicrohttpd's notice that a connection begins or has ended. arg: the HTTP thread. */
void connection_notify(void *arg, struct MHD_Connection *connection, void **context,
                       enum MHD_ConnectionNotificationCode code);
struct connection *connection_of(struct MHD_Connection *connection);
void connection_enter(struct connection *connection, enum connection_phase phase);
/* Some of the request's body was read. */
void connection_moves_on(struct connection *connection);
/* Cuts the connection off with this answer (enum http_text): libmicrohttpd would give none. */
void connection_refuse(struct connection *connection, int text);
/* The place goes over to the caller, who leaves it. */
struct peer *connection_take_place(struct connection *connection);

#endif
