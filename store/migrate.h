/* Brings a database to the version that this binary wants: the numbered scripts
 * of migrations/, forward only, each in a transaction with its version number
 * (PRAGMA user_version). */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/driver.h"

/* False: *message (static or of db, do not free) says why; the database is as it was before the
 * script that failed. A database newer than the binary is refused. */
bool migrate(struct db *db, const char **message);

#endif
