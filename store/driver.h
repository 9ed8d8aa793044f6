/* The database driver: about ten calls between the store and SQLite. A second
 * database means one more file that implements this header.
 *
 * Errors are sticky: the first one sets the connection's status, and until
 * db_rollback every further call does nothing, reads as empty and leaves the
 * status alone. A transaction's code therefore runs straight through and asks
 * db_status once, at its end.
 *
 * A sync that fails ends the process with exit status 1: whether the commit is on the disk, nobody
 * can say (docs/decisions/0018-a-failed-sync-ends-the-process.md).
 *
 * A connection and its statements belong to one thread at a time. */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "base/str.h"

enum db_status {
    DB_OK,
    DB_FULL,    /* the disk is full */
    DB_BUSY,    /* another program holds the lock, and did so for BUSY_TIMEOUT_MS */
    DB_DAMAGED, /* what the file holds makes no sense */
    DB_FAILED,  /* anything else: see db_message */
};

enum db_mode {
    DB_WRITE,
    DB_READ,
    DB_STILL, /* to be read, and nobody has it open: leaves nothing beside the file */
    DB_MEND,  /* to be read, once the journal that a crash left beside it is rolled back */
};

/* Longest wait for another program's lock: the writer is alone, so only a shell can hold it. */
enum { BUSY_TIMEOUT_MS = 10000 };

enum statement {
#define X(name, sql) SQL_##name,
#include "statements.inc"
#undef X
#define X(name, sql) CHECK_##name,
#include "invariants.inc"
#undef X
    STATEMENT_COUNT,
    CHECK_FIRST = CHECK_pages,
};

struct db;
struct stmt;

/* Opens the file (DB_WRITE makes it when it is missing). NULL: *message says why (mem_free it). */
struct db *db_open(const char *path, enum db_mode mode, char **message);
void db_close(struct db *db);
enum db_status db_status(const struct db *db);
/* What the last error was; valid until the next call. */
const char *db_message(const struct db *db);
/* json_valid, json_extract and json_quote of this connection are ours (base/json.h) from now on:
 * SQLite's own know 2,000 levels, and read a string up to U+0000. json_extract knows paths of one
 * member, '$.name', and gives NULL where there is no JSON. Before the first statement with them. */
void db_use_own_json(struct db *db);
/* Runs a script of several statements. */
void db_script(struct db *db, const char *sql);

/* A writer's transaction takes the write lock at once, so it can never fail half-way for it. */
void db_begin(struct db *db, enum db_mode mode);
void db_commit(struct db *db);
/* Undoes the transaction, if there is one, and clears the status. */
void db_rollback(struct db *db);

/* The log of a writer is folded into the file when it has so many bytes, and is cut to the second
 * number when a read had made it longer. */
void db_limit_log(struct db *db, int64_t fold, int64_t keep);
/* Folds now what no reader needs. Outside of transactions; the status stays. */
void db_fold(struct db *db);
/* Whether the last fold failed because the file has no room to grow. */
bool db_cramped(const struct db *db);

/* Copies the database, as from's transaction sees it, to the empty file of that path; fd is the
 * file too, and is synced as it grows. Others may write meanwhile. The copy has no log beside it.
 * False: *message says why (mem_free it), and the file holds nothing of use. */
bool db_copy(struct db *from, const char *path, int fd, char **message);

/* The prepared statement, reset and without bindings. Prepared on first use. */
struct stmt *db_stmt(struct db *db, enum statement which);
/* name is with its colon, ":seq", and a literal: it is remembered by its address. Text is not
 * copied: it must live until the next db_stmt of the same statement. STR_NONE binds NULL. */
void stmt_bind_int(struct stmt *stmt, const char *name, int64_t value);
void stmt_bind_real(struct stmt *stmt, const char *name, double value);
void stmt_bind_text(struct stmt *stmt, const char *name, struct str value);
/* True: there is a row. False: no more rows (the statement is reset), or an error. */
bool stmt_step(struct stmt *stmt);
/* Runs a statement that gives no rows; returns the number of rows it changed. */
int64_t stmt_run(struct stmt *stmt);
/* Ends a read before its last row, so that it holds no snapshot. */
void stmt_end(struct stmt *stmt);
int64_t stmt_int(struct stmt *stmt, int column);
double stmt_real(struct stmt *stmt, int column);
/* Borrowed until the next step; NULL gives STR_NONE. */
struct str stmt_text(struct stmt *stmt, int column);

#endif
