#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The load client: one thread, one epoll, many keep-alive connections, one outstanding
 * request on each. The same client measures errand and the bare server beside it.
 */
struct load_conn;

struct load {
    int epoll;
    int count;
    struct load_conn *conns;
    /* Of the last run: */
    long answers;
    double seconds;      /* from the first request to the last answer */
    double slowest;      /* seconds from a request to its answer */
    size_t answer_bytes; /* the body of the last answer */
};

void load_open(struct load *l, int port, int connections);
void load_close(struct load *l);

/* Sends `request` again and again for `seconds`; each answer is at once followed by the
 * next request. Dies on an answer that is not 2xx. Returns the answers a second. */
double load_run(struct load *l, const char *request, size_t len, double seconds);

/* The same, but `total` requests. */
double load_run_total(struct load *l, const char *request, size_t len, long total);

/* All connections send at once; returns when all are answered, with the time it took. */
double load_round(struct load *l, const char *request, size_t len);

#endif
