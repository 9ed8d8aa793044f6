/* SipHash-2-4: a hash of texts under a key. Who does not know the key cannot
 * choose texts that share a bucket (Aumasson and Bernstein, 2012). */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include "base/str.h"

uint64_t siphash(struct str text, const uint8_t key[16]);

#endif
