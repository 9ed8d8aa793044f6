/* A connection that never was: the few functions of libmicrohttpd through which
 * a request is read, over a text. They stand before the library's own at the
 * link. */
#ifndef TESTS_FUZZ_LIB_CONNECTION_H
#define TESTS_FUZZ_LIB_CONNECTION_H

#include "base/arena.h"

#include <microhttpd.h>

struct field {
    struct field *next;
    struct str name, value; /* NUL-ended too */
};

struct MHD_Connection {
    struct field *headers; /* in order */
};

/* "METHOD /path?query", then "Name: value" a line. Escapes in the path are read as
 * libmicrohttpd does; sent: the query as it is. False: not of that form. */
bool connection_read(struct str text, struct arena *arena, struct MHD_Connection *connection,
                     struct str *method, struct str *path, struct str *sent);

#endif
