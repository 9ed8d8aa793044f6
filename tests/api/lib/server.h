/*
 * The real server, as a child of the test: started on the scenario's folder with
 * port 0, watched, stopped or killed, started again on the same data. What it says
 * on standard error is kept and shown when a scenario fails; a report of a
 * sanitizer in it, or a death that nobody asked for, fails the scenario.
 */
#ifndef TESTS_API_SERVER_H
#define TESTS_API_SERVER_H

#include <sys/types.h>

#include "tests/api/lib/http.h"

struct server {
    struct scenario *scenario;
    pid_t pid; /* 0: ended */
    int port;
    int output;         /* its standard output */
    const char *said;   /* what it printed on it until it was ready: its one line */
    const char *errors; /* the file of its standard error, in the scenario's folder */
    int exit_status;    /* once it ended; 128 + signal after a signal */
    struct http *http;  /* the connection that call() uses */
};

/* A variable for the servers that are started from now on: NAME=value. */
void server_environment(struct scenario *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Starts and waits until it listens. Flags are separated by blanks and come after
 * the harness's own: port 0, the scenario's data and functions, short grace and drain.
 */
struct server *server_start(struct scenario *, const char *flags, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, but it may fail: then its port is 0, and it runs or has ended. */
struct server *server_try(struct scenario *, const char *flags);

void server_signal(struct server *, int signal);
/* Whether it has ended, or does so in that time; then exit_status says how. */
bool server_over(struct server *, int milliseconds);
/* Its exit status, when it has ended by itself. */
int server_wait(struct server *);
/* SIGTERM, and the exit status. */
int server_stop(struct server *);
void server_kill9(struct server *);
/* All that it printed on standard output; only after its end. */
const char *server_output(struct server *);
const char *server_log(struct server *);
const char *server_origin(struct server *); /* http://127.0.0.1:port */

/* A run that ends by itself, with the arguments as given: `serve --help`. */
struct run {
    int exit_status;
    const char *output;
    const char *errors;
};
struct run *errand_run(struct scenario *, const char *arguments, ...)
    __attribute__((format(printf, 2, 3)));

/* --- asking it ---------------------------------------------------------------- */

struct request {
    const char *method;  /* GET; POST if there is a body */
    const char *path;    /* with the query */
    const char *headers; /* lines, each ends in \r\n */
    const char *body;
    size_t length;    /* of the body; 0: up to its NUL */
    const char *type; /* application/json; "": no Content-Type */
    const char *host; /* 127.0.0.1:port */
};

/* call(server, .method = "PUT", .path = "/v1/tasks") */
#define call(server, ...) server_call(server, &(struct request){__VA_ARGS__}, HERE)
struct reply *server_call(struct server *, const struct request *, struct place);

/* The bytes of a request, for a connection of one's own. */
char *request_bytes(struct server *, const struct request *, size_t *length);

struct http *server_connect(struct server *);

struct reply *get(struct server *, const char *path, ...) __attribute__((format(printf, 2, 3)));
/* The body as in json(): single quotes for double ones. */
struct reply *post(struct server *, const char *path, const char *body, ...)
    __attribute__((format(printf, 3, 4)));

#endif
