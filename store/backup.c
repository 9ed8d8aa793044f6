#include "store/backup.h"

#include "base/mem.h"
#include "store/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(char **message, const char *path, const char *why)
{
    struct buf text = {0};
    buf_addf(&text, "%s: %s", path, why);
    mem_free(*message);
    *message = buf_take(&text, NULL);
    return false;
}

/* --- before -------------------------------------------------------------------- */

/* The log of an earlier file would be taken for the log of the new one, and spoil it. */
static bool check_beside(const char *file, char **message)
{
    static const char *const endings[] = {"-wal", "-journal"};
    bool none = true;
    for (size_t i = 0; i < array_size(endings) && none; i++) {
        struct buf path = {0};
        buf_addf(&path, "%s%s", file, endings[i]);
        none = access(path.data, F_OK) != 0 ||
               refuse(message, path.data, "is beside it, so somebody uses that file, or did");
        buf_done(&path);
    }
    return none;
}

static bool check_place(const struct backup *backup, char **message)
{
    struct stat there, database;
    if (stat(backup->file, &there) != 0)
        return check_beside(backup->file, message);
    if (stat(backup->database, &database) == 0 && there.st_dev == database.st_dev &&
        there.st_ino == database.st_ino)
        return refuse(message, backup->file, "is the database itself");
    if (!S_ISREG(there.st_mode)) /* a device would be gone, and its name a file */
        return refuse(message, backup->file,
                      S_ISDIR(there.st_mode) ? strerror(EISDIR) : "is no file");
    if (!backup->force)
        return refuse(message, backup->file, strerror(EEXIST));
    return check_beside(backup->file, message);
}

/* What a backup that was killed left is used again. The lock is ours only if the file is still the
 * one of that name: another backup may have put it in its place meanwhile. */
static int open_partial(const char *partial, char **message)
{
    struct stat opened, named;
    int fd = open(partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &opened) == 0 &&
        stat(partial, &named) == 0 && opened.st_ino == named.st_ino && fchmod(fd, 0600) == 0 &&
        ftruncate(fd, 0) == 0)
        return fd;
    refuse(message, partial, errno == EWOULDBLOCK ? "another backup writes it" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* --- the copy ------------------------------------------------------------------ */

static bool copy(const struct backup *backup, const char *partial, int fd, char **message)
{
    struct identified found;
    if (!identity_open(backup->database, &found, message))
        return refuse(message, backup->database, *message);
    bool copied = db_copy(found.db, partial, fd, message);
    if (!copied)
        refuse(message, partial, *message);
    if (!identity_close(backup->database, &found) && copied)
        return refuse(message, backup->database,
                      "somebody began to use it while it was read; try again");
    return copied;
}

static bool verify(struct backup *backup, const char *partial, char **message)
{
    struct stat status;
    if (!check_file(partial, &backup->check, message))
        return refuse(message, partial, *message);
    if (backup->check.damage)
        return refuse(message, backup->database, "is damaged, and so is the copy");
    backup->bytes = stat(partial, &status) == 0 ? status.st_size : 0;
    return true;
}

/* --- after --------------------------------------------------------------------- */

/* Only with this is the name on the disk. */
static bool sync_folder(const char *file)
{
    const char *slash = strrchr(file, '/');
    struct buf folder = {0};
    buf_add(&folder, file, slash ? (size_t)(slash - file) + 1 : 0);
    buf_add_char(&folder, '.');
    int fd = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    buf_done(&folder);
    return synced;
}

static bool put_in_place(const struct backup *backup, const char *partial, int fd, char **message)
{
    if (fsync(fd) != 0)
        return refuse(message, partial, strerror(errno));
    int flags = backup->force ? 0 : RENAME_NOREPLACE;
    if (renameat2(AT_FDCWD, partial, AT_FDCWD, backup->file, flags) != 0)
        return refuse(message, backup->file, strerror(errno));
    if (!sync_folder(backup->file))
        return refuse(message, backup->file, strerror(errno));
    return true;
}

bool backup_make(struct backup *backup, char **message)
{
    struct buf partial = {0};
    *message = NULL;
    if (!check_place(backup, message))
        return false;
    buf_addf(&partial, "%s.partial", backup->file);
    int fd = open_partial(partial.data, message);
    bool made = fd >= 0 && copy(backup, partial.data, fd, message) &&
                verify(backup, partial.data, message) &&
                put_in_place(backup, partial.data, fd, message);
    if (fd >= 0) {
        if (!made)
            unlink(partial.data);
        close(fd);
    }
    buf_done(&partial);
    return made;
}
