#include "tests/api/lib/process.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The parent of a process; 0 if it is gone. */
static pid_t parent_of(pid_t pid, char *state)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    char *got = fgets(line, sizeof line, file);
    fclose(file);
    const char *name_end = got ? strrchr(line, ')') : NULL;
    int parent = 0;
    if (!name_end || sscanf(name_end + 1, " %c %d", state, &parent) != 2)
        return 0;
    return parent;
}

bool process_alive(pid_t pid)
{
    char state = 'X';
    parent_of(pid, &state);
    return !strchr("ZX", state);
}

bool process_wait(pid_t child, int milliseconds, int *status)
{
    int handle = (int)syscall(SYS_pidfd_open, child, 0);
    struct pollfd ended = {.fd = handle, .events = POLLIN};
    int ready = handle < 0 ? -1 : poll(&ended, 1, milliseconds);
    if (handle >= 0)
        close(handle);
    return ready == 1 && waitpid(child, status, 0) == child;
}

int process_children(pid_t parent)
{
    DIR *all = opendir("/proc");
    if (!all)
        return 0;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(all));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        char state;
        count += pid > 1 && parent_of(pid, &state) == parent;
    }
    closedir(all);
    return count;
}

pid_t process_child(pid_t parent)
{
    DIR *all = opendir("/proc");
    if (!all)
        return 0;
    pid_t child = 0;
    for (struct dirent *entry; !child && (entry = readdir(all));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        char state;
        if (pid > 1 && parent_of(pid, &state) == parent)
            child = pid;
    }
    closedir(all);
    return child;
}

int process_in_folder(const char *folder)
{
    DIR *all = opendir("/proc");
    if (!all)
        return 0;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(all));) {
        char path[300], target[4096];
        snprintf(path, sizeof path, "/proc/%s/cwd", entry->d_name);
        ssize_t length = atoi(entry->d_name) > 0 ? readlink(path, target, sizeof target - 1) : -1;
        if (length < 0)
            continue;
        target[length] = 0;
        count += strcmp(target, folder) == 0;
    }
    closedir(all);
    return count;
}

int process_descriptors(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *all = opendir(path);
    if (!all)
        return 0;
    int count = -2; /* . and .. */
    while (readdir(all))
        count++;
    closedir(all);
    return count;
}

/* The word of /proc/PID/stat with this number (proc(5)), from 3 on. */
static long stat_word(pid_t pid, int number)
{
    char path[64], line[1024] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    char *rest = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    for (int i = 2; rest && i < number; i++)
        rest = strchr(rest + 1, ' ');
    return rest ? atol(rest) : 0;
}

long process_memory(pid_t pid)
{
    return stat_word(pid, 24) * sysconf(_SC_PAGESIZE) / 1024;
}

long process_ticks(pid_t pid)
{
    return stat_word(pid, 14) + stat_word(pid, 15);
}

static int end_children(void)
{
    DIR *all = opendir("/proc");
    if (!all)
        return 0;
    int ended = 0;
    for (struct dirent *entry; (entry = readdir(all));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        char state;
        if (pid <= 1 || parent_of(pid, &state) != getpid())
            continue;
        kill(pid, SIGKILL);
        ended += waitpid(pid, NULL, 0) == pid;
    }
    closedir(all);
    return ended;
}

/* Killing one may hand us its children, hence again until there are none. */
void process_end_orphans(void)
{
    while (end_children() > 0)
        ;
}
