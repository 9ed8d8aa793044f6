#include "executors/spawn.h"

#include "base/fault.h"
#include "executors/mark.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CHILD_STACK = 65536,
    CPU_MARGIN = 1, /* seconds from SIGXCPU to SIGKILL */
};

/* The C library's other name for clone(2). ThreadSanitizer takes clone for fork, and what it then
 * does in the child, which shares our memory, makes it deaf to the parent's thread for good. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
int __clone(int (*run)(void *), void *stack, int flags, void *arg, ...);

/* Runs in the child, which has the server's memory: not to be noted as the server's doing. */
#define IN_CHILD __attribute__((no_sanitize("address", "thread")))

struct launch {
    const struct spawn *spawn;
    pid_t server;
    int error; /* why the child could not become the program */
};

IN_CHILD static void limit_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > CHILD_OPEN_FILES) {
        limit.rlim_cur = CHILD_OPEN_FILES;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Never more than the server's own hard limit. The hard limit is margin above the soft one. */
IN_CHILD static bool limit_to(int resource, int64_t value, int64_t margin)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        return false;
    if (limit.rlim_max > (rlim_t)(value + margin))
        limit.rlim_max = (rlim_t)(value + margin);
    limit.rlim_cur = limit.rlim_max < (rlim_t)value ? limit.rlim_max : (rlim_t)value;
    return setrlimit(resource, &limit) == 0;
}

IN_CHILD static bool set_limits(const struct limits *limits)
{
    if (!limits->files)
        limit_open_files();
    return (!limits->files || limit_to(RLIMIT_NOFILE, limits->files, 0)) &&
           (!limits->memory || limit_to(RLIMIT_AS, limits->memory, 0)) &&
           (!limits->cpu || limit_to(RLIMIT_CPU, limits->cpu, CPU_MARGIN));
}

/* Only after it has become the user: a user who has as many already could not start the program,
 * and this is about what the program starts. */
IN_CHILD static bool limit_processes(const struct limits *limits)
{
    return !limits->processes || limit_to(RLIMIT_NPROC, limits->processes, 0);
}

/* The C library's own calls would change the whole server: they signal all threads of the process
 * whose memory this is. The descriptors go with it, so that it can open /dev/stderr. */
IN_CHILD static bool become(const struct spawn *spawn)
{
    const struct account *user = spawn->user;
    for (int i = 0; i < 4; i++) {
        if (spawn->fds[i] >= 0)
            fchown(i, user->uid, user->gid); /* as well as it can be done */
    }
    return syscall(SYS_setgroups, user->group_count, user->groups) == 0 &&
           syscall(SYS_setresgid, user->gid, user->gid, user->gid) == 0 &&
           syscall(SYS_setresuid, user->uid, user->uid, user->uid) == 0;
}

/* In the child, on a stack of its own in the server's memory: system calls and nothing else. */
IN_CHILD static int child_main(void *arg)
{
    struct launch *launch = arg;
    const struct spawn *spawn = launch->spawn;
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    bool fine = setpgid(0, 0) == 0;
    mark_self(spawn->mark);
    CRASH_POINT(child_unnoted);
    bool noted = children_note_self(spawn->slot, spawn->owner);
    CRASH_POINT(child_noted);
    /* If it was killed, the next server may have looked already. */
    if (!noted || getppid() != launch->server)
        _exit(127);
    fine = fine && chdir(spawn->folder) == 0;
    for (int i = 0; i < 4 && fine; i++)
        fine = spawn->fds[i] < 0 || dup2(spawn->fds[i], i) == i; /* the copy is not close-on-exec */
    if (fine) {
        /* Libraries open descriptors too, and not all of them close-on-exec. */
        close_range(4, UINT_MAX, CLOSE_RANGE_CLOEXEC);
        fine = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && set_limits(&spawn->limits) &&
               (!spawn->user || become(spawn)) && limit_processes(&spawn->limits);
    }
    if (fine) {
        sigaction(SIGPIPE, &standard, NULL); /* the only one that the server ignores */
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(spawn->path, spawn->argv, spawn->envp);
    }
    launch->error = errno;
    _exit(127);
}

int spawn_child(const struct spawn *spawn, pid_t *pid, int *pidfd)
{
    static _Alignas(16) char stack[CHILD_STACK]; /* one thread alone starts children */
    struct launch launch = {.spawn = spawn, .server = getpid()};
    *pid = __clone(child_main, stack + CHILD_STACK, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                   &launch, pidfd);
    int error = errno;
    if (*pid < 0)
        return error;
    if (!launch.error)
        return 0;
    waitpid(*pid, NULL, 0);
    close(*pidfd);
    return launch.error;
}
