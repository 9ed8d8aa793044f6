#include "base/json.h"

#include "base/mem.h"

#include <endian.h>
#include <string.h>

enum { SCRATCH_NODES = 64 }; /* on the stack; a task body rarely has more */

static const char NOT_A_VALUE[] = "this is not a JSON value";
const char JSON_TOO_MANY[] = "there are too many values";

/* The containers that are open form a list from the innermost outwards: the next of an open
 * container, which is not known before it closes, holds the index of the one around it. That is
 * why no depth needs a stack. The functions below take the place to read from and return the
 * place after what they read, or NULL when error is set. */
struct parser {
    const char *start, *end;
    struct json_node *nodes; /* the scratch nodes or heap */
    struct json_node *heap;  /* owned; NULL while the scratch nodes suffice */
    uint32_t count, cap;
    uint32_t open; /* innermost open container; means nothing at depth 0 */
    unsigned depth;
    struct json_bounds bounds;
    struct buf *squeezed; /* the text is wanted, in place of nodes; or NULL */
    const char *from;     /* the text from here on is not in squeezed yet */
    struct json_error error;
};

static const char *fail(struct parser *p, const char *at, const char *what)
{
    p->error.offset = (size_t)(at - p->start);
    p->error.what = at == p->end ? "the text ends too early" : what;
    return NULL;
}

static void grow(struct parser *p)
{
    p->cap *= 2;
    struct json_node *more = mem_resize(p->heap, p->cap * sizeof(*more));
    if (!p->heap)
        memcpy(more, p->nodes, p->count * sizeof(*more));
    p->nodes = p->heap = more;
}

/* The node's next, count and escaped are those of a scalar. Field by field: a node put together
 * first and then copied made gcc's parser half as fast. */
static struct json_node *add_node(struct parser *p, enum json_type type, const char *from)
{
    if (p->count == p->cap)
        grow(p);
    struct json_node *node = &p->nodes[p->count++];
    node->start = (uint32_t)(from - p->start);
    node->next = p->count;
    node->count = 0;
    node->type = (uint8_t)type;
    node->escaped = false;
    return node;
}

/* Whether what stands here has a node when it is over; open containers always do. */
static bool has_node(const struct parser *p)
{
    return p->depth < p->bounds.levels;
}

