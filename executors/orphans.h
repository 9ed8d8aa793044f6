/* Those who were reparented to the server: what its children started and left
 * behind by dying first, also outside of their process group. Each is known by
 * the mark that it carries. As process 1 of a container the server also gets
 * strangers, without a mark: they are reaped and otherwise left alone.
 * Loop thread only. */
#ifndef EXECUTORS_ORPHANS_H
#define EXECUTORS_ORPHANS_H

#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct orphans {
    int list;          /* the kernel's list of them; -1: it keeps none */
    struct map by_pid; /* those that have been seen, with their marks, until they are reaped */
};

/* The children that other threads than the main one start are not among them, and no thread but
 * the main one may be given orphans: the kernel gives them to the first. Warns if it tells of
 * none. */
void orphans_open(struct orphans *orphans);
void orphans_close(struct orphans *orphans);

/* Kills those with the mark, and what they leave behind; true: there is none any more. */
bool orphans_end(struct orphans *orphans, uint64_t mark);
/* Nothing that a child could have started is wanted any more: kills all but strangers. */
void orphans_end_all(struct orphans *orphans);
/* It was reaped: its number may be anybody's from now on. */
void orphans_forget(struct orphans *orphans, pid_t pid);

#endif
