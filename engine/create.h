/* POST /v1/tasks: stores a plan, all or nothing. */
#ifndef ENGINE_CREATE_H
#define ENGINE_CREATE_H

#include "engine/place.h"

/* How long the first answer to an Idempotency-Key is kept, in milliseconds. */
#define IDEMPOTENCY_MS 86400000LL

/* What is answered to a create, and again to the same create (Idempotency-Key). */
struct create_answer {
    int64_t status;  /* HTTP */
    struct str task; /* id of the one task; STR_NONE: it was an array */
    struct str body;
};

struct create {
    struct command command; /* command.arena holds everything */
    struct engine *engine;
    struct plan plan;
    struct function_set *functions; /* one reference: keeps the plan's functions alive */
    struct str key;                 /* Idempotency-Key, or STR_NONE */
    struct str body_hash;           /* of the request's body, with a key */
    struct problem refused;         /* the plan could not be made; with a key this is posted all the
                                       same, as the first answer may be there */
    /* Makes the answer when all is stored, if the answer is to be kept or shows what only the
     * database has; writer thread, in the transaction. */
    void (*answer)(struct create *create, struct db *db, struct create_answer *answer);
    /* Out. */
    struct place place;
    struct create_answer answered; /* body STR_NONE: not made yet */
    bool replayed;                 /* nothing was done: it is the first answer */
};

/* All before "Out" is set; done is called on the writer thread after the commit. */
void create_post(struct engine *engine, struct create *create, void (*done)(struct command *));

#endif
