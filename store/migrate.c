#include "store/migrate.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"

static const struct {
    int version;
    const char *name;
    const char *sql;
} migrations[] = {
#define X(version, name, sql) {version, name, sql},
#include "migrations.inc"
#undef X
};

static int64_t current_version(struct db *db)
{
    struct stmt *stmt = db_stmt(db, SQL_schema_version);
    int64_t version = stmt_step(stmt) ? stmt_int(stmt, 0) : 0;
    stmt_end(stmt);
    return version;
}

static void apply(struct db *db, size_t i)
{
    struct buf set = {0};
    buf_addf(&set, "PRAGMA user_version = %d", migrations[i].version);
    db_begin(db, DB_WRITE);
    db_script(db, migrations[i].sql);
    db_script(db, set.data);
    CRASH_POINT(in_migration);
    db_commit(db);
    CRASH_POINT(after_migration);
    buf_done(&set);
    if (db_status(db) == DB_OK)
        log_info("database: %s applied", migrations[i].name);
}

bool migrate(struct db *db, const char **message)
{
    int64_t version = current_version(db);
    if (version > migrations[array_size(migrations) - 1].version) {
        *message = "the database was made by a newer errand";
        return false;
    }
    for (size_t i = 0; i < array_size(migrations); i++) {
        if (migrations[i].version > version)
            apply(db, i);
    }
    *message = db_message(db);
    return db_status(db) == DB_OK;
}
