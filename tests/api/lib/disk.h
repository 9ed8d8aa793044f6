/*
 * A disk of the scenario's own, small enough to be filled: a tmpfs mounted on its
 * folder data/. Whoever may not mount one skips the scenario, and says so.
 */
#ifndef TESTS_API_DISK_H
#define TESTS_API_DISK_H

#include "tests/api/lib/scenario.h"

void disk_make(struct scenario *, int kilobytes);
/* Leaves not a byte. */
void disk_fill(struct scenario *);
/* What disk_fill took is free again. */
void disk_empty(struct scenario *);
void disk_grow(struct scenario *, int kilobytes);

#endif
