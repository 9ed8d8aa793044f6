/* One HTTP request, from its header to its reply, and what handlers do with it.
 *
 * A handler runs on an HTTP thread when the whole body is there. It either
 * replies (server/reply.h), or suspends the request, posts work elsewhere and is
 * called again at `resume` on the same HTTP thread, or hands the socket over.
 * An HTTP thread never waits. Everything of a request lives in its arena. */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include "base/json.h"
#include "base/mailbox.h"
#include "model/problem.h"
#include "server/target.h"

#include <microhttpd.h>

struct http_server;
struct http_thread;
struct peer;
struct request;
struct ticket;
struct token;
struct tokens;

enum http_method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHODS };

enum body_rule {
    BODY_NONE,     /* what comes is ignored */
    BODY_JSON,     /* application/json, needed */
    BODY_OPTIONAL, /* application/json, or nothing at all */
    BODY_RESULT,   /* application/json, needed; as large as a result may be. It is only checked:
                      request->body is then the result on one line, and there is no json. */
};

/* Who is answered, where the server has tokens. */
enum access_rule {
    ACCESS_OPEN, /* anybody */
    ACCESS_PAGE, /* any token; without one the handler answers 401 itself (request->problem) */
    ACCESS_ANY,  /* any token */
/* A token with the scope of that name. */
#define X(name, text, functions, about) ACCESS_##name,
#include "server/scope.def"
#undef X
};

/* A row of the route table. Everything the server knows of a route is here. */
struct route {
    enum http_method method;
    const char *path; /* "/v1/tasks/{id}/result": one {} at most, a task id or a slug */
    void (*handle)(struct request *request);
    enum body_rule body;
    const char *type;       /* media types of a good answer, the usual one first: "a/b, c/d" */
    const char *parameters; /* the query's, separated by spaces; "" for none */
    enum access_rule access;
    const char *summary; /* one line for the API's description */
    const char *takes;   /* of the body: a name that the description knows; "" for none */
    const char *answers; /* likewise: handlers/routes.c says how */
};

enum { HELD_FREE = 65536 };

struct header {
    struct header *next;
    struct str name, value;
};

struct request {
    struct mail mail; /* in its thread's mailbox, when it is to be resumed */
    struct http_thread *thread;
    struct MHD_Connection *connection;
    void *app; /* the handlers' own (struct app) */
    struct arena arena;
    struct arena
        bulk; /* what is read for the answer and may be large: goes when it is not needed */
    const struct route *route;
    struct str method, path, id; /* id: what stood for the {} of the path */
    const char *target;          /* in libmicrohttpd's memory: compared, not read */
    size_t target_len;           /* as it was sent, up to a carriage return */
    bool spaced;                 /* there is a space in it, which may not be */
    bool old;                    /* HTTP/1.0, where a Host is not needed */
    struct hidden_query hidden;  /* until the head is there */
    struct str query;            /* as it was sent, in libmicrohttpd's memory; see request_query */
    struct str host;             /* whom it is for: the target says so, or the header Host */
    struct str type;             /* of the route's media types the one that Accept wants */
    struct buf body;
    size_t body_limit;
    size_t received;  /* bytes of the body so far, whether they are kept or not */
    size_t held;      /* bytes of memory that it was found to hold */
    bool taken_from;  /* what it answers exists nowhere else: it is answered, whatever that holds */
    struct json json; /* the body, when the route's rule is JSON or OPTIONAL and there is one */
    bool has_json;
    struct tokens *tokens;       /* of the moment when it came; one reference, or NULL */
    const struct token *token;   /* who asks; NULL: nobody has to say */
    const struct ticket *ticket; /* what he may see, if he came with a ticket; else NULL */
    struct problem problem;      /* why it is refused, or PROBLEM_NONE */
    struct header *headers;      /* to be added to the reply */
    void (*resume)(struct request *request);
    void *state;                 /* the handler's own, between its steps */
    void (*release)(void *what); /* see request_at_end */
    void *what;
    bool suspended;
    bool replied;
    unsigned status;        /* of the reply, once there is one */
    const char *reply_type; /* likewise its media type, or NULL, and its body: libmicrohttpd's */
    struct str reply;
    bool taken; /* the socket was handed over: libmicrohttpd drops its own */
};

/* The value of a header field (of its first line), or STR_NONE. Borrowed from libmicrohttpd. */
struct str request_header(const struct request *request, const char *name);
/* The same for a header that is a list: several lines of it are one, joined by commas (RFC 9110,
 * section 5.3). Perhaps in the arena. */
struct str request_header_list(struct request *request, const char *name);
/* The i-th value of a query parameter (i from 0), or STR_NONE. A parameter without "=" is empty.
 * In the arena. */
struct str request_query(struct request *request, const char *name, size_t i);
/* The same, one after the other: *rest starts as request->query. False: that was all. */
bool request_query_next(struct request *request, const char *name, struct str *rest,
                        struct str *value);
/* Adds a header to the reply; texts are copied. */
void request_add_header(struct request *request, const char *name, struct str value);

/* HTTP thread: it holds so many bytes more, until its end. False: beside what others hold that is
 * too much (--max-in-flight); the first HELD_FREE bytes of each request never are. */
bool request_hold(struct request *request, size_t bytes);
/* Any thread that has the request, which may be suspended. The same, but where it is too much it
 * holds no more than before. */
bool request_try_hold(struct request *request, size_t bytes);
void request_unhold(struct request *request);

/* HTTP thread: release(what) gives back what the arena does not own, once, when the request is
 * over. The client may leave while the request is suspended, and resume is then never called. One
 * for a request. */
void request_at_end(struct request *request, void (*release)(void *what), void *what);

/* HTTP thread, in a handler or at resume: nothing happens to the request until request_wake. Call
 * it before the work is posted. */
void request_suspend(struct request *request, void (*resume)(struct request *request));
/* Any thread: resume is called on the request's HTTP thread. */
void request_wake(struct request *request);
/* Takes the socket over: a duplicate of its descriptor, the caller's. libmicrohttpd lets go of the
 * connection when the handler returns. -1: no descriptor is left (errno). */
int request_take_socket(struct request *request);
/* The connection's place among all of them, for who has taken its socket and keeps it. */
struct peer *request_take_place(struct request *request);

#endif
