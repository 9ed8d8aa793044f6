#include "base/json.h"

#include "base/mem.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct str json_raw(const struct json *json, uint32_t node)
{
    const struct json_node *n = &json->nodes[node];
    return (struct str){json->text.data + n->start, n->end - n->start};
}

/* A string's bytes between its quotes. */
static struct str inside(const struct json *json, uint32_t node)
{
    struct str raw = json_raw(json, node);
    return (struct str){raw.data + 1, raw.len - 2};
}

/* digits: four, which the parser has seen. */
static unsigned hex_unit(const char *digits)
{
    unsigned unit = 0;
    for (int i = 0; i < 4; i++)
        unit = unit << 4 | (unsigned)hex_digit(digits[i]);
    return unit;
}

/* As UTF-8 (RFC 3629, section 3); gives the number of bytes. */
static size_t put_code_point(char out[4], unsigned code)
{
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)(leads[len] | code);
    return len;
}

static bool is_low_half(unsigned unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* Takes "\uXXXX", or two that make one code point, off *rest; half a pair is U+FFFD. */
static unsigned take_code_point(struct str *rest)
{
    unsigned unit = hex_unit(rest->data + 2);
    rest->data += 6;
    rest->len -= 6;
    if (unit < 0xD800 || unit > 0xDFFF)
        return unit;
    if (is_low_half(unit) || rest->len < 6 || rest->data[0] != '\\' || rest->data[1] != 'u')
        return 0xFFFD;
    unsigned low = hex_unit(rest->data + 2);
    if (!is_low_half(low))
        return 0xFFFD;
    rest->data += 6;
    rest->len -= 6;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/* Takes one escape off *rest, its value into out; gives the number of bytes. */
static size_t take_escape(struct str *rest, char out[4])
{
    static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
    char c = rest->data[1];
    if (c == 'u')
        return put_code_point(out, take_code_point(rest));
    const char *letter = strchr(letters, c);
    out[0] = letter ? values[letter - letters] : c;
    rest->data += 2;
    rest->len -= 2;
    return 1;
}

/* Takes one escape, or all up to the next escape, off *rest; the value is a slice of the text or
 * of room. */
static struct str take_piece(struct str *rest, char room[4])
{
    if (rest->data[0] == '\\')
        return (struct str){room, take_escape(rest, room)};
    const char *escape = memchr(rest->data, '\\', rest->len);
    struct str piece = {rest->data, escape ? (size_t)(escape - rest->data) : rest->len};
    rest->data += piece.len;
    rest->len -= piece.len;
    return piece;
}

struct str json_string(const struct json *json, uint32_t node, struct arena *arena)
{
    struct str rest = inside(json, node);
    if (!json->nodes[node].escaped)
        return rest;
    char room[4], *text = arena_alloc(arena, rest.len + 1); /* decoding never makes it longer */
    size_t len = 0;
    while (rest.len) {
        struct str piece = take_piece(&rest, room);
        memcpy(text + len, piece.data, piece.len);
        len += piece.len;
    }
    return (struct str){text, len};
}

bool json_string_is(const struct json *json, uint32_t node, struct str s)
{
    struct str rest = inside(json, node);
    if (!json->nodes[node].escaped)
        return str_eq(rest, s);
    char room[4];
    while (rest.len) {
        struct str piece = take_piece(&rest, room);
        if (!str_starts(s, piece))
            return false;
        s.data += piece.len;
        s.len -= piece.len;
    }
    return s.len == 0;
}

uint32_t json_member(const struct json *json, uint32_t object, struct str name)
{
    const struct json_node *nodes = json->nodes;
    for (uint32_t i = object + 1; i < nodes[object].next; i = nodes[i + 1].next) {
        if (json_string_is(json, i, name))
            return i + 1;
    }
    return 0;
}

/* The value of a number without rounding: -digits * 10^exponent. */
struct decimal {
    int64_t digits; /* <= 0: INT64_MIN has no positive twin */
    int64_t exponent;
};

/* False: the product does not fit. */
static bool scale(int64_t *digits, int64_t power)
{
    while (power-- > 0 && *digits) {
        if (__builtin_mul_overflow(*digits, 10, digits))
            return false;
    }
    return true;
}

/* text: digits with or without a point. Zeros at the end go to the exponent, so that digits
 * overflow only where the number is no int64 anyway. */
static bool read_mantissa(struct str text, struct decimal *number)
{
    int64_t zeros = 0;
    bool fraction = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '.') {
            fraction = true;
            continue;
        }
        number->exponent -= fraction;
        zeros++;
        if (c == '0')
            continue;
        if (!scale(&number->digits, zeros) ||
            __builtin_sub_overflow(number->digits, c - '0', &number->digits))
            return false;
        zeros = 0;
    }
    number->exponent += zeros;
    return true;
}

