#include "store/lock.h"

#include <fcntl.h>
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
    struct buf pid = {0};
    buf_add_int(&pid, getpid());
    bool written = ftruncate(fd, 0) == 0 && pwrite(fd, pid.data, pid.len, 0) == (ssize_t)pid.len;
    buf_done(&pid);
    if (!written) {
        close(fd);
        return -1;
    }
    return fd;
}
