#include "tests/fuzz/lib/rfc8259.h"

#include <string.h>

struct scan {
    const unsigned char *at, *end;
    struct buf open; /* the brackets that are open, outermost first */
    size_t depth;
};

static int peek(const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : -1;
}

static bool take(struct scan *scan, int c)
{
    if (peek(scan) != c)
        return false;
    scan->at++;
    return true;
}

static bool word(struct scan *scan, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, text, len) != 0)
        return false;
    scan->at += len;
    return true;
}

/* Section 2: ws */
static void spaces(struct scan *scan)
{
    while (peek(scan) == 0x20 || peek(scan) == 0x09 || peek(scan) == 0x0A || peek(scan) == 0x0D)
        scan->at++;
}

static bool digits(struct scan *scan)
{
    const unsigned char *start = scan->at;
    while (peek(scan) >= '0' && peek(scan) <= '9')
        scan->at++;
    return scan->at > start;
}

/* Section 6: [ minus ] int [ frac ] [ exp ] */
static bool number(struct scan *scan)
{
    take(scan, '-');
    if (!take(scan, '0') && !digits(scan))
        return false;
    if (take(scan, '.') && !digits(scan))
        return false;
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+'))
            take(scan, '-');
        return digits(scan);
    }
    return true;
}

/* RFC 3629, section 3: the shortest form, no surrogates, nothing above U+10FFFF. */
static bool character(struct scan *scan)
{
    static const unsigned least[] = {0, 0x80, 0x800, 0x10000};
    unsigned lead = *scan->at++;
    int more = lead < 0x80       ? 0
               : lead >> 5 == 6  ? 1
               : lead >> 4 == 14 ? 2
               : lead >> 3 == 30 ? 3
                                 : -1;
    if (more < 0)
        return false;
    unsigned code = more ? lead & (0x3Fu >> more) : lead;
    for (int i = 0; i < more; i++) {
        if (peek(scan) < 0x80 || peek(scan) > 0xBF)
            return false;
        code = code << 6 | (*scan->at++ & 0x3Fu);
    }
    return code >= least[more] && code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
}

static bool escape(struct scan *scan)
{
    if (take(scan, 'u')) {
        for (int i = 0; i < 4; i++) {
            if (peek(scan) <= 0 || !strchr("0123456789abcdefABCDEF", peek(scan)))
                return false;
            scan->at++;
        }
        return true;
    }
    if (peek(scan) <= 0 || !strchr("\"\\/bfnrt", peek(scan)))
        return false;
    scan->at++;
    return true;
}

/* Section 7 */
static bool string(struct scan *scan)
{
    if (!take(scan, '"'))
        return false;
    while (!take(scan, '"')) {
        if (peek(scan) < 0x20)
            return false;
        if (take(scan, '\\') ? !escape(scan) : !character(scan))
            return false;
    }
    return true;
}

static bool name(struct scan *scan)
{
    spaces(scan);
    if (!string(scan))
        return false;
    spaces(scan);
    return take(scan, ':');
}

static bool scalar(struct scan *scan)
{
    if (peek(scan) == '"')
        return string(scan);
    return word(scan, "true") || word(scan, "false") || word(scan, "null") || number(scan);
}

/* At the beginning of a value. *whole: it is a scalar, or an empty array or object. */
static bool value(struct scan *scan, bool *whole)
{
    spaces(scan);
    int bracket = peek(scan);
    *whole = true;
    if (bracket != '[' && bracket != '{')
        return scalar(scan);
    scan->at++;
    if (scan->open.len + 1 > scan->depth)
        scan->depth = scan->open.len + 1;
    spaces(scan);
    if (take(scan, bracket == '[' ? ']' : '}'))
        return true;
    *whole = false;
    buf_add_char(&scan->open, (char)bracket);
    return bracket == '[' || name(scan);
}

/* After a value: closes what is closed there. *more: another value follows. */
static bool after(struct scan *scan, bool *more)
{
    *more = false;
    for (spaces(scan); scan->open.len; spaces(scan)) {
        char bracket = scan->open.data[scan->open.len - 1];
        if (take(scan, ',')) {
            *more = true;
            return bracket == '[' || name(scan);
        }
        if (!take(scan, bracket == '[' ? ']' : '}'))
            return false;
        scan->open.len--;
    }
    return scan->at == scan->end;
}

bool rfc8259_valid(struct str text, size_t *depth)
{
    struct scan scan = {.at = (const unsigned char *)text.data,
                        .end = (const unsigned char *)text.data + text.len};
    bool fine = true, more = true, whole;
    while (fine && more) {
        fine = value(&scan, &whole);
        if (fine && whole)
            fine = after(&scan, &more);
    }
    buf_done(&scan.open);
    *depth = scan.depth;
    return fine;
}
