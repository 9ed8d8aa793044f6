/*
 * The database from outside, as a shell or a broken disk would reach it. Names are
 * those of files in the scenario's folder: "data/errand.db".
 */
#ifndef TESTS_API_DATABASE_H
#define TESTS_API_DATABASE_H

#include "tests/api/lib/scenario.h"

/* Runs a script on it; makes the file if it is missing. */
void database_run(struct scenario *, const char *name, const char *script);
/* Makes it one file, without a log, that may be copied. */
void database_fold(struct scenario *, const char *name);
/* The first column of the only row; "" if it is NULL or there is none. */
const char *database_ask(struct scenario *, const char *name, const char *query);

/* Files as bytes. */
struct bytes {
    const char *data;
    size_t length;
};
struct bytes file_bytes(struct scenario *, const char *name);
void file_put(struct scenario *, const char *name, struct bytes);
void file_copy(struct scenario *, const char *from, const char *to);
/* Puts bytes into it at this place. */
void file_poke(struct scenario *, const char *name, size_t at, struct bytes);
#define expect_bytes(scenario, name, want) file_expect(scenario, name, want, HERE)
void file_expect(struct scenario *, const char *name, struct bytes want, struct place);

#endif
