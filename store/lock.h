/* One server for a data folder: a lock on <folder>/errand.lock, which also
 * holds the process id of its owner. The kernel drops the lock when the
 * process ends, however it ends. */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "base/str.h"

/* The descriptor that holds the lock (close it to let go), or -1 with *owner the process id of the
 * server that has it, 0 if it could not be opened at all (errno says why). */
int lock_folder(const char *folder, int64_t *owner);

#endif
