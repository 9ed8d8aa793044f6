#include "executors/spawn.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_STACK = 65536 };

/* The C library's other name for clone(2). ThreadSanitizer takes clone for fork, and what it then
 * does in the child, which shares our memory, makes it deaf to the parent's thread for good. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
int __clone(int (*run)(void *), void *stack, int flags, void *arg, ...);

struct launch {
    const struct spawn *spawn;
    pid_t server;
    int error; /* why the child could not become the program */
};

static void limit_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > CHILD_OPEN_FILES) {
        limit.rlim_cur = CHILD_OPEN_FILES;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* In the child, on a stack of its own in the server's memory: system calls and nothing else. */
__attribute__((no_sanitize("address", "thread"))) static int child_main(void *arg)
{
    struct launch *launch = arg;
    const struct spawn *spawn = launch->spawn;
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    bool fine = setpgid(0, 0) == 0;
    children_note_self(spawn->slot);
    if (getppid() != launch->server) /* it was killed: the next server may have looked already */
        _exit(127);
    fine = fine && chdir(spawn->folder) == 0;
    for (int i = 0; i < 4 && fine; i++)
        fine = spawn->fds[i] < 0 || dup2(spawn->fds[i], i) == i; /* the copy is not close-on-exec */
    if (fine) {
        /* Libraries open descriptors too, and not all of them close-on-exec. */
        close_range(4, UINT_MAX, CLOSE_RANGE_CLOEXEC);
        limit_open_files();
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
    if (*pid < 0)
        return errno;
    if (!launch.error)
        return 0;
    waitpid(*pid, NULL, 0);
    close(*pidfd);
    return launch.error;
}
