/*
 * Exchanges with the server, for a look at all of them afterwards (tests/openapi):
 * each is appended as one line of JSON to the file that ERRAND_EXCHANGES names.
 * Without the variable nothing is written.
 */
#ifndef TESTS_API_RECORD_H
#define TESTS_API_RECORD_H

#include "tests/api/lib/server.h"

/* An answer that was read in full; its body is kept when it is JSON. */
void record_exchange(const struct request *, const char *method, const struct reply *);

/* A problem that a scenario wanted and got, for make coverage: a line in the file that
 * COVERAGE_PROBLEMS names. */
void record_problem(const struct reply *, const char *slug);

/* An event of a stream. */
void record_event(const char *type, const char *data);

#endif
