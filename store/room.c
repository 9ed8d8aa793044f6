#include "store/room.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Between two looks at a disk that is full: each writes one page and syncs it. */
static const int64_t LOOK_NS = 1000000000;
/* At least, when transactions fail meanwhile and not a page could be written. */
static const int64_t BETWEEN_NS = 100000000;

enum {
    SHARE = 8,             /* the reserve takes at most one part in so many of the file system */
    PARTS = 4,             /* in which it is given up: others may write to the same disk */
    MARGIN = 4,            /* one part in so many of it has to be free beside it */
    MARGIN_MIN = 262144,   /* and this at least: so that it is not full again at once */
    LOG_FOLD = 16384000,   /* bytes of the write-ahead log that are folded into the file, or half
                              of the reserve: with it there is always room for that */
    LOG_KEEP = 67108864,   /* what it shrinks back to once a long read had made it longer */
    LOG_FOLD_MIN = 262144, /* on a disk that is very small */
};

static int64_t margin(const struct room *room)
{
    int64_t part = room->reserve / MARGIN;
    return part > MARGIN_MIN ? part : MARGIN_MIN;
}

static int64_t free_on_disk(const struct room *room)
{
    struct statvfs disk;
    return statvfs(room->folder, &disk) == 0 ? (int64_t)(disk.f_bavail * disk.f_frsize) : 0;
}

static int64_t free_in_file(struct room *room)
{
    struct stmt *stmt = db_stmt(room->db, SQL_free_bytes);
    int64_t bytes = stmt_step(stmt) ? stmt_int(stmt, 0) : 0;
    stmt_end(stmt);
    return bytes;
}

static void cut(struct room *room, int64_t left)
{
    bool some = left > 0 && truncate(room->path, left) == 0;
    room->left = some ? left : 0;
    if (!some)
        unlink(room->path);
}

/* Blocks, not a hole: posix_fallocate. */
static bool take(struct room *room)
{
    if (!room->reserve)
        return room->held = true;
    int fd = open(room->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    room->held = fd >= 0 && posix_fallocate(fd, 0, (off_t)room->reserve) == 0;
    if (fd >= 0)
        close(fd);
    if (room->held)
        room->left = room->reserve;
    else
        cut(room, room->left); /* it may have grown half-way */
    return room->held;
}

/* One part of it. */
static void give(struct room *room)
{
    int64_t part = room->reserve / PARTS + 1;
    cut(room, room->left < 2 * part ? 0 : room->left - part);
    room->held = false;
}

/* What was done stands in the log. Folded into the file, the log can be written again from its
 * beginning. The page that is written then is the proof, and shortens a log that is too long. */
static enum db_status try_write(struct room *room)
{
    struct buf same = {0};
    db_fold(room->db);
    struct stmt *stmt = db_stmt(room->db, SQL_schema_version);
    buf_addf(&same, "PRAGMA user_version = %lld",
             stmt_step(stmt) ? (long long)stmt_int(stmt, 0) : 0);
    stmt_end(stmt);
    db_begin(room->db, DB_WRITE);
    db_script(room->db, same.data);
    db_commit(room->db);
    buf_done(&same);
    enum db_status status = db_status(room->db);
    if (status == DB_OK && db_cramped(room->db))
        status = DB_FULL;
    db_rollback(room->db);
    return status;
}

/* Parts of the reserve go until a page can be written. */
static enum db_status make_way(struct room *room)
{
    enum db_status status = try_write(room);
    while (status == DB_FULL && room->left) {
        give(room);
        status = try_write(room);
    }
    room->stuck = status == DB_FULL;
    return status;
}

/* More than the reserve has to be there, or the disk would be full again at once. */
static bool has_room(struct room *room)
{
    int64_t wanted = room->reserve + margin(room);
    return (free_on_disk(room) + room->left >= wanted && take(room)) ||
           free_in_file(room) >= wanted;
}

static void found_full(struct room *room)
{
    if (atomic_exchange(&room->full, true))
        return;
    room->since = clock_mono_ns();
    room->refused = 0;
    log_warn("the disk is full: until there is room, new tasks are refused and none is started");
}

static void found_room(struct room *room)
{
    if (!atomic_exchange(&room->full, false))
        return;
    log_info("the disk has room again, after %.1f s; requests that were refused: %lld",
             (double)(clock_mono_ns() - room->since) / 1e9, (long long)room->refused);
}

/* That another program holds the lock, or that the disk fails in another way, says nothing of room.
 */
static void look(struct room *room)
{
    enum db_status status = make_way(room);
    if (status == DB_OK && has_room(room))
        found_room(room);
    else if (status == DB_OK || status == DB_FULL)
        found_full(room);
    room->next_look = clock_mono_ns() + LOOK_NS;
}

void room_init(struct room *room, const char *folder, int64_t reserve)
{
    struct buf path = {0};
    struct statvfs disk;
    buf_addf(&path, "%s/errand.reserve", folder);
    *room = (struct room){.folder = mem_string(folder), .path = buf_take(&path, NULL)};
    room->share = statvfs(folder, &disk) == 0 ? (int64_t)(disk.f_blocks * disk.f_frsize) / SHARE
                                              : INT64_MAX / 2;
    room->reserve = reserve < room->share ? reserve : room->share;
    unlink(room->path);
    room->held = true; /* so to say: until the start is over there is nothing to look after */
}

void room_open(struct room *room, struct db *db)
{
    int64_t half = (room->reserve ? room->reserve : room->share) / 2;
    int64_t fold = half < LOG_FOLD ? half : LOG_FOLD;
    int64_t keep = room->share < LOG_KEEP / 2 ? room->share * 2 : LOG_KEEP;
    room->db = db;
    db_limit_log(db, fold > LOG_FOLD_MIN ? fold : LOG_FOLD_MIN, keep);
}

void room_start(struct room *room)
{
    if (!atomic_load(&room->full) && !take(room))
        room_gone(room);
}

void room_committed(struct room *room)
{
    if (atomic_load(&room->full))
        return;
    if (db_cramped(room->db))
        room_gone(room);
    else if (!room->held && free_in_file(room) < room->reserve)
        found_full(room);
}

void room_gone(struct room *room)
{
    if (room->stuck && clock_mono_ns() < room->next_look - LOOK_NS + BETWEEN_NS)
        return;
    give(room);
    look(room);
}

void room_look(struct room *room)
{
    if (!room->held && clock_mono_ns() >= room->next_look)
        look(room);
}

int64_t room_deadline(const struct room *room)
{
    return room->held ? INT64_MAX : room->next_look;
}

void room_done(struct room *room)
{
    mem_free(room->folder);
    mem_free(room->path);
}
