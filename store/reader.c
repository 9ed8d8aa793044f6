#include "store/reader.h"

#include "base/mem.h"
#include "base/thread.h"

#include <stdatomic.h>

/* The oldest query, or NULL once the pool is stopping and empty. */
static struct mail *next_query(struct reader_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->first && !atomic_load(&pool->stopping))
        pthread_cond_wait(&pool->filled, &pool->lock);
    struct mail *mail = pool->first;
    if (mail) {
        pool->first = mail->next;
        if (!pool->first)
            pool->last = &pool->first;
    }
    pthread_mutex_unlock(&pool->lock);
    return mail;
}

static void reader_main(void *arg)
{
    struct reader *reader = arg;
    struct mail *mail;
    while ((mail = next_query(reader->pool))) {
        struct query *query = container_of(mail, struct query, mail);
        db_begin(reader->db, DB_READ);
        query->run(query, reader->db);
        db_commit(reader->db);
        bool failed = db_status(reader->db) != DB_OK;
        if (failed)
            db_rollback(reader->db);
        query->done(query, failed);
    }
}

bool readers_start(struct reader_pool *pool, const char *path, char **message)
{
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->filled, NULL);
    pool->last = &pool->first;
    for (int i = 0; i < READER_THREADS; i++) {
        struct reader *reader = &pool->readers[i];
        reader->pool = pool;
        reader->db = db_open(path, DB_READ, message);
        if (!reader->db)
            return false;
        thread_start(&reader->thread, "reader", reader_main, reader, &pool->stopping);
    }
    return true;
}

void readers_post(struct reader_pool *pool, struct query *query)
{
    query->mail.next = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->last = &query->mail;
    pool->last = &query->mail.next;
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(&pool->filled);
}

void readers_stop(struct reader_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stopping, true);
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_broadcast(&pool->filled);
    for (int i = 0; i < READER_THREADS; i++) {
        pthread_join(pool->readers[i].thread, NULL);
        db_close(pool->readers[i].db);
    }
    pthread_cond_destroy(&pool->filled);
    pthread_mutex_destroy(&pool->lock);
}
