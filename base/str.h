/* Text with a length: a borrowed slice (struct str) and a growing buffer
 * (struct buf).
 *
 * A slice never owns its bytes and need not end in NUL, so a string that came
 * from JSON may hold U+0000. A buffer owns its bytes, which always end in a NUL
 * that len does not count. Both belong to one thread at a time. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *data; /* NULL: there is none (not the same as empty) */
    size_t len;
};

/* A slice of a string literal. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
/* The same where C wants a constant. */
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define STR_NONE ((struct str){NULL, 0})
/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, (s).data ? (s).data : ""

/* A slice of a C string; NULL gives STR_NONE. */
struct str str_of(const char *text);
bool str_eq(struct str a, struct str b);
/* The same, in a time that depends on given alone and does not tell how much of it was right. */
bool str_eq_secret(struct str given, struct str secret);
/* Byte order, shorter first where one is the other's start. */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
/* As str_eq, ASCII letters alike in either case (RFC 9110 tokens). */
bool str_eq_nocase(struct str a, struct str b);
/* Whether it is one of them. */
bool str_listed(struct str s, const struct str *list, size_t count);
/* The value of a hexadecimal digit; -1: it is none. */
int hex_digit(char c);
/* Without the spaces and tabs at both ends (RFC 9110 OWS). */
struct str str_trim(struct str s);
/* Takes the part before the first sep off *rest and returns it; at the end *rest is STR_NONE. */
struct str str_cut(struct str *rest, char sep);
/* A whole decimal integer, no sign but '-', no space; false if it is not one or does not fit. */
bool str_int(struct str s, int64_t *value);
/* A decimal number >= 0 such as 30 or 0.5 (no sign, no exponent), in milliseconds, rounded;
 * false if it is none or is above 10^12 seconds. */
bool str_seconds(struct str s, int64_t *milliseconds);
/* The start of valid UTF-8 that has at most max bytes and ends with a whole code point. */
struct str str_limit(struct str s, size_t max);
/* Number of code points of valid UTF-8. */
size_t str_chars(struct str s);
/* Whether the bytes are UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_utf8(struct str s);
/* FNV-1a, 64 bits. */
uint64_t str_hash(struct str s);

struct buf {
    char *data; /* NULL until something is added */
    size_t len;
    size_t cap; /* bytes allocated */
};

void buf_done(struct buf *buf); /* frees; the buffer is empty and usable again */
void buf_reserve(struct buf *buf, size_t more);
void buf_add(struct buf *buf, const void *data, size_t len);
void buf_add_str(struct buf *buf, struct str s);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_add_int(struct buf *buf, int64_t value);
/* A finite number in the fewest digits that read back as the same double. */
void buf_add_double(struct buf *buf, double value);
/* Any bytes as UTF-8: what is not UTF-8, and NUL, becomes U+FFFD. */
void buf_add_lossy(struct buf *buf, struct str bytes);
void buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct str buf_str(const struct buf *buf); /* borrowed until the next add */
/* Hands the bytes over (release with mem_free; never NULL); the buffer is empty afterwards. */
char *buf_take(struct buf *buf, size_t *len);

#endif
