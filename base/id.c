#include "base/id.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Random bytes are fetched a pool at a time: one system call for 128 ids. */
static void random_bytes(unsigned char *out, size_t len)
{
    static _Thread_local unsigned char pool[1280];
    static _Thread_local size_t left;
    if (left < len) {
        size_t have = 0;
        while (have < sizeof(pool)) {
            ssize_t got = getrandom(pool + have, sizeof(pool) - have, 0);
            if (got > 0)
                have += (size_t)got;
        }
        left = sizeof(pool);
    }
    memcpy(out, pool + sizeof(pool) - left, len);
    left -= len;
}

void id_new(int64_t ms, char out[ID_UUID_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[16];
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    random_bytes(bytes + 6, 10);
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x70); /* version 7 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80); /* variant 10 */

    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[bytes[i] >> 4];
        *p++ = hex[bytes[i] & 15];
    }
    *p = '\0';
}

bool id_valid(struct str s)
{
    if (s.len < 1 || s.len > ID_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool fine = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-';
        if (!fine)
            return false;
    }
    return true;
}
