/* A second opinion on what JSON is: written from the grammar of RFC 8259 alone,
 * and sharing nothing with base/json*.c. */
#ifndef TESTS_FUZZ_LIB_RFC8259_H
#define TESTS_FUZZ_LIB_RFC8259_H

#include "base/str.h"

/* Whether text is JSON. *depth: levels of arrays and objects, if it is. */
bool rfc8259_valid(struct str text, size_t *depth);

#endif
