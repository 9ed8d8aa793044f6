#include "tests/bench/lib/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/lib/measure.h"

#define STOP_SECONDS 8

static _Noreturn void child_exec(const char *const argv[], int out, const char *log)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_DFL);
    dup2(out, STDOUT_FILENO);
    if (log) {
        int fd = open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

        if (fd >= 0)
            dup2(fd, STDERR_FILENO);
    }
    execvp(argv[0], (char *const *)(size_t)argv);
    fprintf(stderr, "cannot start %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

void child_start(struct child *c, const char *const argv[], const char *log)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe: %s", strerror(errno));
    *c = (struct child){.out = ends[0], .pid = fork()};
    if (c->pid < 0)
        die("fork: %s", strerror(errno));
    if (c->pid == 0)
        child_exec(argv, ends[1], log);
    close(ends[1]);
}

bool child_line(struct child *c, char *line, size_t size, double seconds)
{
    double end = now_seconds() + seconds;
    size_t len = 0;

    while (len + 1 < size) {
        struct pollfd wait = {.fd = c->out, .events = POLLIN};
        int left = (int)((end - now_seconds()) * 1000);

        if (left <= 0 || poll(&wait, 1, left) <= 0 || read(c->out, line + len, 1) != 1)
            return false;
        if (line[len] == '\n')
            break;
        len++;
    }
    line[len] = '\0';
    return true;
}

void child_stop(struct child *c)
{
    double end = now_seconds() + STOP_SECONDS;
    int status;

    if (c->pid <= 0)
        return;
    kill(c->pid, SIGTERM);
    while (waitpid(c->pid, &status, WNOHANG) == 0) {
        if (now_seconds() > end) {
            fprintf(stderr, "bench: process %d did not stop in %d s, killed\n", (int)c->pid,
                    STOP_SECONDS);
            kill(c->pid, SIGKILL);
            waitpid(c->pid, &status, 0);
            break;
        }
        pause_seconds(0.005);
    }
    close(c->out);
    *c = (struct child){0};
}

static void proc_read(pid_t pid, const char *file, char *text, size_t size)
{
    char path[64];
    size_t len = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    f = fopen(path, "re");
    if (f) {
        len = fread(text, 1, size - 1, f);
        fclose(f);
    }
    text[len] = '\0';
}

long child_rss_kb(const struct child *c)
{
    char text[4096];
    const char *at;

    proc_read(c->pid, "status", text, sizeof text);
    at = strstr(text, "VmRSS:");
    if (!at)
        die("process %d is gone", (int)c->pid);
    return strtol(at + 6, NULL, 10);
}

/* The fields of /proc/PID/stat after the name, which may hold anything but ends in ')':
 * 3 is the state, 4 the parent, 14 and 15 the user and system time. */
static const char *stat_field(const char *text, int number)
{
    const char *at = strrchr(text, ')');

    for (int field = 2; at && field < number; field++)
        at = strchr(at + 1, ' ');
    return at ? at + 1 : NULL;
}

long child_ticks(const struct child *c)
{
    char text[1024], *end;
    const char *at;
    long ticks;

    proc_read(c->pid, "stat", text, sizeof text);
    at = stat_field(text, 14);
    if (!at)
        die("process %d is gone", (int)c->pid);
    ticks = strtol(at, &end, 10);
    return ticks + strtol(end, NULL, 10);
}

void child_settle(const struct child *c)
{
    double end = now_seconds() + 2;
    long ticks = -1, now;

    while ((now = child_ticks(c)) != ticks && now_seconds() < end) {
        ticks = now;
        pause_seconds(0.03);
    }
}

static bool is_my_child(pid_t pid)
{
    char text[1024];
    const char *at;

    proc_read(pid, "stat", text, sizeof text);
    at = stat_field(text, 4);
    return at && strtol(at, NULL, 10) == getpid();
}

static void children_signal(int number)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    while (proc && (entry = readdir(proc))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && is_my_child(pid))
            kill(pid, number);
    }
    if (proc)
        closedir(proc);
}

void children_end(void)
{
    double kill_at = now_seconds() + STOP_SECONDS;

    children_signal(SIGTERM);
    while (waitpid(-1, NULL, WNOHANG) >= 0) {
        if (now_seconds() > kill_at)
            children_signal(SIGKILL); /* and again, for those orphaned meanwhile */
        pause_seconds(0.02);
    }
}

static int remove_entry(const char *path, const struct stat *s, int kind, struct FTW *place)
{
    (void)s, (void)kind, (void)place;
    remove(path);
    return 0;
}

void tree_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
