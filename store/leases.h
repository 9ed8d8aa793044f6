/* The rows of the table leases: attempts that workers elsewhere have in hand.
 * In the caller's transaction, on the caller's thread. */
#ifndef STORE_LEASES_H
#define STORE_LEASES_H

#include "base/arena.h"
#include "store/driver.h"

struct lease_row {
    int64_t task, attempt;
    struct str secret; /* the part of its token that cannot be guessed */
    int64_t ttl;       /* milliseconds that a heartbeat keeps it */
    int64_t expires_at;
    int64_t timeout_at;     /* when the attempt has taken too long; 0: never */
    int64_t cancel_by;      /* the worker knows of the cancel, and has until then; 0: not told */
    int64_t progress_since; /* when the present second of reports began */
    int64_t progress_count; /* reports told in it */
    struct str progress;    /* newest report that is not told yet; JSON, or STR_NONE */
    int64_t due_at;         /* when the server has to look at it; 0: it is over */
    struct str ended;       /* how it came to be over, or STR_NONE */
};

void lease_insert(struct db *db, const struct lease_row *lease);
/* Writes all but what names it. */
void lease_save(struct db *db, const struct lease_row *lease);
/* The lease of that attempt, over or not; false: there is none. */
bool lease_find(struct db *db, int64_t task, int64_t attempt, struct lease_row *lease,
                struct arena *arena);
/* Those that have to be looked at, the most urgent first, at most max. */
size_t leases_due(struct db *db, int64_t now, struct lease_row *leases, size_t max,
                  struct arena *arena);
/* When the next one has to be looked at; INT64_MAX: there is none. */
int64_t leases_next_due(struct db *db);

#endif
