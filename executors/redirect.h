/* Where a redirect of a service may lead: nowhere else (docs/decisions). Pure. */
#ifndef EXECUTORS_REDIRECT_H
#define EXECUTORS_REDIRECT_H

#include "base/arena.h"

/* Whether it is a status whose Location is followed at all. */
bool redirect_status(long status);
/* STR_NONE if target has the scheme, host and port of url; else target's "scheme://host:port". */
struct str redirect_elsewhere(const char *url, const char *target, struct arena *arena);

#endif
