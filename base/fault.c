#include "base/fault.h"

#ifdef ERRAND_FAULTS

#include "base/mem.h"
#include "base/str.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const names[] = {
#define POINT(name, text, where) text,
#include "base/crash_points.def"
#undef POINT
};

/* Only a child comes back from the kill: it goes on when the next server may be there. */
enum { CHILD_PAUSE_US = 500000 };

static struct {
    enum crash_point point;
    _Atomic int64_t left; /* until it dies; 0: it does not */
    pid_t server;
    bool power;
    void (*cut)(void);
} fault;

/* Before main: some points are passed early. */
__attribute__((constructor)) static void fault_init(void)
{
    struct str value = str_of(getenv("ERRAND_CRASH"));
    if (!value.len)
        return;
    struct str name = str_cut(&value, ':');
    int64_t left = 0;
    while (fault.point < CRASH_POINT_COUNT && !str_eq(name, str_of(names[fault.point])))
        fault.point++;
    struct str number = str_cut(&value, ':');
    fault.power = str_eq(value, STR("power"));
    if (fault.point == CRASH_POINT_COUNT || !str_int(number, &left) || left < 1) {
        fputs("errand: ERRAND_CRASH wants POINT:N or POINT:N:power, with a point of "
              "base/crash_points.def\n",
              stderr);
        _exit(2);
    }
    fault.server = getpid();
    atomic_store(&fault.left, left);
}

__attribute__((no_sanitize("address", "thread"))) void fault_pass(enum crash_point point)
{
    if (point != fault.point || atomic_load(&fault.left) <= 0 ||
        atomic_fetch_sub(&fault.left, 1) != 1)
        return;
    if (fault.cut)
        fault.cut();
    kill(fault.server, SIGKILL);
    usleep(CHILD_PAUSE_US);
}

bool fault_is_next(enum crash_point point)
{
    return point == fault.point && atomic_load(&fault.left) == 1;
}

bool fault_takes_power(void (*cut)(void))
{
    fault.cut = fault.power ? cut : NULL;
    return fault.power;
}

#endif
