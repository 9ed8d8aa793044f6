/*
 * A service for http functions to call, tests/api/lib/service.py: the args of a task
 * say how it answers, and it writes down what happens. One for a scenario.
 */
#ifndef TESTS_API_SERVICE_H
#define TESTS_API_SERVICE_H

#include <sys/types.h>

#include "tests/api/lib/scenario.h"

struct service {
    struct scenario *scenario;
    pid_t pid; /* 0: ended */
    int port;
    const char *scheme;
};

struct service *service_start(struct scenario *);
/* With a certificate of its own making for that name: "IP:127.0.0.1"; scratch/certificate. */
struct service *service_start_tls(struct scenario *, const char *name);
void service_kill(struct service *);
/* Held answers are given from now on. */
void service_release(struct service *);

/* functions/NAME.json, a function that calls it; more: further keys, ",'concurrency':1". */
void service_function(struct service *, const char *name, const char *more);

/* How many lines of its notes begin with these words. */
int service_count(struct service *, const char *words);
/* The last request for that task, as it came. */
const char *service_request(struct service *, const char *id);

#endif
