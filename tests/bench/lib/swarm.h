#ifndef BENCH_SWARM_H
#define BENCH_SWARM_H

#include <stddef.h>

/*
 * Subscribers: many SSE streams read by one thread with one epoll. They count the events
 * that carry an id, and look at nothing else.
 */
struct swarm_stream;

struct swarm {
    int epoll;
    int count;
    struct swarm_stream *streams;
    long events; /* received so far, by all */
    long bytes;  /* of streams, received so far */
    int open;    /* streams that have begun and not ended */
    int ended;   /* streams that the server ended */
};

/* Connects `count` streams to `path`; returns when all have begun: their head has come,
 * and at least one line. */
void swarm_open(struct swarm *s, int port, const char *path, int count);
void swarm_close(struct swarm *s);

/* Reads until `events` more have come in all, all streams are ended, or nothing has come
 * for `seconds`. Returns the seconds from the call to the last event that came. */
double swarm_collect(struct swarm *s, long events, double seconds);

#endif
