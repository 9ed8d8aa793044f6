/* Inside of the process executor: one child, between process.c, which starts and
 * ends it, and output.c, which reads what it writes. Loop thread only. */
#ifndef EXECUTORS_CHILD_H
#define EXECUTORS_CHILD_H

#include "executors/process.h"
#include "executors/run.h"

#include <signal.h>

enum { OUT, ERR, REPORT, STREAMS };
enum { MESSAGE_MAX_BYTES = 1024 }; /* of standard error in error.message */

/* A descriptor in the pool's epoll set. */
struct watch {
    int fd; /* -1: closed, and so out of the set */
    void (*ready)(struct watch *watch);
};

/* One of the child's outputs. */
struct stream {
    struct watch watch;
    struct process *process;
    struct buf text; /* OUT: all of it; else the line that is not finished */
};

struct process {
    struct run *run;
    struct process_pool *pool;
    struct map_node node; /* by pid */
    struct process *next; /* in the pool's lists */
    pid_t pid;
    size_t slot;       /* in the table of children */
    struct watch exit; /* the pidfd */
    struct stream streams[STREAMS];
    siginfo_t status;
    bool exited;
    bool too_large; /* wrote more than a result may have */
    char last_line[MESSAGE_MAX_BYTES];
    size_t last_line_len;
};

void watch_open(struct process_pool *pool, struct watch *watch, int fd,
                void (*ready)(struct watch *watch));
void watch_close(struct process_pool *pool, struct watch *watch);

/* Starts reading our end of one of the child's pipes. */
void stream_open(struct process *process, int which, int fd);
/* Reads what is there, in at most limit pieces, so that one child cannot keep the loop. */
void stream_read(struct stream *stream, int limit);
/* Takes the lines that were not ended. */
void streams_finish(struct process *process);
/* What became of the child, once it has ended and all its output is read. */
struct outcome process_outcome(struct process *process);
#endif
