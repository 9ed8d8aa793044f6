#include "store/driver.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/faulty_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

/* Looking a parameter up by its name costs more than binding it: each name is looked up once, and
 * found again by the address of its text. */
struct parameter {
    const char *name;
    int index;
};

struct stmt {
    struct db *db;
    sqlite3_stmt *handle;
    struct parameter *parameters; /* in the order of their first binding; heap */
    size_t parameter_count;
    size_t next; /* binds come in the same order each time */
};

struct db {
    sqlite3 *handle;
    enum db_status status;
    int64_t fold_bytes; /* of the log, before it is folded; 0: never */
    bool cramped;
    struct stmt stmts[STATEMENT_COUNT];
};

static const char *const texts[] = {
#define X(name, sql) sql,
#include "statements.inc"
#undef X
#define X(name, sql) sql,
#include "invariants.inc"
#undef X
};

/* SQLite's default. */
enum { PAGE_BYTES = 4096 };

/* What was not synced may be on the disk or not, and the next sync would not say: the kernel may
 * have dropped it. Neither yes nor no is true, so nothing is answered. */
static void end_if_unsynced(int rc)
{
    if (rc != SQLITE_IOERR_FSYNC && rc != SQLITE_IOERR_DIR_FSYNC)
        return;
    log_error("database: it cannot be said whether the last commit is on the disk; ending, the "
              "next start goes on from what is there");
    _exit(1);
}

/* SQLite says FULL of its two files on a disk, but neither of the index of the log nor of a
 * quota. */
static bool no_room(struct db *db, int rc)
{
    int system = sqlite3_system_errno(db->handle);
    return (rc & 0xFF) == SQLITE_FULL ||
           sqlite3_extended_errcode(db->handle) == SQLITE_IOERR_SHMSIZE ||
           ((rc & 0xFF) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT));
}

static enum db_status status_of(struct db *db, int rc)
{
    if (no_room(db, rc))
        return DB_FULL;
    switch (rc & 0xFF) {
    case SQLITE_BUSY:
        return DB_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return DB_DAMAGED;
    default:
        return DB_FAILED;
    }
}

/* That the disk is full is said once, by store/room.c. */
static void note(struct db *db, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE || db->status != DB_OK)
        return;
    db->status = status_of(db, rc);
    if (db->status != DB_FULL)
        log_error("database: %s", sqlite3_errmsg(db->handle));
    end_if_unsynced(rc);
}

/* What SQLite says by itself: the system call that failed, also where nobody else hears of it, as
 * in a checkpoint. */
