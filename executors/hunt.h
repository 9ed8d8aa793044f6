/* The last resort against what starts others faster than it is killed: looks at
 * all processes of the system. Any thread. */
#ifndef EXECUTORS_HUNT_H
#define EXECUTORS_HUNT_H

#include <stddef.h>
#include <stdint.h>

/* Kills all that carry one of these marks; how many there were. Before it kills, it stops them:
 * what is stopped starts nothing, and still takes its place in a limit of processes. They may take
 * a moment to be gone, and some may have escaped: again, until there were none. */
size_t hunt(uint64_t first, uint64_t last);

#endif
