/* A table of the children that run now, in a file mapped into memory: what a
 * server that is killed leaves behind, the next one finds here and kills. The
 * kernel keeps the pages when the process dies; after a reboot (another boot
 * id) the table means nothing. One server, one thread. */
#ifndef EXECUTORS_CHILDREN_H
#define EXECUTORS_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child_slot {
    int64_t pid;     /* also its process group; 0: free; below 0: the owner, who took it */
    int64_t started; /* CLOCK_BOOTTIME, milliseconds, just before the start */
};

struct children {
    struct child_table *table; /* the mapping */
    size_t capacity;
    size_t *free; /* stack of free slots */
    size_t free_count;
    uint64_t started; /* children, so far */
    int64_t owner;    /* this server, below 0: no other of this boot has it */
};

/* Opens or makes the table, kills the process groups that an earlier server left in it, and what
 * has left these groups, and waits until all are gone; *killed counts the groups. False: errno
 * says why. */
bool children_open(struct children *children, const char *path, size_t capacity, size_t *killed);
/* Takes a slot for a child that is about to be started. NULL: none is free. */
struct child_slot *children_take(struct children *children);
/* For that child, and for what it will start (executors/mark.h). 0: children cannot be marked. */
uint64_t children_mark(struct children *children);
/* The calling process is the child of the server of that number: notes itself. False: another
 * server has the table by now, and what it noted there stays. Nothing but system calls. */
bool children_note_self(struct child_slot *slot, int64_t owner);
void children_give(struct children *children, struct child_slot *slot);
void children_close(struct children *children);

/* Whether a process of the group lives. (kill(2) would count zombies, which may stay for ever where
 * nobody reaps them.) Looks at all processes. */
bool group_lives(int64_t group);

#endif
