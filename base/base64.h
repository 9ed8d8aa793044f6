/* base64url without padding (RFC 4648, section 5): bytes that fit into an address. Pure. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/arena.h"

/* Appends the bytes as text. */
void base64_add(struct buf *out, struct str bytes);
/* False: it is not of this alphabet, or of a length that there is not. *bytes is in the arena. */
bool base64_read(struct str text, struct arena *arena, struct str *bytes);

#endif
