#include "base/siphash.h"

#include <endian.h>
#include <string.h>

struct state {
    uint64_t a, b, c, d;
};

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static void mix(struct state *s, int rounds)
{
    while (rounds--) {
        s->a += s->b;
        s->c += s->d;
        s->b = rotate(s->b, 13) ^ s->a;
        s->d = rotate(s->d, 16) ^ s->c;
        s->a = rotate(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = rotate(s->b, 17) ^ s->c;
        s->d = rotate(s->d, 21) ^ s->a;
        s->c = rotate(s->c, 32);
    }
}

static void take(struct state *s, uint64_t word)
{
    s->d ^= word;
    mix(s, 2);
    s->a ^= word;
}

/* len: at most 8. */
static uint64_t read_word(const void *bytes, size_t len)
{
    uint64_t word = 0;
    if (len)
        memcpy(&word, bytes, len);
    return le64toh(word);
}

uint64_t siphash(struct str text, const uint8_t key[16])
{
    uint64_t low = read_word(key, 8), high = read_word(key + 8, 8);
    struct state s = {low ^ 0x736f6d6570736575, high ^ 0x646f72616e646f6d, low ^ 0x6c7967656e657261,
                      high ^ 0x7465646279746573};
    size_t whole = text.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8)
        take(&s, read_word(text.data + i, 8));
    take(&s, (uint64_t)text.len << 56 | read_word(text.data + whole, text.len & 7));
    s.c ^= 0xff;
    mix(&s, 4);
    return s.a ^ s.b ^ s.c ^ s.d;
}
