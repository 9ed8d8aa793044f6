/* A copy of a database as of one moment, while a server works on it: written
 * beside its place, checked, and only then put there. */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "store/check.h"

struct backup {
    const char *database; /* the file to copy */
    const char *file;     /* what becomes of it; FILE.partial until it is whole */
    bool force;           /* put it in place of a file that is there */
    struct check check;   /* found and arg are the caller's; what the check of the copy found */
    int64_t bytes;        /* set: the length of the copy */
};

/* False: *message says why (mem_free it); there is no new file, and one that was there is as it
 * was. True: the copy is in its place and on the disk, with mode 0600. It is as the database is:
 * what check found that is no damage of the file is found in both. */
bool backup_make(struct backup *backup, char **message);

#endif
