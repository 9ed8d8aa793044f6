/* Where tokens come from, and that nobody sees them on the way: not in the list
 * of processes, not in /proc, not in a message. Main thread. */
#ifndef CLI_SECRETS_H
#define CLI_SECRETS_H

#include "base/arena.h"
#include "server/tokens.h"

/* Reads a token file. flags: for open(2), beside O_RDONLY. A file that others can read is warned
 * of. NULL: *why (in the arena) says why, and names the line, but nothing that is in it. */
struct tokens *token_file_read(const char *path, int flags, struct arena *arena, const char **why);
/* Overwrites the values of --token in argv, and ERRAND_TOKEN in the environment, which it takes
 * out: what ps and /proc/PID/environ show is this very memory. Texts that point there are gone. */
void secrets_hide(int argc, char **argv, char **environment);

#endif
