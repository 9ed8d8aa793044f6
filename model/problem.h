/* Why a request was refused: a small value that travels from where the rule is
 * known to the one function that writes problem+json (server/reply.c).
 *
 * Functions that can refuse take a struct problem * as their last parameter,
 * return false and leave it untouched on success. Its texts live in the arena
 * of the message (request or command) they speak of. */
#ifndef MODEL_PROBLEM_H
#define MODEL_PROBLEM_H

#include "base/arena.h"

enum problem_code {
    PROBLEM_NONE,
#define X(name, slug, status, title, happened, remedy) PROBLEM_##name,
#include "model/problem.def"
#undef X
    PROBLEM_COUNT
};

struct problem {
    enum problem_code code;
    struct str pointer;   /* JSON Pointer into the body; STR_NONE: not about a place in it */
    struct str parameter; /* name of a query parameter or header; STR_NONE: not about one */
    struct str detail;    /* for a person, one sentence */
};

struct problem_kind {
    const char *slug;
    unsigned status;
    const char *title;
    const char *happened; /* what it means and when it comes */
    const char *remedy;   /* what to do */
};

const struct problem_kind *problem_kind(enum problem_code code);
/* PROBLEM_NONE if no problem has this slug. */
enum problem_code problem_parse(struct str slug);

/* Each sets *problem and returns false, so that a check can end in `return problem_…(…)`. */
bool problem_set(struct problem *problem, struct arena *arena, enum problem_code code,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* With the place in the body; pointer is copied. */
bool problem_at(struct problem *problem, struct arena *arena, enum problem_code code,
                struct str pointer, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* invalid-request about a query parameter or a header. */
bool problem_parameter(struct problem *problem, struct arena *arena, struct str name,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
