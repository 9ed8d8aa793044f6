/* What is done with a server while a call fails: one row of the table for each. */
#ifndef TESTS_FAULTS_SCENES_H
#define TESTS_FAULTS_SCENES_H

#include "tests/faults/round.h"

struct scene {
    const char *name;
    void (*act)(struct round *);
    void (*after)(
        struct round *); /* when nothing fails any more, before the promises are checked */
};

#define SCENES(X)                                                                                  \
    X(process)                                                                                     \
    X(meta)                                                                                        \
    X(batch)                                                                                       \
    X(cancel)                                                                                      \
    X(worker)                                                                                      \
    X(stream)                                                                                      \
    X(outside)                                                                                     \
    X(lease)                                                                                       \
    X(look)                                                                                        \
    X(delete)                                                                                      \
    X(reload)

#define X(name) extern const struct scene scene_##name;
SCENES(X)
#undef X

/* The functions that the scenes use. */
void scene_functions(struct scenario *);

#endif
