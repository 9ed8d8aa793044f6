#include "cli/process.h"

#include "base/mem.h"
#include "cli/commands.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

void process_give_allocators(void)
{
    uv_replace_allocator(mem_alloc, mem_resize, mem_calloc, mem_free);
}

void process_close_memory(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void process_prepare_descriptors(void)
{
    int fd;
    syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= 3);
    if (fd > 3)
        close(fd);
}

rlim_t process_raise_open_files(void)
{
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

/* libuv's answer to a kernel that has no more descriptors, or watches no more, and that of assert:
 * the process ends by this signal all the same, but not without a word. */
static void say_abort(int signal)
{
    static const char text[] = "errand: fatal fault: abort() was called, perhaps by a library for "
                               "want of descriptors or kernel memory; the next start goes on\n";
    (void)signal;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(EXIT_FAULT);
}

void process_block_signals(sigset_t *set)
{
    const struct sigaction aborted = {.sa_handler = say_abort, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGABRT, &aborted, NULL);
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    /* Ends of children are told by their pidfds. Ignored, as whoever started us may have left it,
     * it would have the kernel reap them; not blocked, each end would wake the main thread. */
    (void)signal(SIGCHLD, SIG_DFL);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &child, NULL);
}
