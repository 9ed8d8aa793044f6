/* A plan written as a body again, and two plans held against each other. */
#ifndef TESTS_FUZZ_LIB_PLANS_H
#define TESTS_FUZZ_LIB_PLANS_H

#include "model/spec.h"

/* capped: everything in its manifest; echo and merge: nothing. */
extern const struct function_set fuzz_functions;

/* The tasks of the body itself, each with all that was read of it; inline tasks as they stood. */
void plan_print(const struct plan *plan, struct buf *out);
/* Aborts where they differ by more than where things stood and the ids that nobody gave. */
void plan_compare(const struct plan *plan, const struct plan *again);

#endif
