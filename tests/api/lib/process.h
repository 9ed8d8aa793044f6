/* Processes as the system sees them, by id. */
#ifndef TESTS_API_PROCESS_H
#define TESTS_API_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Runs still: one that is dead and not yet collected by its parent does not. */
bool process_alive(pid_t);

/* How many children a process has, dead ones that it did not collect among them. */
int process_children(pid_t);

/* One of its children; 0: it has none. */
pid_t process_child(pid_t);

/* How many processes run that have this working directory. */
int process_in_folder(const char *folder);

/* How many descriptors it has open, how many KiB of memory, and its processor time so far. */
int process_descriptors(pid_t);
long process_memory(pid_t);
long process_ticks(pid_t);

/* Waits for a child; false if it is not over by then. The status is that of waitpid(). */
bool process_wait(pid_t child, int milliseconds, int *status);

/* Kills what this program adopted: what a server left behind. */
void process_end_orphans(void);

#endif
