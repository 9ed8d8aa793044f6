/* Whether a database is one of errand, and of which version. Asked before
 * anything is changed: what is not ours, or is newer than this binary, stays as
 * it is. */
#ifndef STORE_IDENTITY_H
#define STORE_IDENTITY_H

#include "store/driver.h"

/* What PRAGMA application_id says: "errd". Databases made by early builds say 0. */
enum { APPLICATION_ID = 0x65727264 };

struct identity {
    int64_t application; /* APPLICATION_ID, or 0 */
    int64_t version;     /* of the schema; 0: the file is empty */
};

/* The version that this binary brings a database to. */
int64_t identity_newest(void);

/* Reads it. False: *message says why it is not to be used (mem_free it); untouched otherwise. */
bool identity_read(struct db *db, struct identity *identity, char **message);

#endif
