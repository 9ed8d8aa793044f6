/* What the two files of the SQLite driver share: store/sqlite_open.c makes connections,
 * store/sqlite.c uses them. Nobody else includes this. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/driver.h"

#include <sqlite3.h>

/* Looking a parameter up by its name costs more than binding it: each name is looked up once, and
 * found again by the address of its text. */
struct parameter {
    const char *name;
    int index;
};

struct stmt {
    struct db *db;
    sqlite3_stmt *handle;
    struct parameter *parameters; /* in the order of their first binding; heap */
    size_t parameter_count;
    size_t next; /* binds come in the same order each time */
};

struct db {
    sqlite3 *handle;
    enum db_status status;
    int64_t fold_bytes; /* of the log, before it is folded; 0: never */
    bool cramped;
    struct stmt stmts[STATEMENT_COUNT];
};

/* Whether that result means that there is no room on the disk. SQLite says FULL of its two files
 * there, but neither of the index of the log nor of a quota. */
bool sqlite_no_room(struct db *db, int rc);

#endif
