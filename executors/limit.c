#include "executors/limit.h"

/* What a shell exits with after a command that a signal has ended. */
enum { BY_SIGNAL = 128 };

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* SIGXCPU comes first; who ignores it gets a SIGKILL, which could come from anybody. A shell hands
 * on what became of its command. */
static bool out_of_cpu(const struct child *child, int64_t limit)
{
    bool by_exit = child->status.si_code == CLD_EXITED;
    int signal = child->status.si_status - (by_exit ? BY_SIGNAL : 0);
    double used = seconds(child->usage.ru_utime) + seconds(child->usage.ru_stime);
    return limit && (signal == SIGXCPU ||
                     (signal == SIGKILL && !child->killed && !child->oom && used >= (double)limit));
}

const char *limit_hit(const struct child *child, const struct limits *limits, struct arena *arena)
{
    if (out_of_cpu(child, limits->cpu))
        return arena_printf(arena, "limit: all of the cpu time is used up, %lld s",
                            (long long)limits->cpu)
            .data;
    return child->oom ? "oom: the kernel killed the process for want of memory" : NULL;
}
