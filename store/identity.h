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

/* A database that is to be read, in a transaction, and what it is. */
struct identified {
    struct db *db;
    struct identity identity;
    bool still; /* nobody else has it open */
};

/* Opens it without changing it or anything beside it. False: *message says why (mem_free it): it is
 * not there, not of errand, newer than this binary, or it has a log that is not its own. */
bool identity_open(const char *path, struct identified *found, char **message);
/* False: somebody began to use it meanwhile, and what was read may be of no moment. */
bool identity_close(const char *path, struct identified *found);

/* Whether the file may be opened for writing: it is such a database, or empty, or not there. Looks
 * and changes nothing. False: *message says why not (mem_free it). */
bool identity_check(const char *path, char **message);

#endif
