/* What the kernel says of processes, read from /proc (proc(5)). Any thread. */
#ifndef EXECUTORS_PROC_H
#define EXECUTORS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a small file; false if it is not there, or has nothing in it. */
bool proc_read(const char *path, char *text, size_t size);

/* What /proc/PID/stat says. */
struct proc_stat {
    char state; /* Z: dead, but nobody has asked how it died */
    int64_t group;
    int64_t started; /* milliseconds after boot */
};

/* pid is the name of a folder in /proc. False: there is no such process. */
bool proc_stat(const char *pid, struct proc_stat *stat);

/* Whether it can gain no privileges by what it executes (PR_SET_NO_NEW_PRIVS). */
bool proc_bound(const char *pid);
/* Whether somebody traces it (ptrace(2)), or it cannot be known. */
bool proc_traced(const char *pid);

/* Calls each for every process until it says false; true: for all of them. */
bool proc_each(bool (*each)(const char *pid, void *arg), void *arg);

#endif
