/* Which events are kept: those of all tasks, by id, from the oldest on. Any thread, on its own
 * connection; errors stay in the connection's status (store/driver.h). */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include "store/driver.h"

#include <stdbool.h>
#include <stdint.h>

struct event_bounds {
    int64_t oldest, newest; /* ids; 0: there is none */
};
struct event_bounds event_bounds_read(struct db *db);
/* Whether a reader cannot go on behind this id: it was never ours (-1), is newer than the newest,
 * or some of what came after it is not kept any more (design 4.8, 4.10). 0 is the beginning of what
 * is kept. */
bool event_bounds_miss(const struct event_bounds *bounds, int64_t last_id);

#endif
