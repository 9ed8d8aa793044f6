/* libcurl's multi interface on a libuv loop: any number of transfers on the
 * loop's own thread, nothing that waits.
 *
 * While nothing is transferred there is no timer and no descriptor: connections
 * are kept for the next transfer for CURL_LOOP_IDLE_MS, then libcurl's part is
 * closed as a whole, and opened again when it is needed. Loop thread only. */
#ifndef EXECUTORS_CURL_LOOP_H
#define EXECUTORS_CURL_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* How long connections are kept open when nothing is transferred any more. */
enum { CURL_LOOP_IDLE_MS = 30000 };

struct curl_loop {
    uv_loop_t *loop;
    CURLM *multi;     /* NULL: closed */
    bool ready;       /* libcurl is initialised */
    size_t count;     /* transfers */
    uv_timer_t timer; /* libcurl's own */
    uv_timer_t idle;  /* closes multi */
    /* A transfer has ended and is no longer part of the loop. May add and remove others. */
    void (*done)(struct curl_loop *curl, CURL *easy, CURLcode code);
    /* libcurl has worked, and is called by nobody now: what must not happen in its callbacks. */
    void (*turned)(struct curl_loop *curl);
};

/* done and turned are the caller's to set. */
void curl_loop_init(struct curl_loop *curl, uv_loop_t *loop);
/* A transfer that is yet to be set up, the caller's to clean up; NULL: libcurl cannot start. The
 * first one makes libcurl ready, which takes 3 MB that a server without calls does not need. */
CURL *curl_loop_transfer(struct curl_loop *curl);
/* Starts a transfer. Not in a callback of libcurl's. */
void curl_loop_add(struct curl_loop *curl, CURL *easy);
/* Breaks a transfer off and closes its connection; done is not called. Not in a callback. */
void curl_loop_remove(struct curl_loop *curl, CURL *easy);
/* No transfer may be left; the loop has to run once more for the handles to close. */
void curl_loop_done(struct curl_loop *curl);

#endif