static void log_system_call(void *arg, int rc, const char *message)
{
    (void)arg;
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

static char *what_failed(struct db *db)
{
    struct buf text = {0};
    int error = sqlite3_system_errno(db->handle);
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
    if (rc == SQLITE_OK)
        rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return no_room(db, rc) ? SQLITE_OK : rc;
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
    if (rc == SQLITE_OK && mode == DB_WRITE)
        faulty_disk_checkpoints(db->handle);
    if (rc == SQLITE_OK)
        return db;
    if (why)
        *message = mem_string(why);
    else
        *message = no_room(db, rc) ? mem_string("the disk is full") : what_failed(db);
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

enum db_status db_status(const struct db *db)
{
    return db->status;
}

const char *db_message(const struct db *db)
{
    return sqlite3_errmsg(db->handle);
}

void db_script(struct db *db, const char *sql)
{
    if (db->status == DB_OK)
        note(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
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
        *message = what_failed(&to);
    sqlite3_close(to.handle);
    return rc == SQLITE_OK;
}

void db_begin(struct db *db, enum db_mode mode)
{
    db_script(db, mode == DB_WRITE ? "BEGIN IMMEDIATE" : "BEGIN");
}

void db_commit(struct db *db)
{
    db_script(db, "COMMIT");
}

void db_rollback(struct db *db)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        if (db->stmts[i].handle)
            sqlite3_reset(db->stmts[i].handle);
    }
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    db->status = DB_OK;
}

void db_fold(struct db *db)
{
    int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    db->cramped = rc != SQLITE_OK && no_room(db, rc);
}

/* SQLite's own fold at a number of pages does not say whether it failed. */
static int committed(void *arg, sqlite3 *handle, const char *name, int pages)
{
    struct db *db = arg;
    (void)handle;
    (void)name;
    if ((int64_t)pages * PAGE_BYTES >= db->fold_bytes)
        db_fold(db);
    return SQLITE_OK;
}

void db_limit_log(struct db *db, int64_t fold, int64_t keep)
{
    struct buf limit = {0};
    buf_addf(&limit, "PRAGMA journal_size_limit = %lld", (long long)keep);
    db_script(db, limit.data);
    buf_done(&limit);
    db->fold_bytes = fold;
    sqlite3_wal_hook(db->handle, committed, db);
}

bool db_cramped(const struct db *db)
{
    return db->cramped;
}

struct stmt *db_stmt(struct db *db, enum statement which)
{
    struct stmt *stmt = &db->stmts[which];
    stmt->db = db;
    if (db->status != DB_OK)
        return stmt;
    if (stmt->handle) {
        sqlite3_reset(stmt->handle);
        sqlite3_clear_bindings(stmt->handle);
        stmt->next = 0;
    } else {
        note(db, sqlite3_prepare_v3(db->handle, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                    &stmt->handle, NULL));
    }
    return stmt;
}

static int parameter(struct stmt *stmt, const char *name)
{
    size_t count = stmt->parameter_count;
    for (size_t i = 0; i < count; i++) {
        const struct parameter *guess = &stmt->parameters[stmt->next];
        stmt->next = stmt->next + 1 < count ? stmt->next + 1 : 0;
        if (guess->name == name)
            return guess->index;
    }
    stmt->parameters = mem_resize(stmt->parameters, (count + 1) * sizeof(*stmt->parameters));
    stmt->parameters[count] =
        (struct parameter){name, sqlite3_bind_parameter_index(stmt->handle, name)};
    return stmt->parameters[stmt->parameter_count++].index;
}

void stmt_bind_int(struct stmt *stmt, const char *name, int64_t value)
{
    if (stmt->db->status == DB_OK)
        note(stmt->db, sqlite3_bind_int64(stmt->handle, parameter(stmt, name), value));
}

void stmt_bind_real(struct stmt *stmt, const char *name, double value)
{
    if (stmt->db->status == DB_OK)
        note(stmt->db, sqlite3_bind_double(stmt->handle, parameter(stmt, name), value));
}

void stmt_bind_text(struct stmt *stmt, const char *name, struct str value)
{
    if (stmt->db->status == DB_OK && value.data)
        note(stmt->db, sqlite3_bind_text64(stmt->handle, parameter(stmt, name), value.data,
                                           value.len, SQLITE_STATIC, SQLITE_UTF8));
}

bool stmt_step(struct stmt *stmt)
{
    if (stmt->db->status != DB_OK)
        return false;
    int rc = sqlite3_step(stmt->handle);
    if (rc == SQLITE_ROW)
        return true;
    note(stmt->db, rc);
    sqlite3_reset(stmt->handle);
    return false;
}

int64_t stmt_run(struct stmt *stmt)
{
    stmt_step(stmt);
    return stmt->db->status == DB_OK ? sqlite3_changes64(stmt->db->handle) : 0;
}

void stmt_end(struct stmt *stmt)
{
    if (stmt->handle)
        sqlite3_reset(stmt->handle);
}

int64_t stmt_int(struct stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt->handle, column);
}

double stmt_real(struct stmt *stmt, int column)
{
    return sqlite3_column_double(stmt->handle, column);
}

struct str stmt_text(struct stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt->handle, column);
    if (!text && sqlite3_column_type(stmt->handle, column) != SQLITE_NULL)
        note(stmt->db, SQLITE_NOMEM); /* not to be taken for NULL */
    return text ? (struct str){text, (size_t)sqlite3_column_bytes(stmt->handle, column)} : STR_NONE;
}
