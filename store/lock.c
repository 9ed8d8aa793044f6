#include "store/lock.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int64_t read_owner(int fd)
{
    char text[24];
    ssize_t len = pread(fd, text, sizeof(text), 0);
    int64_t owner = 0;
    if (len <= 0 || !str_int((struct str){text, (size_t)len}, &owner))
        return -1;
    return owner;
}

/* For people to read: on a full disk it may be missing, and the lock holds all the same. */
static void write_owner(int fd)
{
    struct buf pid = {0};
    buf_add_int(&pid, getpid());
    ssize_t written = pwrite(fd, pid.data, pid.len, 0);
    if (ftruncate(fd, written > 0 ? written : 0) != 0)
        log_warn("the lock file cannot be written: %s", strerror(errno));
    buf_done(&pid);
}

int lock_folder(const char *folder, int64_t *owner)
{
    struct buf path = {0};
    buf_addf(&path, "%s/errand.lock", folder);
    int fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    buf_done(&path);
    *owner = 0;
    if (fd < 0)
        return -1;
    /* Not flock: a child would hold that too, from its start to its execve, after our death. */
    const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &whole) != 0) {
        *owner = read_owner(fd);
        close(fd);
        return -1;
    }
    write_owner(fd);
    return fd;
}
