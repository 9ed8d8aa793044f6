#include "executors/hunt.h"

#include "base/str.h"
#include "executors/mark.h"
#include "executors/proc.h"

#include <signal.h>

enum { STOP_PASSES = 32 };

struct pass {
    uint64_t first, last;
    int signal;
    size_t found; /* living */
    size_t awake; /* of these, not stopped yet */
};

static bool signal_marked(const char *name, void *arg)
{
    struct pass *pass = arg;
    struct proc_stat stat;
    int64_t pid;
    uint64_t mark = mark_read(name);
    if (mark < pass->first || mark > pass->last || !proc_stat(name, &stat) || stat.state == 'Z' ||
        !str_int(str_of(name), &pid))
        return true;
    pass->found++;
    pass->awake += stat.state != 'T';
    kill((pid_t)pid, pass->signal);
    return true;
}

static struct pass signal_all(uint64_t first, uint64_t last, int signal)
{
    struct pass pass = {.first = first, .last = last, .signal = signal};
    proc_each(signal_marked, &pass);
    return pass;
}

size_t hunt(uint64_t first, uint64_t last)
{
    for (int i = 0; i < STOP_PASSES && signal_all(first, last, SIGSTOP).awake; i++)
        ;
    return signal_all(first, last, SIGKILL).found;
}
