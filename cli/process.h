/* What the process is before it serves: allocators, memory, descriptors, signals.
 * Main thread, before there are others. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <signal.h>
#include <sys/resource.h>

/* An allocation that fails ends the process (docs/decisions/0009), in libuv too: few libraries are
 * tested without memory, and some take the want of it for bad input. */
void process_give_allocators(void);
/* Functions run as the same user, unless the manifest names another: they are not to read the
 * token, in memory or in /proc, nor to trace us. docs/decisions/0015. */
void process_close_memory(void);
/* Descriptors 0 to 3 become the children's: none of ours may be among them. And what the server
 * itself was handed is not for the children. */
void process_prepare_descriptors(void);
/* To what the system allows; gives the new limit. */
rlim_t process_raise_open_files(void);
/* Blocks the signals of set, which it fills: they are waited for, and nowhere else. A broken pipe
 * is an error of the write, and abort() does not end the process without a word. */
void process_block_signals(sigset_t *set);

#endif
