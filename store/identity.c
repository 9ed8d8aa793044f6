#include "store/identity.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int versions[] = {
#define X(version, name, sql) version,
#include "migrations.inc"
#undef X
};

int64_t identity_newest(void)
{
    return versions[array_size(versions) - 1];
}

static char *too_new(int64_t version)
{
    struct buf text = {0};
    buf_addf(&text,
             "the database was made by a newer errand (schema %lld, this one knows up to %lld)",
             (long long)version, (long long)identity_newest());
    return buf_take(&text, NULL);
}

bool identity_read(struct db *db, struct identity *identity, char **message)
{
    struct stmt *stmt = db_stmt(db, SQL_identity);
    int64_t things = 0, tables = 0;
    if (stmt_step(stmt)) {
        *identity = (struct identity){stmt_int(stmt, 0), stmt_int(stmt, 1)};
        things = stmt_int(stmt, 2);
        tables = stmt_int(stmt, 3);
    }
    stmt_end(stmt);
    bool empty = !things && !identity->version && !identity->application;
    bool ours = empty || (tables == 2 && identity->version > 0 &&
                          (!identity->application || identity->application == APPLICATION_ID));
    if (db_status(db) != DB_OK)
        *message = mem_string(db_message(db));
    else if (!ours)
        *message = mem_string("the database is of another program");
    else if (identity->version > identity_newest())
        *message = too_new(identity->version);
    else
        return true;
    return false;
}

/* --- the file, before SQLite sees it -------------------------------------------- */

/* The length of what is beside the file with this ending; -1: nothing. */
static int64_t beside(const char *path, const char *ending)
{
    struct stat status;
    struct buf name = {0};
    buf_addf(&name, "%s%s", path, ending);
    bool found = stat(name.data, &status) == 0;
    buf_done(&name);
    return found ? status.st_size : -1;
}

/* A database that somebody uses, or did when the machine died, has a log beside it. */
static bool is_still(const char *path)
{
    return beside(path, "-wal") < 0 && beside(path, "-journal") < 0;
}

/* Whether the file says of itself that it is used without a log: a backup does. */
static bool says_no_log(const char *path)
{
    enum { WRITE_VERSION_AT = 18, NO_LOG = 1 }; /* SQLite's file format, 1.3.3 */
    unsigned char header[WRITE_VERSION_AT + 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd >= 0 ? read(fd, header, sizeof(header)) : 0;
    if (fd >= 0)
        close(fd);
    return len == 0 || (len == sizeof(header) && header[WRITE_VERSION_AT] == NO_LOG);
}

/* SQLite would take any log for the file's own, and spoil it, or throw the log away where there is
 * no file. */
static bool check_log(const char *path, char **message)
{
    if (beside(path, "-wal") <= 0 || !says_no_log(path))
        return true;
    struct buf text = {0};
    buf_addf(&text, "%s-wal beside it is the log of another file: remove one of the two", path);
    *message = buf_take(&text, NULL);
    return false;
}

static bool check_kind(const char *path, char **message)
{
    struct stat status;
    if (stat(path, &status) != 0)
        *message = mem_string(strerror(errno));
    else if (!S_ISREG(status.st_mode))
        *message = mem_string(S_ISDIR(status.st_mode) ? strerror(EISDIR) : "is no file");
    else
        return true;
    return false;
}

/* --- opening --------------------------------------------------------------------- */

bool identity_open(const char *path, struct identified *found, char **message)
{
    *found = (struct identified){.still = is_still(path)};
    if (!check_kind(path, message) || !check_log(path, message))
        return false;
    enum db_mode mode = found->still ? DB_STILL : beside(path, "-journal") > 0 ? DB_MEND : DB_READ;
    found->db = db_open(path, mode, message);
    if (!found->db)
        return false;
    db_begin(found->db, DB_READ);
    if (identity_read(found->db, &found->identity, message))
        return true;
    db_close(found->db);
    return false;
}

bool identity_close(const char *path, struct identified *found)
{
    db_close(found->db);
    return !found->still || is_still(path);
}

bool identity_check(const char *path, char **message)
{
    struct identified found;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return check_log(path, message);
    if (!identity_open(path, &found, message))
        return false;
    identity_close(path, &found);
    return true;
}