static const char *add_scalar(struct parser *p, enum json_type type, const char *from,
                              const char *to)
{
    if (to && has_node(p))
        add_node(p, type, from)->end = (uint32_t)(to - p->start);
    return to;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* Past the white space between two tokens. */
static const char *next_token(struct parser *p, const char *at)
{
    const char *past = skip_space(at, p->end);
    if (p->squeezed && past > at) {
        buf_add(p->squeezed, p->from, (size_t)(at - p->from));
        p->from = past;
    }
    return past;
}

/* To the next byte that is a quote, a backslash, a control character or not ASCII. Eight bytes at
 * a time: such a byte has its high bit set in marked, and bytes above it in the word may have it
 * too because of the borrow, so that only the lowest mark counts. */
static const char *skip_plain(const char *at, const char *end)
{
    const uint64_t each = 0x0101010101010101;
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        word = le64toh(word);
        uint64_t marked = word | (word - each * ' ') | ((word ^ each * '"') - each) |
                          ((word ^ each * '\\') - each);
        marked &= each * 0x80;
        if (marked)
            return at + __builtin_ctzll(marked) / 8;
    }
    while (at < end && *at >= ' ' && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* at: past "\u". Half a surrogate pair is within the grammar (RFC 8259, section 8.2). */
static const char *scan_hex(struct parser *p, const char *at)
{
    for (int i = 0; i < 4; i++, at++) {
        if (at == p->end || hex_digit(*at) < 0)
            return fail(p, at, "\\u needs four hexadecimal digits");
    }
    return at;
}

static const char *scan_escape(struct parser *p, const char *at)
{
    at++;
    if (at == p->end || *at == '\0' || !strchr("\"\\/bfnrtu", *at))
        return fail(p, at, "there is no such escape");
    return *at == 'u' ? scan_hex(p, at + 1) : at + 1;
}

/* All up to the next ASCII byte. */
static const char *scan_utf8(struct parser *p, const char *at)
{
    while (at < p->end && (unsigned char)*at >= 0x80) {
        unsigned char lead = (unsigned char)*at;
        size_t len = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if ((size_t)(p->end - at) < len || !str_utf8((struct str){at, len}))
            return fail(p, at, "this is not UTF-8");
        at += len;
    }
    return at;
}

/* at: past the opening quote. */
static const char *scan_string(struct parser *p, const char *at, bool *escaped)
{
    for (;;) {
        at = skip_plain(at, p->end);
        if (at == p->end)
            return fail(p, at, NULL);
        if (*at == '"')
            return at + 1;
        if ((unsigned char)*at < ' ')
            return fail(p, at, "a control character in a string must be escaped");
        if (*at == '\\')
            *escaped = true;
        at = *at == '\\' ? scan_escape(p, at) : scan_utf8(p, at);
        if (!at)
            return NULL;
    }
}

static const char *add_string(struct parser *p, const char *at)
{
    bool escaped = false;
    const char *to = add_scalar(p, JSON_STRING, at, scan_string(p, at + 1, &escaped));
    if (to && has_node(p))
        p->nodes[p->count - 1].escaped = escaped;
    return to;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

static const char *scan_digits(struct parser *p, const char *at)
{
    const char *past = skip_digits(at, p->end);
    return past > at ? past : fail(p, at, "a digit is missing here");
}

static const char *scan_exponent(struct parser *p, const char *at)
{
    if (at < p->end && (*at == '+' || *at == '-'))
        at++;
    return scan_digits(p, at);
}

static const char *scan_number(struct parser *p, const char *at)
{
    const char *digits = at + (*at == '-');
    at = scan_digits(p, digits);
    if (at && *digits == '0' && at - digits > 1)
        return fail(p, digits, "a number must not begin with a zero");
    if (at && at < p->end && *at == '.')
        at = scan_digits(p, at + 1);
    if (at && at < p->end && (*at == 'e' || *at == 'E'))
        at = scan_exponent(p, at + 1);
    return at;
}

static const char *scan_word(struct parser *p, const char *at, struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (at + i == p->end)
            return fail(p, p->end, NULL);
        if (at[i] != word.data[i])
            return fail(p, at, NOT_A_VALUE);
    }
    return at + word.len;
}

static const char *open_container(struct parser *p, const char *at, enum json_type type)
{
    if (p->depth == p->bounds.max_depth) {
        p->error.too_deep = true;
        return fail(p, at, "arrays and objects are nested too deep");
    }
    uint32_t around = p->open;
    p->open = p->count;
    p->depth++;
    add_node(p, type, at)->next = around;
    return at + 1;
}

/* at: past the closing bracket. */
static const char *close_container(struct parser *p, const char *at)
{
    struct json_node *node = &p->nodes[p->open];
    p->depth--;
    if (!has_node(p))
        p->count = p->open; /* nobody looks at what is closed */
    p->open = node->next;
    node->next = p->count;
    node->end = (uint32_t)(at - p->start);
    return at;
}

static const char *no_value(struct parser *p, const char *at)
{
    switch (*at) {
    case '\'':
        return fail(p, at, "a string needs double quotes");
    case '/':
    case '#':
        return fail(p, at, "comments are not allowed");
    case ',':
    case ']':
    case '}':
        return fail(p, at, "a value is missing");
    default:
        return fail(p, at, NOT_A_VALUE);
    }
}

/* A scalar, or the opening of a container. */
static const char *scan_value(struct parser *p, const char *at)
{
    if (at == p->end)
        return fail(p, at, NULL);
    switch (*at) {
    case '"':
        return add_string(p, at);
    case '{':
        return open_container(p, at, JSON_OBJECT);
    case '[':
        return open_container(p, at, JSON_ARRAY);
    case 't':
        return add_scalar(p, JSON_TRUE, at, scan_word(p, at, STR("true")));
    case 'f':
        return add_scalar(p, JSON_FALSE, at, scan_word(p, at, STR("false")));
    case 'n':
        return add_scalar(p, JSON_NULL, at, scan_word(p, at, STR("null")));
    default:
        if (*at != '-' && (*at < '0' || *at > '9'))
            return no_value(p, at);
        return add_scalar(p, JSON_NUMBER, at, scan_number(p, at));
    }
}

/* A member's name and its colon. */
static const char *scan_name(struct parser *p, const char *at)
{
    if (at == p->end || *at != '"')
        return fail(p, at, "a member's name in double quotes is missing");
    at = add_string(p, at);
    if (!at)
        return NULL;
    at = next_token(p, at);
    if (at == p->end || *at != ':')
        return fail(p, at, "a colon is missing after the member's name");
    return next_token(p, at + 1);
}

static const char *scan_comma(struct parser *p, const char *at, char closer)
{
    bool array = closer == ']';
    if (at == p->end || *at != ',')
        return fail(p, at, array ? "a comma or ] is missing" : "a comma or } is missing");
    const char *past = next_token(p, at + 1);
    if (past < p->end && *past == closer)
        return fail(p, at,
                    array ? "a comma before ] is not allowed" : "a comma before } is not allowed");
    return past;
}

/* Inside the open container: its end, or one more element or member. */
static const char *scan_item(struct parser *p, const char *at)
{
    struct json_node *open = &p->nodes[p->open];
    bool object = open->type == JSON_OBJECT;
    char closer = object ? '}' : ']';
    at = next_token(p, at);
    if (at < p->end && *at == closer)
        return close_container(p, at + 1);
    if (open->count++)
        at = scan_comma(p, at, closer);
    if (at && object)
        at = scan_name(p, at);
    return at ? scan_value(p, at) : NULL;
}

static const char *scan_text(struct parser *p)
{
    if (p->end - p->start >= 3 && memcmp(p->start, "\xEF\xBB\xBF", 3) == 0)
        return fail(p, p->start, "a byte-order mark is not allowed");
    const char *at = scan_value(p, next_token(p, p->start));
    while (at && p->depth)
        at = p->count < p->bounds.max_nodes ? scan_item(p, at) : fail(p, at, JSON_TOO_MANY);
    if (!at)
        return NULL;
    at = next_token(p, at);
    return at == p->end ? at : fail(p, at, "there is more after the value");
}

/* nodes: SCRATCH_NODES of them. */
static bool scan(struct parser *p, struct str text, struct json_node *nodes,
                 struct json_error *error)
{
    p->start = p->from = text.data ? text.data : "";
    p->end = p->start + text.len;
    p->nodes = nodes;
    p->cap = SCRATCH_NODES;
    if (text.len >= UINT32_MAX)
        fail(p, p->start, "the text is longer than 4 GiB");
    else if (scan_text(p))
        return true;
    *error = p->error;
    mem_free(p->heap);
    return false;
}

bool json_parse_within(struct str text, const struct json_bounds *bounds, struct arena *arena,
                       struct json *json, struct json_error *error)
{
    struct json_node scratch[SCRATCH_NODES];
    struct parser p = {.bounds = *bounds};
    if (!scan(&p, text, scratch, error))
        return false;
    struct json_node *nodes = ARENA_ARRAY(arena, struct json_node, p.count);
    memcpy(nodes, p.nodes, p.count * sizeof(*nodes));
    *json = (struct json){text, nodes, p.count};
    mem_free(p.heap);
    return true;
}

bool json_parse(struct str text, unsigned max_depth, struct arena *arena, struct json *json,
                struct json_error *error)
{
    const struct json_bounds all = {max_depth, UINT32_MAX, UINT32_MAX};
    return json_parse_within(text, &all, arena, json, error);
}

bool json_squeeze(struct str text, unsigned max_depth, struct buf *out, struct json_error *error)
{
    struct json_node scratch[SCRATCH_NODES];
    struct parser p = {.bounds = {max_depth, 0, UINT32_MAX}, .squeezed = out};
    size_t before = out->len;
    buf_reserve(out, text.len < UINT32_MAX ? text.len : 0);
    if (!scan(&p, text, scratch, error)) {
        out->len = before;
        return false;
    }
    buf_add(out, p.from, (size_t)(p.end - p.from));
    mem_free(p.heap);
    return true;
}
