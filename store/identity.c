#include "store/identity.h"

#include "base/mem.h"

static const int versions[] = {
#define X(version, name, sql) version,
#include "migrations.inc"
#undef X
};

int64_t identity_newest(void)
{
    return versions[array_size(versions) - 1];
}

static char *too_new(int64_t version)
{
    struct buf text = {0};
    buf_addf(&text,
             "the database was made by a newer errand (schema %lld, this one knows up to %lld)",
             (long long)version, (long long)identity_newest());
    return buf_take(&text, NULL);
}

bool identity_read(struct db *db, struct identity *identity, char **message)
{
    struct stmt *stmt = db_stmt(db, SQL_identity);
    int64_t things = 0, tables = 0;
    if (stmt_step(stmt)) {
        *identity = (struct identity){stmt_int(stmt, 0), stmt_int(stmt, 1)};
        things = stmt_int(stmt, 2);
        tables = stmt_int(stmt, 3);
    }
    stmt_end(stmt);
    bool empty = !things && !identity->version && !identity->application;
    bool ours = empty || (tables == 2 && identity->version > 0 &&
                          (!identity->application || identity->application == APPLICATION_ID));
    if (db_status(db) != DB_OK)
        *message = mem_string(db_message(db));
    else if (!ours)
        *message = mem_string("the database is of another program");
    else if (identity->version > identity_newest())
        *message = too_new(identity->version);
    else
        return true;
    return false;
}
