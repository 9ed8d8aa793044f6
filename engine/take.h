/* Results that come from outside, are read once, or are dropped (design 3.1,
 * result_access; PUT …/result). */
#ifndef ENGINE_TAKE_H
#define ENGINE_TAKE_H

#include "engine/engine.h"
#include "store/rows.h"

/* The one reader of a result that may be read once. */
struct take {
    struct command command; /* command.arena holds everything */
    struct engine *engine;
    int64_t task;      /* seq; it has succeeded */
    struct str result; /* out: STR_NONE: somebody else was first */
};
/* done is called on the writer thread after the commit. */
void take_post(struct engine *engine, struct take *take, void (*done)(struct command *));

/* Ends an unfinished task from outside. */
struct supply {
    struct command command; /* command.arena holds everything */
    struct engine *engine;
    struct str id;
    struct str result; /* JSON, one line */
};
void supply_post(struct engine *engine, struct supply *supply, void (*done)(struct command *));

#endif
