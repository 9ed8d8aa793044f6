/* Room on the disk, and what is done without it.
 *
 * A file of --reserve bytes lies in the data folder and is good for nothing but
 * its room. When a transaction does not fit, the file goes, part by part, and what
 * it held is for what ends work: cancels, ends of attempts, the end of the server.
 * Until the file can be made again the disk counts as full, and what would begin
 * something is refused (docs/decisions/0016). Free pages of the database are as
 * good as the file: tasks that were deleted make room without a smaller file.
 *
 * All on the thread of the writer, but for the atomics. */
#ifndef STORE_ROOM_H
#define STORE_ROOM_H

#include "store/driver.h"

#include <stdatomic.h>

struct room {
    char *folder; /* heap */
    char *path;   /* of the reserve; heap */
    struct db *db;
    int64_t reserve;   /* bytes; 0: none, and what ends work has to fit by itself */
    int64_t share;     /* the most bytes that the reserve, or the log, may take of this disk */
    int64_t left;      /* bytes of it that are there */
    bool held;         /* all of them are */
    bool stuck;        /* nothing is left of it, and not a page can be written */
    int64_t next_look; /* while it is not: clock_mono_ns() */
    int64_t since;     /* when the disk was found full, clock_mono_ns() */
    int64_t refused;   /* commands since then */
    _Atomic bool full;
};

/* Gives up the reserve that an earlier server left: the start may need its room. The data folder
 * has to be locked. */
void room_init(struct room *room, const char *folder, int64_t reserve);
/* Writer's connection, borrowed. */
void room_open(struct room *room, struct db *db);
/* Takes the reserve for the first time, once the start has written what it has to. */
void room_start(struct room *room);
/* After a commit: notices room that is about to run out. */
void room_committed(struct room *room);
/* A transaction found no room and was undone. */
void room_gone(struct room *room);
/* Looks whether there is room again, if it is time to. */
void room_look(struct room *room);
/* When it is time to, clock_mono_ns(); INT64_MAX: no need. */
int64_t room_deadline(const struct room *room);
void room_done(struct room *room);

#endif
