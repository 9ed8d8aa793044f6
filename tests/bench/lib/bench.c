#include "tests/bench/lib/bench.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/lib/child.h"
#include "tests/bench/lib/measure.h"

#define PART_SECONDS_MAX 480 /* a part that takes longer hangs */

int bench_pick(const struct bench *b, int full, int quick)
{
    return b->quick ? quick : full;
}

double bench_seconds(const struct bench *b, double full, double quick)
{
    return b->quick ? quick : full;
}

/* 9,000 subscribers are 9,000 descriptors, here and in the server. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int worker_run(struct bench *b, bench_part *part)
{
    part(b);
    if (report_missed(&b->report) > 0) {
        puts("a floor was missed: measuring once more");
        part(b);
    }
    return report_missed(&b->report) > 0;
}

static void worker_start(struct bench *b, bench_part *part, const sigset_t *old_mask)
{
    int status;

    /* A group of its own: Ctrl-C reaches the guard alone, which then ends us. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_SETMASK, old_mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    status = worker_run(b, part);
    fflush(stdout);
    _exit(status);
}

/* Reaps whatever ended. True, with its status, if the worker is among them. */
static bool worker_ended(pid_t worker, int *status)
{
    int wait_status;
    pid_t pid;

    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        if (pid == worker) {
            *status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 3;
            if (WIFSIGNALED(wait_status))
                fprintf(stderr, "bench: died of signal %d\n", WTERMSIG(wait_status));
            return true;
        }
    }
    return false;
}

/* Waits for the worker, a signal, or the end of its time. */
static int guard_wait(pid_t worker, const sigset_t *signals)
{
    double end = now_seconds() + PART_SECONDS_MAX;
    int status = 3;

    while (now_seconds() < end) {
        struct timespec second = {.tv_sec = 1};
        int got = sigtimedwait(signals, NULL, &second);

        if (got == SIGINT || got == SIGTERM || got == SIGHUP)
            return 128 + got;
        if (worker_ended(worker, &status))
            return status;
    }
    fprintf(stderr, "bench: not done after %d s, given up\n", PART_SECONDS_MAX);
    return 3;
}

static int guard_run(struct bench *b, bench_part *part)
{
    sigset_t signals, old_mask;
    pid_t worker;
    int status;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &old_mask);
    /* Orphans come to us, so none escapes; and if whoever ran us dies, so do we. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);

    worker = fork();
    if (worker == 0)
        worker_start(b, part, &old_mask);
    status = worker < 0 ? 3 : guard_wait(worker, &signals);
    if (worker > 0)
        kill(worker, SIGKILL);
    children_end();
    tree_remove(b->folder);
    return status;
}

/* The settings of errand are ours to choose, whatever the caller's shell has set. */
static void forget_settings(void)
{
    static const char prefix[] = "ERRAND_";

    for (char **e = environ; *e;) {
        char name[128];
        size_t len = strcspn(*e, "=");

        if (strncmp(*e, prefix, sizeof prefix - 1) != 0 || len >= sizeof name) {
            e++;
            continue;
        }
        memcpy(name, *e, len);
        name[len] = '\0';
        unsetenv(name); /* what follows moves up */
    }
}

int bench_main(int argc, char **argv, bench_part *part)
{
    static char exe[PATH_MAX], folder[PATH_MAX];
    const char *errand = getenv("ERRAND"), *dir = getenv("BENCH_DIR");
    struct bench b = {.errand = errand ? errand : "build/errand"};

    if (argc > 2 || (argc == 2 && strcmp(argv[1], "--quick") != 0)) {
        fprintf(stderr, "usage: %s [--quick]\n", argv[0]);
        return 2;
    }
    b.quick = argc == 2;
    forget_settings();
    if (readlink("/proc/self/exe", exe, sizeof exe - 1) < 0)
        die("cannot read /proc/self/exe: %s", strerror(errno));
    b.tools = dirname(exe);
    snprintf(folder, sizeof folder, "%s/tmp.XXXXXX", dir ? dir : b.tools);
    b.folder = mkdtemp(folder);
    if (!b.folder)
        die("cannot make %s: %s", folder, strerror(errno));
    return guard_run(&b, part);
}
