/*
 * A round: something is done with a server in which one call fails, and then it is
 * looked whether all that was said is true. What was answered well has to be there
 * and end well, what was refused must not be there, and where no answer came either
 * will do. A server that ended has to have said why, and to go on after a restart.
 */
#ifndef TESTS_FAULTS_ROUND_H
#define TESTS_FAULTS_ROUND_H

#include "tests/api/lib/server.h"
#include "tests/faults/fault.h"

/* A kind of call, and with which errno it fails. */
struct fault {
    enum fault_kind kind;
    const char *name;
    int error;
    bool sticky; /* and all such calls after it */
};

enum { PROMISES_MAX = 16 };

struct promise {
    const char *id;
    const char *want;  /* the result; NULL: it has to end, somehow */
    const char *state; /* NULL: any end; else what was said that it is */
    bool kept;         /* it was answered: it has to be there */
    bool refused;      /* it must not be there */
};

struct round {
    struct scenario *s;
    struct server *server;
    const char *flags;
    struct fault_page *page;
    const struct fault *fault;
    long n;         /* which call fails */
    const char *id; /* of this round, for names of tasks */
    struct promise promises[PROMISES_MAX];
    int promised;
    const void *scene; /* what is done in it; the test's own */
    int files;         /* descriptors of the server after its first round; 0: not known yet */
};

/* Shares the page with the servers that the scenario starts from now on. */
struct fault_page *fault_page_open(struct scenario *);
void fault_arm(struct fault_page *, const struct fault *, long nth);
void fault_disarm(struct fault_page *);

/* NULL: the connection was closed without an answer. None in time fails. */
struct reply *round_ask(struct round *, const char *method, const char *path, const char *body);
/* A create of a task with the name that round_id gives; single quotes stand for double ones. */
bool try_create(struct round *, const char *name, const char *want, const char *body);
/* What is promised of the task with this name; NULL: nothing. */
struct promise *promise_of(struct round *, const char *name);
const char *round_id(struct round *, const char *name);

/* The server serves again, or ended honestly and was started again. */
void round_recover(struct round *);
/* All promises are kept, and nothing is left open. */
void round_check(struct round *);
/* The server is stopped; its database is whole and no process is left. */
void round_end(struct round *);
/* That of a server that ended by itself: it did so with exit status 1, and said why. */
void expect_honest_end(struct round *);
void expect_whole(struct scenario *, const char *database);
/* Nothing is left of what the servers started. */
bool no_children(void);

/* Calls run(round) for each fault and each of its calls, until there is no such call any more. If
 * the variable that is named at the begin is not 0, for that many calls of some faults, by chance.
 * FAULT is a part of the name of the faults that are tried. */
void all_rounds(struct round *, void (*run)(struct round *));
void rounds_begin(const char *variable);
/* How many there were, and with which SEED chance can be had again. */
void rounds_report(void);

#endif
