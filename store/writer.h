/* The one writer: a thread that owns the read-write connection and does all
 * changes, many commands in one transaction (group commit).
 *
 * Others post commands. The writer takes all that are there, applies each,
 * lets its client (the engine) add what follows from them, commits once, and
 * only then lets anything be seen: the client's after_commit, then each
 * command's done. If a transaction cannot be committed it is undone and its
 * commands are tried again one by one, and without what follows from them, so
 * that one that cannot be stored fails alone. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "base/mailbox.h"
#include "model/problem.h"
#include "store/room.h"
#include "store/txn.h"

#include <stdatomic.h>

/* Embedded in whatever asks for a change. The poster keeps it alive until done was called. */
struct command {
    struct mail mail;
    /* Writer thread, in a transaction; may run more than once if a transaction is undone, so it
     * resets its own outputs. Refusing means setting problem and having written nothing. */
    void (*apply)(struct command *command, struct txn *txn);
    /* Writer thread, after the commit (or when it was refused); may free the command. Or NULL. */
    void (*done)(struct command *command);
    /* Writer thread: an internal one could not be stored, and is kept. Each time. Or NULL. */
    void (*held)(struct command *command);
    struct problem problem; /* PROBLEM_NONE: it is stored */
    struct arena *arena;    /* where the problem's texts go */
    bool internal;          /* nobody can be refused: kept and tried again until it is stored, or
                               until the end of the server: done, with a problem */
};

/* What the engine adds; all on the writer thread. */
struct writer_client {
    void *arg;
    void (*before_commit)(void *arg, struct txn *txn);
    void (*after_commit)(void *arg, struct txn *txn);
    void (*undone)(void *arg, struct txn *txn); /* forget what was noted since the last commit */
    /* When before_commit wants to be called at the latest, clock_mono_ns(); INT64_MAX: no need. It
     * is asked again at that time, and may put it off: the time of day is another clock. */
    int64_t (*deadline)(void *arg);
};

struct writer {
    struct mailbox mailbox;
    pthread_t thread;
    struct txn txn;
    struct writer_client client;
    struct room *room;
    struct mail *held, **last_held; /* internal commands that could not be stored yet */
    int64_t held_until;             /* clock_mono_ns() of their next try */
    bool ended;                     /* all that was posted before the stop is done */
    _Atomic bool stopping;
    _Atomic bool behind;     /* some are held: what need not be said now can wait */
    _Atomic int64_t writes;  /* commands stored since start */
    _Atomic int64_t commits; /* transactions since start */
};

/* Takes the connection over; the counters must be loaded (txn_load_counters is called here). The
 * room is borrowed, and is open. */
void writer_init(struct writer *writer, struct db *db, struct room *room,
                 const struct writer_client *client);
void writer_start(struct writer *writer);
/* Any thread. */
void writer_post(struct writer *writer, struct command *command);
/* Runs one transaction with this command on the calling thread, before writer_start. */
void writer_run(struct writer *writer, struct command *command);
/* Finishes what was posted and ends the thread. */
void writer_stop(struct writer *writer);
/* Closes the connection, after all others to the database: the last one folds the log in, and those
 * that only read cannot. */
void writer_close(struct writer *writer);

#endif
