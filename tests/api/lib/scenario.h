/*
 * A scenario is one test: it owns a temp folder, the memory of all that was read,
 * the servers it started and the sockets it opened. Whatever it makes it hands to
 * at_end(), so scenario_end() undoes everything, also after a failure half-way.
 *
 *     SCENARIO(task_runs)
 *     {
 *         struct server *server = server_start(s, "--slots 1");
 *         ...
 *     }
 */
#ifndef TESTS_API_SCENARIO_H
#define TESTS_API_SCENARIO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ENVIRONMENT_MAX = 16 };

/* The longest that anything is waited for. ERRAND_PATIENCE=N in the environment makes it N times
 * as long, for a server that runs N times as slow. */
#define DEADLINE_MS (deadline_ms())
int deadline_ms(void);

struct undo;

struct scenario {
    const char *name;
    const char *note;                         /* what is being tried, shown if it fails */
    const char *folder;                       /* has data, functions and scratch in it */
    const char *environment[ENVIRONMENT_MAX]; /* NAME=value, given to the servers it starts */
    bool finished;                            /* the script came to its end */
    bool spoilt;                              /* something was wrong that only the end notices */
    struct undo *undos;                       /* newest first */
};

/* Where in a script an expectation stands, for the message when it is not met. */
struct place {
    const char *file;
    int line;
};
#define HERE ((struct place){__FILE__, __LINE__})

/* A script: its body gets the scenario as `s`. */
#define SCENARIO(title)                                                                            \
    static void title(struct scenario *s);                                                         \
    static void title##_scenario(void **state)                                                     \
    {                                                                                              \
        struct scenario *s = *state;                                                               \
        s->name = #title;                                                                          \
        scenario_skip(s);                                                                          \
        title(s);                                                                                  \
        s->finished = true;                                                                        \
    }                                                                                              \
    static void title(struct scenario *s)

#define RUN(title)                                                                                 \
    {                                                                                              \
#title, title##_scenario, scenario_begin, scenario_end, NULL                               \
    }

/* Runs the table; ONLY=pattern in the environment picks some of it, SKIP="name name" leaves out. */
#define RUN_SCENARIOS(group, table)                                                                \
    (scenario_filter(), cmocka_run_group_tests_name(group, table, NULL, NULL))

void scenario_filter(void);
void scenario_skip(struct scenario *);
int scenario_begin(void **state);
int scenario_end(void **state);

void at_end(struct scenario *, void (*undo)(void *), void *what);
void *keep(struct scenario *, size_t size);
char *keep_bytes(struct scenario *, const void *bytes, size_t length);
char *text(struct scenario *, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *vtext(struct scenario *, const char *format, va_list);

/* JSON for people: single quotes in the format become double ones, arguments stay as they are. */
char *json(struct scenario *, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *requote(char *json);
char *vjson(struct scenario *, const char *format, va_list);

/* What is being tried now: a row of a table, a round of a loop. */
void note(struct scenario *, const char *format, ...) __attribute__((format(printf, 2, 3)));

_Noreturn void fail_at(struct place, const char *format, ...) __attribute__((format(printf, 2, 3)));

int64_t now_ms(void);

/* Waits for something that no event tells of: asks again and again, up to the deadline. */
struct patience {
    int64_t until; /* now_ms() when it ends */
};
struct patience patience_begin(void);
void patience_more(struct patience *, const char *condition, struct place);
#define eventually(condition)                                                                      \
    do {                                                                                           \
        struct patience patience_ = patience_begin();                                              \
        while (!(condition))                                                                       \
            patience_more(&patience_, #condition, HERE);                                           \
    } while (0)

#endif
