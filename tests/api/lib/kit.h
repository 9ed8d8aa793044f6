/*
 * A worker for scenarios (design 2.3): functions/kit.py, an event loop that serves
 * these functions. `id` stands for the task's id.
 *
 *   pid        its process id
 *   give       its first argument
 *   length     of its first argument, a string
 *   env        its environment, sorted names
 *   talk       notifies: progress 50 "half", then a log line; and writes to standard error
 *   hold       tells progress 1, waits for gate() and gives its id; ends with an error if cancelled
 *   deaf       tells progress 1, waits for gate() and gives its id; a cancel makes it tell 2
 *   late       tells progress 1; when it is cancelled it tells 2, and waits for gate() then
 *   say        writes its first argument as it is, ID replaced by the id; goes on for ever
 *   error      ends with the error in its first argument
 *   die        the process ends: by the exit status that is its first argument, or by a signal if
 *              that is negative
 *
 * It writes "pid milliseconds" to scratch/starts when it starts.
 */
#ifndef TESTS_API_KIT_H
#define TESTS_API_KIT_H

#include "tests/api/lib/folder.h"
#include "tests/api/lib/server.h"

/* rules: the value of "workers"; more: further members of the manifest, after a comma, or "". */
void functions_kit(struct scenario *, const char *rules, const char *more);
/* What a scenario adds or changes of the script on the way: NULL, or lines of Python. */
void kit_write(struct scenario *, const char *lines);

/* Lets hold and deaf go on. */
void gate(struct scenario *, const char *id);

/* How many workers have been started so far. */
int kit_starts(struct scenario *);
/* Of the worker that was started as number n, from 0 on: its process id, and when that was. */
int kit_pid(struct scenario *, int n);
int64_t kit_time(struct scenario *, int n);

/* SIGHUP; back when the server has read its functions for so many times in all. */
void kit_reload(struct server *, int times);

#endif
