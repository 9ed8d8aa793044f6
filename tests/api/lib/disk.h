/*
 * A disk of the scenario's own, small enough to be filled: a tmpfs mounted on its
 * folder data/. Whoever may not mount one skips the scenario, and says so.
 */
#ifndef TESTS_API_DISK_H
#define TESTS_API_DISK_H

#include "tests/api/lib/tasks.h"

enum {
    DISK_KB = 8192,    /* of a disk that is filled in no time */
    DISK_BIG = 900000, /* bytes of arguments that are too many for what is left of it */
};

void disk_make(struct scenario *, int kilobytes);
/* Leaves not a byte. */
void disk_fill(struct scenario *);
/* What disk_fill took is free again. */
void disk_empty(struct scenario *);
void disk_grow(struct scenario *, int kilobytes);

/* A create of a task with so many bytes of arguments, which is over at once. */
struct reply *disk_create(struct server *, int bytes);
/* The status of /readyz. */
int disk_ready(struct server *);
/* Leaves not a byte, and the server has noticed. */
void disk_fill_up(struct server *);
/* Empties it, and the server has noticed by itself. */
void disk_make_room(struct server *);
/* How often its log says so. */
int disk_log_lines(struct server *, const char *what);

/* The function large: like hold, but its result has 3,000,002 bytes, and it touches
 * scratch/ID.over when it has given it. */
void disk_function_large(struct scenario *);

#endif
