#include "store/events.h"

struct event_bounds event_bounds_read(struct db *db)
{
    struct event_bounds bounds = {0};
    struct stmt *stmt = db_stmt(db, SQL_event_bounds);
    if (stmt_step(stmt))
        bounds = (struct event_bounds){stmt_int(stmt, 0), stmt_int(stmt, 1)};
    stmt_end(stmt);
    return bounds;
}

bool event_bounds_miss(const struct event_bounds *bounds, int64_t last_id)
{
    return last_id < 0 || last_id > bounds->newest || (last_id > 0 && last_id < bounds->oldest - 1);
}
