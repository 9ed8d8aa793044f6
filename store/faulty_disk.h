/* The crash points that lie inside of SQLite: its writes and syncs of the log and
 * of the database, and its checkpoints. And what a cut of the power takes: what
 * was not synced. Nothing in a build without FAULTS=1. */
#ifndef STORE_FAULTY_DISK_H
#define STORE_FAULTY_DISK_H

#ifdef ERRAND_FAULTS

#include <sqlite3.h>

/* Before the first connection is opened. */
void faulty_disk_use(void);
/* Bytes of the log after which it is folded: in a short test that comes often. */
enum { FAULTY_DISK_FOLD = 819200 };
#define faulty_disk_fold(bytes) ((bytes) < FAULTY_DISK_FOLD ? (bytes) : FAULTY_DISK_FOLD)

#else

#define faulty_disk_use()       ((void)0)
#define faulty_disk_fold(bytes) (bytes)

#endif

#endif
