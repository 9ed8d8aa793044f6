#include "store/faulty_disk.h"

#ifdef ERRAND_FAULTS

#include "base/fault.h"
#include "base/mem.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/random.h>

/* The system's own VFS, and ours. */
static sqlite3_vfs *real, vfs;

/* The calls of a kind of file as they were, and with ours in their place. */
struct calls {
    const sqlite3_io_methods *real;
    sqlite3_io_methods ours;
};
static struct calls log_calls, database_calls;

/* --- what a cut of the power takes ------------------------------------------------ */

/* A write that was not synced, and what was there before it. */
struct unsynced {
    const struct calls *calls;
    sqlite3_file *file;
    sqlite3_int64 offset;
    int size;
    char *before;
};

static struct {
    bool on;
    pthread_mutex_t lock; /* held for ever once the power is cut: no write after it */
    struct unsynced *writes;
    size_t count, capacity;
} power = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void remember(const struct calls *calls, sqlite3_file *file, int size, sqlite3_int64 offset)
{
    if (power.count == power.capacity) {
        power.capacity = power.capacity * 2 + 64;
        power.writes = mem_resize(power.writes, power.capacity * sizeof(*power.writes));
    }
    char *before = mem_alloc((size_t)size);
    calls->real->xRead(file, before, size, offset); /* past the end of the file: zeros */
    power.writes[power.count++] = (struct unsynced){calls, file, offset, size, before};
}

static int write_through(const struct calls *calls, sqlite3_file *file, const void *bytes, int size,
                         sqlite3_int64 offset)
{
    if (!power.on)
        return calls->real->xWrite(file, bytes, size, offset);
    pthread_mutex_lock(&power.lock);
    remember(calls, file, size, offset);
    int rc = calls->real->xWrite(file, bytes, size, offset);
    pthread_mutex_unlock(&power.lock);
    return rc;
}

static int sync_through(const struct calls *calls, sqlite3_file *file, int flags)
{
    pthread_mutex_lock(&power.lock);
    int rc = calls->real->xSync(file, flags);
    size_t kept = 0;
    for (size_t i = 0; i < power.count; i++) {
        if (power.writes[i].calls == calls)
            mem_free(power.writes[i].before);
        else
            power.writes[kept++] = power.writes[i];
    }
    power.count = kept;
    pthread_mutex_unlock(&power.lock);
    return rc;
}

/* A disk writes in the order that it likes: each write is lost with an even chance. */
static void cut_power(void)
{
    pthread_mutex_lock(&power.lock);
    while (power.count) {
        const struct unsynced *last = &power.writes[--power.count];
        unsigned char chance = 0;
        if (getrandom(&chance, 1, 0) == 1 && chance % 2 == 0)
            last->calls->real->xWrite(last->file, last->before, last->size, last->offset);
    }
}

/* --- the calls ---------------------------------------------------------------------- */

static int log_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    if (fault_is_next(CRASH_log_torn))
        write_through(&log_calls, file, bytes, size / 2, offset);
    CRASH_POINT(log_torn);
    int rc = write_through(&log_calls, file, bytes, size, offset);
    CRASH_POINT(log_written);
    return rc;
}

static int database_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    if (fault_is_next(CRASH_page_torn))
        write_through(&database_calls, file, bytes, size / 2, offset);
    CRASH_POINT(page_torn);
    int rc = write_through(&database_calls, file, bytes, size, offset);
    CRASH_POINT(page_written);
    return rc;
}

static int log_sync(sqlite3_file *file, int flags)
{
    int rc = sync_through(&log_calls, file, flags);
    CRASH_POINT(log_synced);
    return rc;
}

static int database_sync(sqlite3_file *file, int flags)
{
    int rc = sync_through(&database_calls, file, flags);
    CRASH_POINT(pages_synced);
    return rc;
}

typedef int write_call(sqlite3_file *, const void *, int, sqlite3_int64);
typedef int sync_call(sqlite3_file *, int);

/* The first connection is opened before there are threads, and later ones find the same calls. */
static void replace(struct calls *calls, sqlite3_file *file, write_call *write, sync_call *sync)
{
    if (!calls->real) {
        calls->real = file->pMethods;
        calls->ours = *calls->real;
        calls->ours.xWrite = write;
        calls->ours.xSync = sync;
    }
    file->pMethods = &calls->ours;
}

static int open_file(sqlite3_vfs *self, sqlite3_filename name, sqlite3_file *file, int flags,
                     int *opened)
{
    (void)self;
    int rc = real->xOpen(real, name, file, flags, opened);
    if (rc == SQLITE_OK && flags & SQLITE_OPEN_WAL)
        replace(&log_calls, file, log_write, log_sync);
    if (rc == SQLITE_OK && flags & SQLITE_OPEN_MAIN_DB)
        replace(&database_calls, file, database_write, database_sync);
    return rc;
}

void faulty_disk_use(void)
{
    power.on = fault_takes_power(cut_power);
    real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.zName = "faulty";
    vfs.xOpen = open_file;
    sqlite3_vfs_register(&vfs, 1);
}

#endif
