/* A child that ended because it used more than it may, as its task's error says it. */
#ifndef EXECUTORS_LIMIT_H
#define EXECUTORS_LIMIT_H

#include "executors/child.h"

/* How error.message begins, for a child that has ended; NULL: no limit was the reason. */
const char *limit_hit(const struct child *child, const struct limits *limits, struct arena *arena);

#endif
