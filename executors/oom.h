/* Whether the kernel has lately killed a process for want of memory: what tells
 * its SIGKILL from everybody else's. The counter is the machine's, so it may
 * have been another process: docs/decisions/0013. Loop thread only. */
#ifndef EXECUTORS_OOM_H
#define EXECUTORS_OOM_H

#include <stdbool.h>
#include <stdint.h>

struct oom {
    int64_t before, last; /* kills since boot, at the look before the last one and at the last */
};

void oom_begin(struct oom *oom);
/* Once in a while. A process may take a moment to die, so one look is remembered. */
void oom_look(struct oom *oom);
/* Since the look before the last one. */
bool oom_seen(const struct oom *oom);

#endif
