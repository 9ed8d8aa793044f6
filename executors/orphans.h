/* Those who became the server's children by no doing of its own: what its
 * children started and left behind by dying first, also outside of their
 * process group, and what they made their siblings (clone(2), CLONE_PARENT).
 * Each is known by the mark that it carries. There may be strangers among them:
 * children that the server had before it was the server, and what is given to
 * process 1 of a container. They are reaped and otherwise left alone.
 * Loop thread only. */
#ifndef EXECUTORS_ORPHANS_H
#define EXECUTORS_ORPHANS_H

#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct orphans {
    int list;     /* the kernel's list of the main thread's children; -1: it keeps none */
    int siblings; /* the same of the loop's thread, which starts children; -1: not open yet */
    const struct map *own; /* those that it started, by their number: not to be touched here */
    uint64_t mark;         /* of the server itself, if it is somebody's child in turn */
    bool bound;        /* the server itself gains no privileges, so all that it is given are so */
    struct map by_pid; /* those that have been seen, with their marks, until they are reaped */
};

/* The kernel gives orphans to the main thread. Warns if it tells of none. */
void orphans_open(struct orphans *orphans, const struct map *own);
void orphans_close(struct orphans *orphans);
/* Before a child is started. */
void orphans_expect(struct orphans *orphans);

enum {
    ORPHANS_LIVING = 1,   /* those that are dead do not count: others trace them, and reap them */
    ORPHANS_SIBLINGS = 2, /* among them: a look at all children that run */
};
/* Kills those with the mark, and what they leave behind; true: there is none any more. how: of the
 * above. */
bool orphans_end(struct orphans *orphans, uint64_t mark, unsigned how);
/* Kills those whose mark is not that of a child that runs: they took theirs off, or are siblings of
 * one that has ended. */
void orphans_end_others(struct orphans *orphans, bool (*runs)(uint64_t mark, void *arg), void *arg);
/* It was reaped: its number may be anybody's from now on. */
void orphans_forget(struct orphans *orphans, pid_t pid);

#endif
