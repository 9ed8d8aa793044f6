/* Named points at which the server can be made to die, as kill -9 would have it.
 *
 * They are there in a build with `make FAULTS=1` only (build/faults). It reads
 * ERRAND_CRASH=POINT:N and sends itself SIGKILL when it passes that point for
 * the N-th time; with POINT:N:power it dies as if the power were cut: of what was
 * written to the database and not synced, some is taken back. In all other builds a
 * point is nothing. tests/crash/ uses them. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#ifdef ERRAND_FAULTS

#include <stdbool.h>

enum crash_point {
#define POINT(name, text, where) CRASH_##name,
#include "base/crash_points.def"
#undef POINT
    CRASH_POINT_COUNT
};

/* Any thread; and, but for power, the child of a clone(2) that has the server's memory: it kills
 * the server. */
void fault_pass(enum crash_point point);
/* Whether the next fault_pass of this point kills: for one that leaves something half done. */
bool fault_is_next(enum crash_point point);
/* Whether the power is to be cut: then `cut` runs before the server dies, on the thread that does.
 * Once, before there are threads. */
bool fault_takes_power(void (*cut)(void));

#define CRASH_POINT(name) fault_pass(CRASH_##name)

#else

#define CRASH_POINT(name) ((void)0)

#endif

#endif
