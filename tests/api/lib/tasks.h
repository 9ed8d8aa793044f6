/* Tasks, as a client sees them: made, waited for, looked at, cancelled. */
#ifndef TESTS_API_TASKS_H
#define TESTS_API_TASKS_H

#include "tests/api/lib/server.h"

/* POST /v1/tasks, which has to be 201; returns the id. Single quotes stand for double ones. */
const char *create(struct server *, const char *body, ...) __attribute__((format(printf, 2, 3)));

/* This create made no task: it shares the one with that id (section 5.4). */
#define expect_joined(reply, id) tasks_expect_joined(reply, id, HERE)
void tasks_expect_joined(const struct reply *, const char *id, struct place);

/* The task as it is now. */
struct reply *task(struct server *, const char *id);
/* Waits until there is such a task: one that another task brings along (section 3.5). */
void await_task(struct server *, const char *id);
/* Waits until it has ended and returns it. */
struct reply *finished(struct server *, const char *id);

/* It ends in this state. */
#define expect_outcome(server, id, state) tasks_expect_outcome(server, id, state, HERE)
struct reply *tasks_expect_outcome(struct server *, const char *id, const char *state,
                                   struct place);
/* It is in this state now. */
#define expect_state(server, id, state) tasks_expect_state(server, id, state, HERE)
struct reply *tasks_expect_state(struct server *, const char *id, const char *state, struct place);
/* It gets into this state, which it can leave again. */
#define await_state(server, id, state) tasks_await_state(server, id, state, HERE)
struct reply *tasks_await_state(struct server *, const char *id, const char *state, struct place);
/* It runs and has told this much: functions say 1 when they are ready for what comes. */
#define await_progress(server, id, value) tasks_await_progress(server, id, value, HERE)
void tasks_await_progress(struct server *, const char *id, double value, struct place);
/* It fails for this reason. */
#define expect_failure(server, id, code) tasks_expect_failure(server, id, code, HERE)
struct reply *tasks_expect_failure(struct server *, const char *id, const char *code, struct place);
/* It succeeds with this result: the same digits, code points and order. */
#define expect_result(server, id, want) tasks_expect_result(server, id, want, HERE)
void tasks_expect_result(struct server *, const char *id, const char *want, struct place);

/* POST …/cancel; body NULL: none. */
struct reply *cancel(struct server *, const char *id, const char *body);

/* How many tasks the list has for this query ("state=queued"), at most 1000. */
int count_tasks(struct server *, const char *query);

#endif
