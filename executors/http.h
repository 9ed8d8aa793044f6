/* The http executor: a call of a service for each attempt (design 2.3). */
#ifndef EXECUTORS_HTTP_H
#define EXECUTORS_HTTP_H

#include "executors/curl_loop.h"

struct call;

/* What all calls share; loop thread only. */
struct http_pool {
    struct curl_loop curl;
    size_t looking_up;    /* calls that may be waiting for their host's address */
    struct call *waiting; /* calls that may not look it up yet, oldest first */
    struct call **last;
    const char *ca_file; /* whom to trust; NULL: whom the system trusts */
};

void http_pool_init(struct http_pool *pool, uv_loop_t *loop);
/* No call may be left; the loop has to run once more for the handles to close. */
void http_pool_done(struct http_pool *pool);

#endif
