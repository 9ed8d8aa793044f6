/*
 * Races: something is asked at about the moment at which a task ends, by many
 * clients at once, again and again. A pace finds that moment by itself, so that
 * both sides win some. Afterwards: what was told of each task, what the list says,
 * and whether the server has given back all that it held.
 */
#ifndef TESTS_API_RACE_H
#define TESTS_API_RACE_H

#include "tests/api/lib/sse.h"

/* A stream, and all that came on it. */
struct stream {
    struct sse *sse;
    struct events events;
    int room;
};

struct race {
    struct scenario *s;
    struct server *server;
    struct stream *heard; /* on the channel c, from the beginning on */
    const char *function; /* takes a number of seconds */
    double pace;          /* milliseconds that a task takes, about */
    int rounds;
    struct http **connections;
    int descriptors, threads; /* of the server at the beginning */
};

/*
 * Starts the server. Beside the built-in sleep there are two functions:
 *   nap    a process that sleeps
 *   relay  a process that continues with the built-in sleep
 */
struct race *race_begin(struct scenario *, const char *function, double pace);
/* The time that task i of a round takes. */
double race_seconds(const struct race *, int i);

/* The tasks PREFIXi for i from `from` on, of the race's function, told on c; in one request. */
void race_create(struct race *, const char *prefix, int from, int count);
/* Requests on connections of their own, all of them sent before an answer is read. */
struct reply **race_call(struct race *, const struct request *, int count);
/* METHOD /v1/tasks/PREFIXi SUFFIX for a round of tasks. */
struct reply **race_ask(struct race *, const char *method, const char *prefix, const char *suffix,
                        int from, int count);
/*
 * Lets a round come to the moment at which its tasks end: waits for the first end of one of them.
 * Every third round is let go on at once, at its start. After it, race_pace() is told how many of
 * the tasks had ended: they take longer next time, or shorter.
 */
void race_meet(struct race *, struct stream *, const char *prefix, int from, int count);
void race_pace(struct race *, int ended, int of);
/* Both sides won some; else it was no race. */
void expect_race(int won, int of);

bool is_true(const struct reply *, const char *path);
/* The task in the answer has not ended. */
bool is_live(const struct reply *);

/* What a stream told of one task. */
struct told {
    int started, ended;
    const char *end; /* the last terminal one: succeeded, failed, cancelled */
    bool after;      /* something came after the end */
};
struct stream *stream_open(struct server *, const char *path);
/* Reads all that came up to now; it has to have the channel c. */
void stream_read(struct stream *);
/* What it told of PREFIX0, PREFIX1, … */
struct told *told_of(const struct stream *, const char *prefix, int count);
/* The states of PREFIX0, PREFIX1, … by the list; NULL: not there. */
const char **states_of(struct race *, const char *prefix, int count);

/* Waits until nothing is live, no slot is used, no child is left, and the server has no more
 * threads and descriptors than at the beginning. */
#define expect_rest(race) race_expect_rest(race, HERE)
void race_expect_rest(struct race *, struct place);

#endif
