/* SHA-256 (FIPS 180-4): fingerprints of what is compared but not kept. Pure. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/str.h"

enum { SHA256_HEX = 64 };

/* Writes the digest of the bytes in lower-case hexadecimal and a NUL. */
void sha256_hex(struct str bytes, char out[SHA256_HEX + 1]);

#endif
