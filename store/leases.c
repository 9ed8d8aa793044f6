#include "store/leases.h"

static void bind_changing(struct stmt *stmt, const struct lease_row *lease)
{
    stmt_bind_int(stmt, ":task", lease->task);
    stmt_bind_int(stmt, ":attempt", lease->attempt);
    stmt_bind_int(stmt, ":expires_at", lease->expires_at);
    stmt_bind_int(stmt, ":cancel_by", lease->cancel_by);
    stmt_bind_int(stmt, ":progress_since", lease->progress_since);
    stmt_bind_int(stmt, ":progress_count", lease->progress_count);
    stmt_bind_text(stmt, ":progress", lease->progress);
    stmt_bind_int(stmt, ":due_at", lease->due_at);
    stmt_bind_text(stmt, ":ended", lease->ended);
}

void lease_insert(struct db *db, const struct lease_row *lease)
{
    struct stmt *stmt = db_stmt(db, SQL_lease_insert);
    bind_changing(stmt, lease);
    stmt_bind_text(stmt, ":secret", lease->secret);
    stmt_bind_int(stmt, ":ttl", lease->ttl);
    stmt_bind_int(stmt, ":timeout_at", lease->timeout_at);
    stmt_run(stmt);
}

void lease_save(struct db *db, const struct lease_row *lease)
{
    struct stmt *stmt = db_stmt(db, SQL_lease_save);
    bind_changing(stmt, lease);
    stmt_run(stmt);
}

static void lease_read(struct stmt *stmt, struct lease_row *lease, struct arena *arena)
{
    *lease = (struct lease_row){.task = stmt_int(stmt, 0),
                                .attempt = stmt_int(stmt, 1),
                                .secret = arena_str(arena, stmt_text(stmt, 2)),
                                .ttl = stmt_int(stmt, 3),
                                .expires_at = stmt_int(stmt, 4),
                                .timeout_at = stmt_int(stmt, 5),
                                .cancel_by = stmt_int(stmt, 6),
                                .progress_since = stmt_int(stmt, 7),
                                .progress_count = stmt_int(stmt, 8),
                                .progress = arena_str(arena, stmt_text(stmt, 9)),
                                .due_at = stmt_int(stmt, 10),
                                .ended = arena_str(arena, stmt_text(stmt, 11))};
}

bool lease_find(struct db *db, int64_t task, int64_t attempt, struct lease_row *lease,
                struct arena *arena)
{
    struct stmt *stmt = db_stmt(db, SQL_lease);
    stmt_bind_int(stmt, ":task", task);
    stmt_bind_int(stmt, ":attempt", attempt);
    bool found = stmt_step(stmt);
    if (found)
        lease_read(stmt, lease, arena);
    stmt_end(stmt);
    return found;
}

size_t leases_due(struct db *db, int64_t now, struct lease_row *leases, size_t max,
                  struct arena *arena)
{
    size_t count = 0;
    struct stmt *stmt = db_stmt(db, SQL_leases_due);
    stmt_bind_int(stmt, ":now", now);
    stmt_bind_int(stmt, ":limit", (int64_t)max);
    while (count < max && stmt_step(stmt))
        lease_read(stmt, &leases[count++], arena);
    stmt_end(stmt);
    return count;
}

int64_t leases_next_due(struct db *db)
{
    struct stmt *stmt = db_stmt(db, SQL_leases_next_due);
    int64_t next = stmt_step(stmt) ? stmt_int(stmt, 0) : 0;
    stmt_end(stmt);
    return next ? next : INT64_MAX;
}
