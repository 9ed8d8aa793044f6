#include "server/target.h"

#include <string.h>

/* --- the target ---------------------------------------------------------------------- */

struct hidden_query target_hide(const char *target)
{
    const char *mark = strchr(target, '?');
    struct hidden_query query = {.text = str_of(mark ? mark + 1 : NULL)};
    if (query.text.len) {
        query.first = query.text.data[0];
        *(char *)(uintptr_t)query.text.data = '\0';
    }
    return query;
}

struct str target_reveal(const struct hidden_query *query)
{
    if (query->text.len)
        *(char *)(uintptr_t)query->text.data = query->first;
    return query->text;
}

struct str target_authority(struct str *path)
{
    const struct str scheme = STR("http://");
    if (path->len < scheme.len || !str_eq_nocase((struct str){path->data, scheme.len}, scheme))
        return STR_NONE;
    struct str authority = {path->data + scheme.len, path->len - scheme.len};
    const char *slash = memchr(authority.data, '/', authority.len);
    *path = STR("/");
    if (slash) {
        size_t len = (size_t)(slash - authority.data);
        *path = (struct str){slash, authority.len - len};
        authority.len = len;
    }
    return authority;
}

/* --- encoded bytes ------------------------------------------------------------------- */

/* Takes a byte off the text, which has one. */
static char take_byte(struct str *text)
{
    const char *at = text->data;
    int high = at[0] == '%' && text->len > 2 ? hex_digit(at[1]) : -1;
    int low = high >= 0 ? hex_digit(at[2]) : -1;
    bool encoded = low >= 0 && (high || low);
    size_t len = encoded ? 3 : 1;
    text->data += len;
    text->len -= len;
    return (char)(encoded ? high << 4 | low : at[0]);
}

size_t target_decode(char *text)
{
    char *out = text;
    struct str rest = str_of(text);
    while (rest.len)
        *out++ = take_byte(&rest);
    *out = '\0';
    return (size_t)(out - text);
}

/* --- the query ----------------------------------------------------------------------- */

bool query_next(struct str *query, struct str *name, struct str *value)
{
    if (!query->len)
        return false;
    struct str rest = str_cut(query, '&');
    *name = str_cut(&rest, '=');
    *value = rest.data ? rest : STR("");
    return true;
}

static char take_form_byte(struct str *text)
{
    bool plus = text->data[0] == '+';
    char byte = take_byte(text);
    return (char)(plus ? ' ' : byte);
}

bool query_means(struct str sent, struct str text)
{
    while (sent.len && text.len && take_form_byte(&sent) == text.data[0]) {
        text.data++;
        text.len--;
    }
    return !sent.len && !text.len;
}

struct str query_decode(struct str sent, struct arena *arena)
{
    char *text = ARENA_ARRAY(arena, char, sent.len + 1);
    size_t len = 0;
    while (sent.len)
        text[len++] = take_form_byte(&sent);
    return (struct str){text, len};
}
