/* Brings a database to the version that this binary wants: the numbered scripts
 * of migrations/, forward only, each in a transaction with its version number
 * (PRAGMA user_version). */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/driver.h"

/* False: *message says why (mem_free it); the database is as it was before the script that failed.
 * One that is newer than the binary, or of another program, is refused. */
bool migrate(struct db *db, char **message);

#endif
