#include "executors/proc.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool proc_read(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, text, size - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    return len > 0;
}

bool proc_stat(const char *pid, struct proc_stat *stat)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%.32s/stat", pid);
    if (!proc_read(path, text, sizeof(text)))
        return false;
    const char *after_name = strrchr(text, ')'); /* the name may hold anything, even ')' */
    if (!after_name)
        return false;
    struct str rest = str_of(after_name + 2);
    int64_t ticks = 0;
    bool fine = true;
    stat->state = *rest.data;
    for (int field = 3; field <= 22; field++) {
        struct str word = str_cut(&rest, ' ');
        if (field == 5)
            fine = fine && str_int(word, &stat->group);
        if (field == 22)
            fine = fine && str_int(word, &ticks);
    }
    stat->started = ticks * 1000 / sysconf(_SC_CLK_TCK);
    return fine;
}

/* Whether it has this line in its status. */
static bool has_line(const char *pid, const char *line)
{
    char path[64], text[8192]; /* it has 1,500 bytes */
    snprintf(path, sizeof(path), "/proc/%.32s/status", pid);
    return proc_read(path, text, sizeof(text)) && strstr(text, line);
}

bool proc_bound(const char *pid)
{
    return has_line(pid, "\nNoNewPrivs:\t1\n");
}

bool proc_traced(const char *pid)
{
    return !has_line(pid, "\nTracerPid:\t0\n");
}

bool proc_each(bool (*each)(const char *pid, void *arg), void *arg)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    bool on = true;
    while (proc && on && (entry = readdir(proc))) { /* NOLINT(concurrency-mt-unsafe) */
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            on = each(entry->d_name, arg);
    }
    if (proc)
        closedir(proc);
    return on;
}
