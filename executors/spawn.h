/* Starting a child: what posix_spawn does, with less to do and room for what it
 * cannot (a descriptor to watch the child by, limits of its own).
 *
 * The child shares the server's memory until it has called execve, and the
 * calling thread waits for that, as with vfork: nothing is copied. */
#ifndef EXECUTORS_SPAWN_H
#define EXECUTORS_SPAWN_H

#include "executors/children.h"
#include "model/function.h"

/* Soft limit of open files that a child gets: the server's own is high, and some programs close
 * every descriptor up to the limit. */
enum { CHILD_OPEN_FILES = 1024 };

struct spawn {
    const char *path; /* of the program */
    char *const *argv;
    char *const *envp;
    const char *folder;         /* its working directory */
    struct limits limits;       /* 0: as the server's own */
    const struct account *user; /* who it becomes; NULL: it stays the server's user */
    struct child_slot *slot;    /* child_start sets it: where the child notes itself */
    uint64_t mark;              /* and this: what it carries (executors/mark.h) */
    int64_t owner;              /* and this: the server, see executors/children.h */
    int fds[4]; /* what becomes its descriptors 0 to 3; each above 3; -1: it has none */
};

/* The child can gain no privileges by what it executes (PR_SET_NO_NEW_PRIVS), nor can what it
 * starts. The server has to be one that others of its user cannot look into (PR_SET_DUMPABLE), or
 * they could do so through the child while it shares the memory.
 *
 * 0, with *pid and *pidfd (close-on-exec) of a child in a process group of its own; or an errno.
 * All signals have to be blocked in the calling thread; the child starts with none blocked and none
 * ignored. Every descriptor of the server is close-on-exec, so the child has those four only. */
int spawn_child(const struct spawn *spawn, pid_t *pid, int *pidfd);

#endif
