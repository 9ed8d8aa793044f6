/* The Prefer header (RFC 7240): wait=S and return=minimal. HTTP thread. */
#ifndef HANDLERS_PREFER_H
#define HANDLERS_PREFER_H

#include "server/request.h"

struct preferences {
    bool has_wait;
    int64_t wait_ms; /* at most WAIT_MAX_MS (handlers/params.h) */
    bool minimal;
};

/* False: a value of one of them is wrong, and request->problem is set (design 4.10). */
bool prefer_read(struct request *request, struct preferences *preferences);

#endif
