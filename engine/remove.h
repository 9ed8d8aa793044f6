/* DELETE /v1/tasks/{id}. */
#ifndef ENGINE_REMOVE_H
#define ENGINE_REMOVE_H

#include "engine/engine.h"

struct removal {
    struct command command; /* command.arena holds everything */
    struct engine *engine;
    struct str id;
};

/* Deletes a task that has ended and that no live task needs; its events stay until they expire.
 * done is called on the writer thread after the commit. */
void remove_post(struct engine *engine, struct removal *removal, void (*done)(struct command *));

#endif
