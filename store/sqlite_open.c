/* Connections to SQLite: how they are opened, and copied. */
#include "store/sqlite.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/faulty_disk.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* What SQLite says by itself: the system call that failed, also where nobody else hears of it, as
 * in a checkpoint. That there is no room for the index of the log is said elsewhere, once. */
static void log_system_call(void *arg, int rc, const char *message)
{
    (void)arg;
    if (rc == SQLITE_IOERR_SHMSIZE)
        return;
    if ((rc & 0xFF) == SQLITE_IOERR || (rc & 0xFF) == SQLITE_CANTOPEN)
        log_error("database: %s", message);
}

/* WAL: readers and the one writer never wait for each other. FULL: a commit is on the disk.
 * MEMORY: what is sorted needs no room on a disk. */
static const char pragmas[] = "PRAGMA temp_store = MEMORY;";

/* Connections are not shared by threads, and nobody asks how much memory they use: without these
 * the library takes a lock at every allocation. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_LOG, log_system_call, NULL);
    faulty_disk_use();
}

/* The path as a URI, for the one thing that can be said in no other way. */
static char *still_uri(const char *path)
{
    struct buf uri = {0};
    buf_add_text(&uri, "file:");
    for (; *path; path++) {
        if (strchr("%?#", *path))
            buf_addf(&uri, "%%%02x", (unsigned char)*path);
        else
            buf_add_char(&uri, *path);
    }
    buf_add_text(&uri, "?immutable=1");
    return buf_take(&uri, NULL);
}

static int open_handle(struct db *db, const char *path, enum db_mode mode)
{
    static const int access[] = {[DB_WRITE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                 [DB_READ] = SQLITE_OPEN_READONLY,
                                 [DB_STILL] = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                                 [DB_MEND] = SQLITE_OPEN_READWRITE};
    int flags = access[mode] | SQLITE_OPEN_NOMUTEX;
    if (mode != DB_STILL)
        return sqlite3_open_v2(path, &db->handle, flags, NULL);
    char *uri = still_uri(path);
    int rc = sqlite3_open_v2(uri, &db->handle, flags, NULL);
    mem_free(uri);
    return rc;
}

static char *what_failed(struct db *db, int rc)
{
    struct buf text = {0};
    int error = sqlite3_system_errno(db->handle);
    if (sqlite_no_room(db, rc))
        return mem_string("the disk is full");
    buf_add_text(&text, sqlite3_errmsg(db->handle));
    if (error)
        buf_addf(&text, ": %s", strerror(error));
    return buf_take(&text, NULL);
}

/* PRAGMA journal_mode answers with the mode that it has, which need not be the one that was asked
 * for. */
static int see_mode(void *arg, int columns, char **values, char **names)
{
    (void)names;
    *(bool *)arg = columns == 1 && values[0] && strcmp(values[0], "wal") == 0;
    return 0;
}

/* A log that an earlier server could not sync may be in the kernel's memory only: its pages are
 * written anew into the database, and those are synced, before anybody relies on them. Where there
 * is no room for that, nothing of it was lost yet, and it is done when there is (store/room.c). */
static int open_for_writing(struct db *db, const char **why)
{
    bool wal = false;
    if (sqlite3_db_readonly(db->handle, "main") == 1) {
        *why = "cannot be written";
        return SQLITE_READONLY;
    }
    int rc = sqlite3_exec(db->handle, "PRAGMA journal_mode = WAL", see_mode, &wal, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db->handle, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    if (rc == SQLITE_OK && !wal) {
        *why = "it cannot have a write-ahead log here";
        return SQLITE_ERROR;
    }
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return sqlite_no_room(db, rc) ? SQLITE_OK : rc;
}

struct db *db_open(const char *path, enum db_mode mode, char **message)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct db *db = mem_alloc(sizeof(*db));
    pthread_once(&once, configure);
    if (mode == DB_WRITE) /* arguments and results are nobody else's to read */
        close(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    int rc = open_handle(db, path, mode);
    const char *why = NULL;
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(db->handle, 1);
        sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
        rc = sqlite3_exec(db->handle, pragmas, NULL, NULL, NULL);
        if (rc == SQLITE_OK && mode == DB_WRITE)
            rc = open_for_writing(db, &why);
    }
    if (rc == SQLITE_OK)
        return db;
    if (why)
        *message = mem_string(why);
    else
        *message = what_failed(db, rc);
    db_close(db);
    return NULL;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(db->stmts[i].handle);
        mem_free(db->stmts[i].parameters);
    }
    sqlite3_close(db->handle);
    mem_free(db);
}

/* Of a copy, between two syncs: so much at a time can stand in the way of the server's own syncs,
 * which its commits wait for. 4 MiB. */
enum { STEP_PAGES = 1024 };

/* The transaction of from keeps the copy from beginning anew at each commit of others. */
static int copy_pages(sqlite3 *from, sqlite3 *to, int fd)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup)
        return sqlite3_errcode(to);
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK) {
        rc = sqlite3_backup_step(backup, STEP_PAGES);
        if (rc == SQLITE_OK && fdatasync(fd) != 0)
            rc = SQLITE_IOERR_FSYNC;
    }
    return sqlite3_backup_finish(backup);
}

bool db_copy(struct db *from, const char *path, int fd, char **message)
{
    struct db to = {0};
    int rc = sqlite3_open_v2(path, &to.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(to.handle, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL,
                          NULL, NULL);
    if (rc == SQLITE_OK)
        rc = copy_pages(from->handle, to.handle, fd);
    if (rc == SQLITE_OK) /* the pages are of a database with a log */
        rc = sqlite3_exec(to.handle, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        *message = what_failed(&to, rc);
    sqlite3_close(to.handle);
    return rc == SQLITE_OK;
}
