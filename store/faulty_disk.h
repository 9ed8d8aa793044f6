/* The crash points that lie inside of SQLite: its writes and syncs of the log and
 * of the database, and its checkpoints. And what a cut of the power takes: what
 * was not synced. Nothing in a build without FAULTS=1. */
#ifndef STORE_FAULTY_DISK_H
#define STORE_FAULTY_DISK_H

#ifdef ERRAND_FAULTS

#include <sqlite3.h>

/* Before the first connection is opened. */
void faulty_disk_use(void);
/* The writer's connection: checkpoints come often, and with a point on either side. */
void faulty_disk_checkpoints(sqlite3 *handle);

#else

#define faulty_disk_use()               ((void)0)
#define faulty_disk_checkpoints(handle) ((void)0)

#endif

#endif
