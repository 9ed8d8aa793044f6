/* Query parameters and tags that several handlers take. What reads a
 * parameter returns false after setting request->problem. HTTP thread. */
#ifndef HANDLERS_PARAMS_H
#define HANDLERS_PARAMS_H

#include "server/request.h"

enum { WAIT_MAX_MS = 60000 };

/* The only value of a parameter that may be given once; STR_NONE: not given. */
bool param_once(struct request *request, const char *name, struct str *value);
/* 0 or 1; untouched if not given. */
bool param_switch(struct request *request, const char *name, bool *value);
/* Seconds to wait, in milliseconds; above WAIT_MAX_MS it counts as that, however many digits it
 * has. False: it is none. */
bool wait_parse(struct str text, int64_t *ms);
/* Seconds to wait, in milliseconds, at most WAIT_MAX_MS; untouched if not given. */
bool param_wait(struct request *request, int64_t *wait_ms);
/* A whole number from low on; above high it counts as high, however many digits it has, unless
 * high is INT64_MAX. Untouched if not given. */
bool param_int(struct request *request, const char *name, int64_t low, int64_t high,
               int64_t *value);
/* An RFC 3339 time. Untouched if not given. */
bool param_time(struct request *request, const char *name, int64_t *ms);
/* Whether a value of the parameter channel can be the name of one. */
bool channel_fits(struct request *request, struct str value);
/* Where a stream is to go on: the header Last-Event-ID beats the query (design 4.10). *resume: one
 * of them was given; *last_id is then -1 for a header that cannot be an id of ours. */
bool param_position(struct request *request, int64_t *last_id, bool *resume);

/* Whether If-None-Match has the tag, which is then answered with 304 (RFC 9110, section 13.1.2:
 * weak comparison). */
bool etag_known(struct request *request, struct str etag);

#endif
