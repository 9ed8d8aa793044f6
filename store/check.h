/* Holds a database against what is true of every database of errand
 * (store/invariants.sql). Reads only; may be used beside a server that runs. */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "store/driver.h"

struct check {
    /* A place where an invariant does not hold: its name, and a line of text. Texts that came from
     * clients may be in it. */
    void (*found)(void *arg, const char *invariant, struct str what);
    void *arg;
    /* Set by check_file: */
    int64_t version;             /* of the schema */
    bool whole;                  /* false: an older schema, so that only the file itself was looked
                                    at, and there are no counts */
    int64_t tasks, live, events; /* what the database holds */
    int64_t invariants;          /* how many were asked */
    int64_t findings;
    int64_t damage; /* those of them that are of the file itself */
};

/* False: the file cannot be read, is not of errand or is newer than this binary; *message says why
 * (mem_free it). All is seen as of one moment. While it reads, a server's log file cannot be folded
 * in and grows. */
bool check_file(const char *path, struct check *check, char **message);

#endif
