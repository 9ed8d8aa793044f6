/* SHA-256 (FIPS 180-4): fingerprints of what is compared but not kept; and HMAC (RFC 2104) with
 * it: proofs that a text is our own. Pure. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/str.h"

enum { SHA256_BYTES = 32, SHA256_HEX = 64 };

struct digest {
    uint8_t bytes[SHA256_BYTES];
};

struct digest sha256(struct str bytes);
/* Of the two texts in a row, with a key of as many bytes as a digest has. */
struct digest sha256_hmac(const struct digest *key, struct str first, struct str second);
/* In a time that does not tell how much of the two is alike. */
bool digest_eq(const struct digest *a, const struct digest *b);

/* Writes the digest of the bytes in lower-case hexadecimal and a NUL. */
void sha256_hex(struct str bytes, char out[SHA256_HEX + 1]);

#endif
