#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/bench/lib/bench.h"

/*
 * Programs that a part starts: the server under test, the bare ones beside it, tools.
 * Also what /proc says about them, and how all of them end.
 */
struct child {
    pid_t pid; /* 0: none */
    int out;   /* the read end of its standard output */
    int port;  /* where it listens; 0 until it has said so */
};

/* Standard error goes to `log` (appended), or is ours if `log` is NULL. */
void child_start(struct child *c, const char *const argv[], const char *log);
/* Its next line of output, without the newline. False: it ended, or `seconds` went by. */
bool child_line(struct child *c, char *line, size_t size, double seconds);
/* TERM, then KILL when it takes too long. */
void child_stop(struct child *c);

long child_rss_kb(const struct child *c); /* VmRSS */
long child_ticks(const struct child *c);  /* user and system time so far, of all threads */

/* Waits until it uses no processor time (at most 2 s): what it still does after its last
 * answer would slow down what is measured next. */
void child_settle(const struct child *c);

/* Starts one that says "listening on http://…:PORT"; it has, when this returns. */
void listener_start(struct child *c, const char *const argv[], const char *log);

/* A fresh errand with an empty data folder on a free port, and its usual settings; ready
 * when this returns. `functions` may be NULL. `slots` 0: the server's default. */
void errand_start(struct child *c, const struct bench *b, const char *functions, int slots);
/* Stops it and removes its data. */
void errand_stop(struct child *c, const struct bench *b);

/* One of our own programs that listens and says so: bare_mhd, bare_sse. */
void bare_start(struct child *c, const struct bench *b, const char *program);

/* Compiles `source` to the static program `folder`/`name`, making the folder. */
void program_make(const struct bench *b, const char *folder, const char *name, const char *source);

void children_end(void); /* all children of this process, whoever they are */
void tree_remove(const char *path);

#endif
