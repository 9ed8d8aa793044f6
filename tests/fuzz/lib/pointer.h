/* JSON Pointers (RFC 6901) looked up in a text. Where a name is given twice each
 * of the members is meant. */
#ifndef TESTS_FUZZ_LIB_POINTER_H
#define TESTS_FUZZ_LIB_POINTER_H

#include "base/json.h"

/* Whether pointer leads from the root to a value that fits; fits NULL: to any. */
bool pointer_leads(const struct json *json, struct str pointer,
                   bool (*fits)(const struct json *json, uint32_t node, const void *arg),
                   const void *arg);

#endif
