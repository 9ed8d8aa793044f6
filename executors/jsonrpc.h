/* JSON-RPC 2.0 between the server and its workers (design 2.3), one message a
 * line: making those to a worker, reading those from it. Pure; any thread. */
#ifndef EXECUTORS_JSONRPC_H
#define EXECUTORS_JSONRPC_H

#include "base/arena.h"
#include "base/str.h"

/* error.code of a worker's safe exit (design 5.6). */
enum { JSONRPC_SAFE_EXIT = -32099 };

enum jsonrpc_kind {
    JSONRPC_RESULT,
    JSONRPC_ERROR,
    JSONRPC_PROGRESS,
    JSONRPC_LOG,
    JSONRPC_OTHER /* a notification that means nothing to the server, or not well-formed */
};

/* What a worker says. Texts are in the arena, or slices of the line. */
struct jsonrpc {
    enum jsonrpc_kind kind;
    struct str id;     /* of the task, as it was given to the worker */
    struct str result; /* RESULT: JSON without white space between tokens */
    bool too_deep;     /* RESULT: it has more levels than a result may have, and is not given */
    int64_t code;      /* ERROR: error.code; 0 if that is no number of 64 bits */
    struct str text;   /* ERROR: error.message; LOG: the line */
    struct str data;   /* ERROR: error.data, a string's value or else its JSON; or STR_NONE */
    struct str value;  /* PROGRESS: {"value","message"}, as a run tells it */
};

/* A task for the worker, with its line end. args and kwargs are JSON. */
struct jsonrpc_call {
    struct str id, function, args, kwargs;
    int64_t attempt;
};
void jsonrpc_request(const struct jsonrpc_call *call, struct buf *out);
/* Asks the worker to end a task, with the line end. */
void jsonrpc_cancel(struct str id, struct buf *out);

/* Reads a line, its end left out. False: a worker must not say that, and *why (static) tells why
 * not. */
bool jsonrpc_read(struct str line, struct arena *arena, struct jsonrpc *message, const char **why);

#endif
