/* The mark of a child: a number that it and all that it starts carry, whatever
 * group, session, parent or environment they give themselves. It is the hard
 * limit of file locks (RLIMIT_LOCKS), which the kernel passes on and has not
 * enforced since 2.4.25; who has no CAP_SYS_RESOURCE can only lower it. docs/decisions/0015. */
#ifndef EXECUTORS_MARK_H
#define EXECUTORS_MARK_H

#include <stdint.h>

/* A mark is a family, one for each server process, and a number in it. */
enum { MARK_NUMBER_BITS = 40, MARK_FAMILY_BITS = 23 };

/* A new family, by chance; below what this process carries itself, so that it can be set without
 * being root. 0: there is none, nothing can be marked. */
uint32_t mark_family(void);
/* number counts the children of the family, from 1 on. */
uint64_t mark_make(uint32_t family, uint64_t number);
/* pid is the name of a folder in /proc. 0: it carries none, or is gone. */
uint64_t mark_read(const char *pid);
/* The calling process, from now on. Nothing but system calls; does what it can. */
void mark_self(uint64_t mark);

#endif
