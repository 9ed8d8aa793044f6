#include "tests/api/lib/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"

static void unmount(void *path)
{
    umount2(path, MNT_DETACH);
}

void disk_make(struct scenario *s, int kilobytes)
{
    const char *path = folder_path(s, "data");
    mkdir(path, 0700);
    if (mount("tmpfs", path, "tmpfs", 0, text(s, "size=%dk", kilobytes)) != 0) {
        print_message("skipped: a tmpfs cannot be mounted here: %s\n", strerror(errno));
        skip();
    }
    at_end(s, unmount, text(s, "%s", path));
}

void disk_grow(struct scenario *s, int kilobytes)
{
    if (mount(NULL, folder_path(s, "data"), NULL, MS_REMOUNT, text(s, "size=%dk", kilobytes)) != 0)
        fail_at(HERE, "cannot grow the disk: %s", strerror(errno));
}

void disk_fill(struct scenario *s)
{
    static const char page[4096];
    int fd = open(folder_path(s, "data/ballast"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        fail_at(HERE, "cannot make the ballast: %s", strerror(errno));
    while (write(fd, page, sizeof page) > 0)
        ;
    close(fd);
}

void disk_empty(struct scenario *s)
{
    if (unlink(folder_path(s, "data/ballast")) != 0)
        fail_at(HERE, "there is no ballast: %s", strerror(errno));
}

/* --- what a server makes of it ------------------------------------------------- */

struct reply *disk_create(struct server *server, int bytes)
{
    struct scenario *s = server->scenario;
    char *argument = keep(s, (size_t)bytes + 1);
    memset(argument, 'x', (size_t)bytes);
    return post(server, "/v1/tasks", "{'function':'echo','args':['%s']}", argument);
}

int disk_ready(struct server *server)
{
    return get(server, "/readyz")->status;
}

void disk_fill_up(struct server *server)
{
    disk_fill(server->scenario);
    while (disk_create(server, DISK_BIG)->status == 201)
        ;
    expect_status(get(server, "/readyz"), 503);
}

void disk_make_room(struct server *server)
{
    disk_empty(server->scenario);
    eventually(disk_ready(server) == 200);
}

void disk_function_large(struct scenario *s)
{
    function_file(s, "large.sh",
                  "#!/bin/sh\n"
                  "gate=../scratch/$ERRAND_TASK_ID.gate\n"
                  "mkfifo $gate\n"
                  "echo '{\"progress\":1}' >&3\n"
                  "read -r line <$gate\n"
                  "head -c 3000000 /dev/zero | tr '\\0' x\n"
                  "touch ../scratch/$ERRAND_TASK_ID.over\n");
}

int disk_log_lines(struct server *server, const char *what)
{
    int count = 0;
    for (const char *p = server_log(server); (p = strstr(p, what)); p++)
        count++;
    return count;
}
