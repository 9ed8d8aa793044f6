/* Reads, away from the writer and from the threads that serve HTTP: a few
 * threads, each with a read-only connection, take queries from one queue. */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "base/mailbox.h"
#include "store/driver.h"

/* Embedded in whatever wants to read. */
struct query {
    struct mail mail;
    /* Reader thread, in one read transaction: everything it reads is of one moment. */
    void (*run)(struct query *query, struct db *db);
    /* Reader thread, after it; failed: the database could not be read. May free the query. */
    void (*done)(struct query *query, bool failed);
};

enum { READER_THREADS = 2 }; /* a long list does not hold up the others */

struct reader_pool {
    pthread_mutex_t lock; /* guards the queue */
    pthread_cond_t filled;
    struct mail *first, **last;
    struct reader {
        struct reader_pool *pool;
        struct db *db;
        pthread_t thread;
    } readers[READER_THREADS];
    _Atomic bool stopping;
};

/* False: the file cannot be opened; *message says why (mem_free it). */
bool readers_start(struct reader_pool *pool, const char *path, char **message);
/* Any thread. */
void readers_post(struct reader_pool *pool, struct query *query);
/* Finishes what was posted. */
void readers_stop(struct reader_pool *pool);

#endif
