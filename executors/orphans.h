/* Those who were reparented to the server: what its children started and left
 * behind by dying first, also outside of their process group. Each is known by
 * the mark that it carries. There may be strangers among them: children that
 * the server had before it was the server, and what is given to process 1 of a
 * container. They are reaped and otherwise left alone. Loop thread only. */
#ifndef EXECUTORS_ORPHANS_H
#define EXECUTORS_ORPHANS_H

#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct orphans {
    int list;          /* the kernel's list of them; -1: it keeps none */
    uint64_t mark;     /* of the server itself, if it is somebody's child in turn */
    bool bound;        /* the server itself gains no privileges, so all that it is given are so */
    struct map by_pid; /* those that have been seen, with their marks, until they are reaped */
};

/* The children that other threads than the main one start are not among them, and no thread but
 * the main one may be given orphans: the kernel gives them to the first. Warns if it tells of
 * none. */
void orphans_open(struct orphans *orphans);
void orphans_close(struct orphans *orphans);

/* Kills those with the mark, and what they leave behind; true: there is none any more. */
bool orphans_end(struct orphans *orphans, uint64_t mark);
/* Kills those whose mark is not that of a child that runs: they took theirs off. */
void orphans_end_others(struct orphans *orphans, bool (*runs)(uint64_t mark, void *arg), void *arg);
/* It was reaped: its number may be anybody's from now on. */
void orphans_forget(struct orphans *orphans, pid_t pid);

#endif
