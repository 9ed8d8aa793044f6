#include "base/json.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The bytes of text that are not written yet begin at from; those before at have been looked at. */
struct minifier {
    const char *text;
    uint32_t from, at;
    struct buf *out;
};

/* Between tokens: only brackets, commas, colons and white space. */
static void squeeze_to(struct minifier *m, uint32_t end)
{
    for (; m->at < end; m->at++) {
        if (!is_space(m->text[m->at]))
            continue;
        buf_add(m->out, m->text + m->from, m->at - m->from);
        m->from = m->at + 1;
    }
}

void json_minify(const struct json *json, uint32_t node, struct buf *out)
{
    const struct json_node *nodes = json->nodes;
    uint32_t start = nodes[node].start, end = nodes[node].end;
    struct minifier m = {json->text.data, start, start, out};
    buf_reserve(out, end - start);
    for (uint32_t i = node; i < nodes[node].next; i++) {
        if (nodes[i].type == JSON_ARRAY || nodes[i].type == JSON_OBJECT)
            continue;
        squeeze_to(&m, nodes[i].start);
        m.at = nodes[i].end;
    }
    squeeze_to(&m, end);
    buf_add(out, m.text + m.from, end - m.from);
}

/* RFC 8259, section 7: the quote, the backslash and the controls, and nothing else. */
static bool must_escape(char c)
{
    return (unsigned char)c < ' ' || c == '"' || c == '\\';
}

static void add_escape(struct buf *buf, char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = "btn\0fr"; /* of U+0008 to U+000D */
    char text[] = "\\u00xx";
    size_t len = 2;
    if ((unsigned char)c >= ' ') {
        text[1] = c;
    } else if (c >= '\b' && c <= '\r' && c != '\v') {
        text[1] = letters[c - '\b'];
    } else {
        text[4] = hex[c >> 4];
        text[5] = hex[c & 15];
        len = 6;
    }
    buf_add(buf, text, len);
}

void buf_add_json(struct buf *buf, struct str s)
{
    size_t from = 0;
    buf_reserve(buf, s.len + 2);
    buf_add_char(buf, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (!must_escape(s.data[i]))
            continue;
        buf_add(buf, s.data + from, i - from);
        add_escape(buf, s.data[i]);
        from = i + 1;
    }
    if (s.len > from)
        buf_add(buf, s.data + from, s.len - from);
    buf_add_char(buf, '"');
}

void buf_add_pointer(struct buf *buf, struct str name)
{
    buf_add_char(buf, '/');
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '~')
            buf_add_text(buf, "~0");
        else if (name.data[i] == '/')
            buf_add_text(buf, "~1");
        else
            buf_add_char(buf, name.data[i]);
    }
}
