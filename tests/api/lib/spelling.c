#include "tests/api/lib/spelling.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at;
    const char *end;
};

static bool is_hex4(const struct reader *in)
{
    if (in->end - in->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)in->at[i]))
            return false;
    }
    return true;
}

static uint32_t hex4(struct reader *in)
{
    char digits[5] = {0};
    if (!is_hex4(in))
        return 0xFFFD;
    memcpy(digits, in->at, 4);
    in->at += 4;
    return (uint32_t)strtoul(digits, NULL, 16);
}

/* After a high surrogate: the whole character, if its other half follows. */
static uint32_t pair(struct reader *in, uint32_t high)
{
    struct reader ahead = *in;
    if (high < 0xD800 || high > 0xDBFF || ahead.end - ahead.at < 6 || memcmp(ahead.at, "\\u", 2))
        return high;
    ahead.at += 2;
    uint32_t low = hex4(&ahead);
    if (low < 0xDC00 || low > 0xDFFF)
        return high;
    *in = ahead;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* The character of an escape; the reader stands behind the backslash. */
static uint32_t escaped(struct reader *in)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char kind = in->at < in->end ? *in->at++ : '?';
    if (kind == 'u')
        return pair(in, hex4(in));
    const char *known = strchr(from, kind);
    return (unsigned char)(known && kind ? to[known - from] : kind);
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* Six bytes at most, which is what the shortest escape of such a character could have had. */
static char *put_character(char *out, uint32_t c)
{
    bool alone = c >= 0xD800 && c <= 0xDFFF;
    if (c < 0x20 || alone)
        return out + snprintf(out, 7, "\\u%04x", (unsigned)c);
    if (c == '"' || c == '\\')
        *out++ = '\\';
    return put_utf8(out, c);
}

static char *put_string(char *out, struct reader *in)
{
    *out++ = '"';
    in->at++;
    while (in->at < in->end && *in->at != '"') {
        if (*in->at == '\\') {
            in->at++;
            out = put_character(out, escaped(in));
        } else {
            *out++ = *in->at++;
        }
    }
    in->at += in->at < in->end;
    *out++ = '"';
    return out;
}

char *spelling_of(const char *bytes, size_t length)
{
    struct reader in = {bytes, bytes + length};
    char *all = malloc(length * 3 + 3); /* "\b" becomes a six-byte escape */
    char *out = all;
    while (all && in.at < in.end) {
        if (*in.at == '"')
            out = put_string(out, &in);
        else if (strchr(" \t\r\n", *in.at) && *in.at)
            in.at++;
        else
            *out++ = *in.at++;
    }
    if (all)
        *out = 0;
    return all;
}

static const char *skip_string(const char *p)
{
    for (p++; *p && *p != '"'; p++)
        p += *p == '\\' && p[1];
    return *p ? p + 1 : p;
}

static const char *skip_value(const char *p)
{
    int depth = 0;
    while (*p) {
        if (depth == 0 && strchr(",]}", *p))
            break;
        if (*p == '"') {
            p = skip_string(p);
            continue;
        }
        depth += (*p == '[' || *p == '{') - (*p == ']' || *p == '}');
        p++;
    }
    return p;
}

/* The value of one member or element; NULL if there is none. */
static const char *enter(const char *p, const char *name, size_t length)
{
    bool object = *p == '{';
    size_t index = object ? 0 : strtoul(name, NULL, 10);
    if (!object && *p != '[')
        return NULL;
    p++;
    while (*p && !strchr("]}", *p)) {
        const char *key = p + 1;
        if (object)
            p = skip_string(p) + 1;
        bool found =
            object ? (size_t)(p - 2 - key) == length && !memcmp(key, name, length) : index-- == 0;
        if (found)
            return p;
        p = skip_value(p);
        p += *p == ',';
    }
    return NULL;
}

bool spelling_find(const char *all, const char *path, const char **begin, const char **end)
{
    const char *here = all;
    while (here && *path) {
        size_t length = strcspn(path, ".");
        here = enter(here, path, length);
        path += length + (path[length] == '.');
    }
    if (!here)
        return false;
    *begin = here;
    *end = skip_value(here);
    return true;
}
