#include "store/sqlite.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/faulty_disk.h"

#include <errno.h>
#include <unistd.h>

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

bool sqlite_no_room(struct db *db, int rc)
{
    int system = sqlite3_system_errno(db->handle);
    return (rc & 0xFF) == SQLITE_FULL ||
           sqlite3_extended_errcode(db->handle) == SQLITE_IOERR_SHMSIZE ||
           ((rc & 0xFF) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT));
}

static enum db_status status_of(struct db *db, int rc)
{
    if (sqlite_no_room(db, rc))
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

enum db_status db_status(const struct db *db)
{
    return db->status;
}

const char *db_message(const struct db *db)
{
    return db->status == DB_FULL ? "the disk is full" : sqlite3_errmsg(db->handle);
}

void db_script(struct db *db, const char *sql)
{
    if (db->status == DB_OK)
        note(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
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
    CRASH_POINT(before_checkpoint);
    int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    CRASH_POINT(after_checkpoint);
    db->cramped = rc != SQLITE_OK && sqlite_no_room(db, rc);
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
    db->fold_bytes = faulty_disk_fold(fold);
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
