/* Members of small JSON bodies, such as that of a cancel. Each returns false
 * after setting request->problem; null counts as absent. HTTP thread. */
#ifndef HANDLERS_BODY_H
#define HANDLERS_BODY_H

#include "server/request.h"

/* Refuses the member of the body. */
bool body_refuse(struct request *request, const char *name, const char *why);
/* The body is an object whose members have these names (separated by spaces), each once. */
bool body_members(struct request *request, const char *names);
/* A string, in the arena; untouched if absent. */
bool body_text(struct request *request, const char *name, struct str *value);
/* A whole number from low to high; untouched if absent. */
bool body_whole(struct request *request, const char *name, int64_t low, int64_t high,
                int64_t *value);
/* Seconds from low to high, fractions allowed, in milliseconds; untouched if absent. */
bool body_seconds(struct request *request, const char *name, int64_t low, int64_t high,
                  int64_t *ms);
bool body_flag(struct request *request, const char *name, bool *value);

#endif
