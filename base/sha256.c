#include "base/sha256.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

struct digest sha256(struct str bytes)
{
    struct sha256_ctx context;
    struct digest digest;
    sha256_init(&context);
    sha256_update(&context, bytes.len, (const uint8_t *)bytes.data);
    sha256_digest(&context, sizeof(digest.bytes), digest.bytes);
    return digest;
}

struct digest sha256_hmac(const struct digest *key, struct str first, struct str second)
{
    struct hmac_sha256_ctx context;
    struct digest digest;
    hmac_sha256_set_key(&context, sizeof(key->bytes), key->bytes);
    hmac_sha256_update(&context, first.len, (const uint8_t *)first.data);
    hmac_sha256_update(&context, second.len, (const uint8_t *)second.data);
    hmac_sha256_digest(&context, sizeof(digest.bytes), digest.bytes);
    return digest;
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
    return memeql_sec(a->bytes, b->bytes, sizeof(a->bytes)) != 0;
}

void sha256_hex(struct str bytes, char out[SHA256_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";
    struct digest digest = sha256(bytes);
    for (size_t i = 0; i < SHA256_HEX; i++)
        out[i] = digits[digest.bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
    out[SHA256_HEX] = '\0';
}
