/* Inside of the process executor (design 2.1): one child for each attempt, between
 * process.c, which starts and ends it, and output.c, which reads what it writes.
 * Loop thread only. */
#ifndef EXECUTORS_PROCESS_H
#define EXECUTORS_PROCESS_H

#include "executors/child.h"
#include "executors/run.h"

enum { OUT, ERR, REPORT, STREAMS };

/* One of the child's outputs. */
struct stream {
    struct watch watch;
    struct process *process;
    struct buf text; /* OUT: all of it; else the line that is not finished */
};

struct process {
    struct child child;
    struct run *run;
    struct stream streams[STREAMS];
    bool too_large; /* wrote more than a result may have */
    int unwatched;  /* an errno: its output could not be watched, and so it was killed */
    char last_line[MESSAGE_MAX_BYTES];
    size_t last_line_len;
};

/* Starts reading our end of one of the child's pipes. */
void stream_open(struct process *process, int which, int fd);
/* Reads what is there, in at most limit pieces, so that one child cannot keep the loop. */
void stream_read(struct stream *stream, int limit);
/* Takes what was read: the result is kept, lines are told. bytes is not empty. */
void stream_take(struct stream *stream, struct str bytes);
/* Takes the lines that were not ended. */
void streams_finish(struct process *process);
/* What became of the child, once it has ended and all its output is read. */
struct outcome process_outcome(struct process *process);
#endif
