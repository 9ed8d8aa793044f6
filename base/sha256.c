#include "base/sha256.h"

#include <nettle/sha2.h>

void sha256_hex(struct str bytes, char out[SHA256_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";
    struct sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&context);
    sha256_update(&context, bytes.len, (const uint8_t *)bytes.data);
    sha256_digest(&context, sizeof(digest), digest);
    for (size_t i = 0; i < SHA256_HEX; i++)
        out[i] = digits[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
    out[SHA256_HEX] = '\0';
}
