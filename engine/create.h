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

/* What all tasks of one answer that the request does not bring along itself may have together, in
 * bytes: an array may name the same large one 10,000 times. */
enum { SHOWN_MAX = 16 << 20 };

/* Of a task that existed before, what its row does not have. */
struct shown {
    struct payload payload;
    struct dependency_row *dependencies;
    size_t dependency_count;
    size_t bytes; /* of it and the row; 0: not read */
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
    bool ids_only;                  /* the answer shows no task */
    /* Makes the answer when all is stored, if it is to be kept; writer thread. */
    void (*answer)(struct create *create, struct create_answer *answer);
    /* Out. */
    struct shown *shown; /* one for each task of the plan; read for the roots alone */
    struct place place;
    struct create_answer answered; /* body STR_NONE: not made yet */
    bool replayed;                 /* nothing was done: it is the first answer */
};

/* All before "Out" is set; done is called on the writer thread after the commit. */
void create_post(struct engine *engine, struct create *create, void (*done)(struct command *));

#endif
