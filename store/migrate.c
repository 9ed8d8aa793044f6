#include "store/migrate.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/identity.h"

static const struct {
    int version;
    const char *name;
    const char *sql;
} migrations[] = {
#define X(version, name, sql) {version, name, sql},
#include "migrations.inc"
#undef X
};

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

/* Databases of early builds do not say whose they are. */
static void sign(struct db *db)
{
    struct buf set = {0};
    buf_addf(&set, "PRAGMA application_id = %d", APPLICATION_ID);
    db_script(db, set.data);
    buf_done(&set);
}

bool migrate(struct db *db, char **message)
{
    struct identity identity = {0};
    if (!identity_read(db, &identity, message))
        return false;
    for (size_t i = 0; i < array_size(migrations); i++) {
        if (migrations[i].version > identity.version)
            apply(db, i);
    }
    if (identity.application != APPLICATION_ID)
        sign(db);
    if (db_status(db) == DB_OK)
        return true;
    *message = mem_string(db_message(db));
    return false;
}
