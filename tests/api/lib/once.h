/*
 * To see that something happens once: many clients ask for it at the same moment,
 * and functions leave a line for each of their runs.
 */
#ifndef TESTS_API_ONCE_H
#define TESTS_API_ONCE_H

#include "tests/api/lib/server.h"

/* Each request on a connection of its own, all of them sent before an answer is read. */
struct reply **call_together(struct server *, const struct request *, int count);
/* One request, `count` times. */
struct reply **call_crowd(struct server *, const struct request *, int count);
/* Requests that are under way while something else is done. */
struct http **send_crowd(struct server *, const struct request *, int count);
struct reply **read_crowd(struct http **, int count);

int count_status(struct reply **, int count, int status);

/*
 * Functions that count their runs.
 *   work  its result is the id of its task, as a string
 *   held  does as `hold` does, so functions_standard() is needed too
 */
void functions_counted(struct scenario *);
/*
 * Functions that continue (section 3.5); these include the standard and the counted ones.
 *   next   counts its run; its result is its first argument, which may be a task
 *   plain  the same, but its manifest does not say that it continues
 *   count  counts its first argument down, a task for each step, and ends with "done"
 */
void functions_that_continue(struct scenario *);
/* How often the tasks with this id were started; NULL: all of them. */
int count_runs(struct scenario *, const char *id);

#endif
