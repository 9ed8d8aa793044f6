#include "store/check.h"

#include "base/mem.h"
#include "store/identity.h"

/* Of one invariant; beyond it they are counted and not told. */
enum { TOLD_MAX = 100 };

static const char *const names[] = {
#define X(name, sql) #name,
#include "invariants.inc"
#undef X
};

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
    check->damage += which < CHECK_words ? count : 0;
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

static bool run(struct check *check, const struct identified *found, char **message)
{
    check->version = found->identity.version;
    if (!check->version) {
        *message = mem_string("the database is empty");
        return false;
    }
    check->whole = check->version == identity_newest();
    int end = check->whole ? STATEMENT_COUNT : CHECK_words;
    db_use_own_json(found->db);
    for (int which = CHECK_FIRST; which < end; which++)
        ask(check, found->db, (enum statement)which);
    if (check->whole)
        census(check, found->db);
    return true;
}

bool check_file(const char *path, struct check *check, char **message)
{
    struct identified found;
    if (!identity_open(path, &found, message))
        return false;
    bool could = run(check, &found, message);
    if (!identity_close(path, &found) && could) {
        *message = mem_string("somebody began to use it while it was read; check it again");
        return false;
    }
    return could;
}