/* text: digits with or without a sign. Stops counting where no mantissa that fits in memory could
 * make up for it. */
static int64_t read_exponent(struct str text)
{
    const int64_t enough = 1000000000000;
    bool negative = text.data[0] == '-';
    int64_t value = 0;
    for (size_t i = negative || text.data[0] == '+'; i < text.len && value < enough; i++)
        value = value * 10 + (text.data[i] - '0');
    return negative ? -value : value;
}

/* text: a number without its sign. */
static bool read_decimal(struct str text, struct decimal *number)
{
    struct str mantissa = {text.data, 0};
    while (mantissa.len < text.len && (text.data[mantissa.len] | 0x20) != 'e')
        mantissa.len++;
    if (!read_mantissa(mantissa, number))
        return false;
    size_t past = mantissa.len + 1;
    if (past < text.len)
        number->exponent += read_exponent((struct str){text.data + past, text.len - past});
    return true;
}

bool json_int(const struct json *json, uint32_t node, int64_t *value)
{
    struct str text = json_raw(json, node);
    if (str_int(text, value))
        return true;
    bool negative = text.data[0] == '-';
    struct decimal number = {0};
    if (!read_decimal((struct str){text.data + negative, text.len - negative}, &number))
        return false;
    if (number.digits && (number.exponent < 0 || !scale(&number.digits, number.exponent)))
        return false;
    if (!negative && number.digits == INT64_MIN)
        return false;
    *value = negative ? number.digits : -number.digits;
    return true;
}

/* strtod reads the point of JSON because errand never leaves the C locale. */
double json_double(const struct json *json, uint32_t node)
{
    struct buf copy = {0}; /* the text need not end where the number does */
    buf_add_str(&copy, json_raw(json, node));
    double value = strtod(copy.data, NULL);
    buf_done(&copy);
    return value;
}

static bool refuse(const struct json *json, uint32_t node, const char *what,
                   struct json_error *error)
{
    *error = (struct json_error){.offset = json->nodes[node].start, .what = what};
    return false;
}

/* Configuration is small: comparing each name with all before it is fast enough. */
static bool check_names(const struct json *json, uint32_t object, struct arena *arena,
                        struct json_error *error)
{
    const struct json_node *nodes = json->nodes;
    struct str *names = ARENA_ARRAY(arena, struct str, nodes[object].count);
    uint32_t node = object + 1;
    for (uint32_t i = 0; i < nodes[object].count; i++) {
        names[i] = json_string(json, node, arena);
        for (uint32_t j = 0; j < i; j++) {
            if (str_eq(names[i], names[j]))
                return refuse(json, node, "this member was given before", error);
        }
        node = nodes[node + 1].next;
    }
    return true;
}

/* cJSON ends strings at U+0000 and reads 63 bytes of a number (1.7.15). */
static bool check_node(const struct json *json, uint32_t node, struct arena *arena,
                       struct json_error *error)
{
    enum { MAX_NUMBER = 63 };
    struct str value;
    switch (json->nodes[node].type) {
    case JSON_OBJECT:
        return check_names(json, node, arena, error);
    case JSON_STRING:
        value = json_string(json, node, arena);
        if (value.len && memchr(value.data, '\0', value.len))
            return refuse(json, node, "\\u0000 is not allowed here", error);
        return true;
    case JSON_NUMBER:
        if (json_raw(json, node).len > MAX_NUMBER)
            return refuse(json, node, "this number is too long", error);
        return true;
    default:
        return true;
    }
}

static void configure(void)
{
    cJSON_Hooks hooks = {mem_alloc, mem_free};
    cJSON_InitHooks(&hooks);
}

/* What cJSON refuses after these checks, with memory that is there, is half a surrogate pair. */
static struct cJSON *make_tree(struct str text, struct json_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *end = text.data;
    pthread_once(&once, configure);
    cJSON *tree = cJSON_ParseWithLengthOpts(text.data, text.len, &end, false);
    if (!tree)
        *error = (struct json_error){.offset = (size_t)(end - text.data),
                                     .what = "half a surrogate pair is not allowed here"};
    return tree;
}

struct cJSON *json_tree(struct str text, struct json_error *error)
{
    struct arena arena = {0};
    struct json json;
    bool good = json_parse(text, JSON_MAX_DEPTH, &arena, &json, error);
    for (uint32_t i = 0; good && i < json.count; i++)
        good = check_node(&json, i, &arena, error);
    arena_done(&arena);
    return good ? make_tree(text, error) : NULL;
}
