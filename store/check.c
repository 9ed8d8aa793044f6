#include "store/check.h"

#include "base/mem.h"
#include "store/identity.h"

#include <unistd.h>

/* Of one invariant; beyond it they are counted and not told. */
enum { TOLD_MAX = 100 };

static const char *const names[] = {
#define X(name, sql) #name,
#include "invariants.inc"
#undef X
};

/* A database that somebody uses, or did when the machine died, has a log beside it. */
static bool is_still(const char *path)
{
    struct buf log = {0};
    buf_addf(&log, "%s-wal", path);
    bool still = access(log.data, F_OK) != 0;
    buf_done(&log);
    return still;
}

static void tell(struct check *check, const char *name, struct str what)
{
    check->found(check->arg, name, what);
}

static void ask(struct check *check, struct db *db, enum statement which)
{
    const char *name = names[which - CHECK_FIRST];
    int64_t count = 0;
    struct stmt *stmt = db_stmt(db, which);
    for (; stmt_step(stmt); count++) {
        if (count < TOLD_MAX)
            tell(check, name, stmt_text(stmt, 0));
    }
    if (count > TOLD_MAX) {
        struct buf more = {0};
        buf_addf(&more, "and %lld more", (long long)(count - TOLD_MAX));
        tell(check, name, buf_str(&more));
        buf_done(&more);
    }
    if (db_status(db) != DB_OK) { /* the file is damaged where this one had to look */
        tell(check, name, str_of(db_message(db)));
        count++;
        db_rollback(db);
        db_begin(db, DB_READ);
    }
    check->invariants++;
    check->findings += count;
}

static void census(struct check *check, struct db *db)
{
    struct stmt *stmt = db_stmt(db, SQL_census);
    if (stmt_step(stmt)) {
        check->tasks = stmt_int(stmt, 0);
        check->live = stmt_int(stmt, 1);
        check->events = stmt_int(stmt, 2);
    }
    stmt_end(stmt);
}

static bool run(struct check *check, struct db *db, char **message)
{
    struct identity identity = {0};
    db_begin(db, DB_READ);
    if (!identity_read(db, &identity, message))
        return false;
    check->version = identity.version;
    if (!check->version) {
        *message = mem_string("the database is empty");
        return false;
    }
    check->whole = check->version == identity_newest();
    int end = check->whole ? STATEMENT_COUNT : CHECK_words;
    for (int which = CHECK_FIRST; which < end; which++)
        ask(check, db, (enum statement)which);
    if (check->whole)
        census(check, db);
    db_commit(db);
    return true;
}

bool check_file(const char *path, struct check *check, char **message)
{
    bool still = is_still(path);
    struct db *db = db_open(path, still ? DB_STILL : DB_READ, message);
    if (!db)
        return false;
    bool could = run(check, db, message);
    db_close(db);
    if (could && still && !is_still(path)) {
        *message = mem_string("somebody began to use it while it was read; check it again");
        return false;
    }
    return could;
}
