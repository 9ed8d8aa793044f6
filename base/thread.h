/* Threads that the server cannot do without: one that ends unasked takes the
 * process with it, for a server that hangs is worse than one that is restarted. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts run(arg) on a thread of that name (15 characters at most) with all signals blocked. When
 * run returns while *stopping is false, or the thread cannot be started, the process logs it and
 * exits with 1. */
void thread_start(pthread_t *thread, const char *name, void (*run)(void *arg), void *arg,
                  const _Atomic bool *stopping);

#endif
