#include "base/thread.h"

#include "base/log.h"
#include "base/mem.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

struct start {
    const char *name;
    void (*run)(void *arg);
    void *arg;
    const _Atomic bool *stopping;
};

static void *thread_main(void *arg)
{
    struct start start = *(struct start *)arg;
    mem_free(arg);
    start.run(start.arg);
    if (!atomic_load(start.stopping)) {
        log_error("the %s thread ended by itself", start.name);
        _exit(1);
    }
    return NULL;
}

void thread_start(pthread_t *thread, const char *name, void (*run)(void *arg), void *arg,
                  const _Atomic bool *stopping)
{
    struct start *start = mem_alloc(sizeof(*start));
    *start = (struct start){.name = name, .run = run, .arg = arg, .stopping = stopping};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the new thread */
    int rc = pthread_create(thread, NULL, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        log_error("cannot start the %s thread: %s", name, strerror(rc));
        _exit(1);
    }
    pthread_setname_np(*thread, name);
}
