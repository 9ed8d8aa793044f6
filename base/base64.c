#include "base/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64_add(struct buf *out, struct str bytes)
{
    unsigned bits = 0, held = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (unsigned char)bytes.data[i];
        for (held += 8; held >= 6; held -= 6)
            buf_add_char(out, alphabet[bits >> (held - 6) & 63]);
    }
    if (held)
        buf_add_char(out, alphabet[bits << (6 - held) & 63]);
}

bool base64_read(struct str text, struct arena *arena, struct str *bytes)
{
    char *out = ARENA_ARRAY(arena, char, text.len + 1);
    unsigned bits = 0, held = 0;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.data[i] ? strchr(alphabet, text.data[i]) : NULL;
        if (!at)
            return false;
        bits = bits << 6 | (unsigned)(at - alphabet);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        out[len++] = (char)(bits >> held & 255);
    }
    *bytes = (struct str){out, len};
    return held < 6 && !(bits & ((1u << held) - 1)); /* one spelling for each text */
}
