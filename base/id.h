/* Identifiers: UUIDv7 (RFC 9562, section 5.7) and the names the API allows. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/str.h"

enum { ID_MAX = 64, ID_UUID_LEN = 36 };

/* Writes a new UUIDv7 for the time ms and a NUL: ID_UUID_LEN + 1 bytes. Any thread. */
void id_new(int64_t ms, char out[ID_UUID_LEN + 1]);
/* Whether s matches [A-Za-z0-9_-]{1,64}: the rule for task ids and function names. */
bool id_valid(struct str s);

#endif
