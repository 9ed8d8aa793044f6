/*
 * JSON that came from the server: the body of a reply, the data of an event.
 * Paths are dotted ("errors.0.pointer"), "" is the whole. Two readings: as a
 * cJSON tree, for members; and as text, for the values that must come back as
 * they were sent, which a tree of doubles and C strings would spoil.
 */
#ifndef TESTS_API_BODY_H
#define TESTS_API_BODY_H

#include <cjson/cJSON.h>

#include "tests/api/lib/scenario.h"

struct body {
    struct scenario *scenario;
    const char *text; /* ends in a NUL that is not part of it */
    size_t length;
    cJSON *tree; /* NULL: is not JSON */
};

void body_init(struct body *, struct scenario *, const char *text, size_t length);

/* NULL if there is nothing at that place. */
cJSON *body_at(const struct body *, const char *path);

/* The value at that place in one spelling: no white space, escapes only where needed. */
const char *body_value(const struct body *, const char *path, struct place);
char *json_one_spelling(struct scenario *, const char *text, size_t length);

/* Members, in anything that has a `body`: a reply or an event. They fail if there is no such
 * member. */
#define json_text(thing, path)   body_text(&(thing)->body, path, HERE)
#define json_number(thing, path) body_number(&(thing)->body, path, HERE)
#define json_count(thing, path)  body_count(&(thing)->body, path, HERE)
#define json_has(thing, path)    (body_at(&(thing)->body, path) != NULL)
const char *body_text(const struct body *, const char *path, struct place);
double body_number(const struct body *, const char *path, struct place);
int body_count(const struct body *, const char *path, struct place);

#define expect_text(thing, path, want)   body_expect_text(&(thing)->body, path, want, HERE)
#define expect_number(thing, path, want) body_expect_number(&(thing)->body, path, want, HERE)
#define expect_absent(thing, path)       body_expect_absent(&(thing)->body, path, HERE)
#define expect_null(thing, path)         body_expect_json(&(thing)->body, path, "null", HERE)
/* The same value: digits, code points and order of members; single quotes stand for double ones. */
#define expect_json(thing, path, want) body_expect_json(&(thing)->body, path, want, HERE)
/* The same, and the wanted JSON is taken as it is. */
#define expect_exact(thing, path, want) body_expect_exact(&(thing)->body, path, want, HERE)
void body_expect_text(const struct body *, const char *path, const char *want, struct place);
void body_expect_number(const struct body *, const char *path, double want, struct place);
void body_expect_absent(const struct body *, const char *path, struct place);
void body_expect_json(const struct body *, const char *path, const char *want, struct place);
void body_expect_exact(const struct body *, const char *path, const char *want, struct place);

/* A time of section 3.3, in milliseconds since 1970. */
#define json_time(thing, path) body_time(&(thing)->body, path, HERE)
int64_t body_time(const struct body *, const char *path, struct place);

#endif
