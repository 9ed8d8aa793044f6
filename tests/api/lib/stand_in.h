/*
 * A script in the place of the server's program (ERRAND), for the rest of a scenario:
 * the server as another user, as process 1, with children that it had before.
 */
#ifndef TESTS_API_STAND_IN_H
#define TESTS_API_STAND_IN_H

#include "tests/api/lib/scenario.h"

/* The whole path of the program that servers are started from now. */
const char *stand_in_program(struct scenario *);
/* From here on they are started by this shell script, after its first line, with the words of the
 * command line. */
void stand_in(struct scenario *, const char *script);
/* From here on they run as nobody, from a copy of the program in the scenario's folder; as before
 * where the test itself is not root, which may write everywhere. */
void stand_in_nobody(struct scenario *);

#endif
