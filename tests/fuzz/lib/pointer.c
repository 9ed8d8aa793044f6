#include "tests/fuzz/lib/pointer.h"

#include <stdio.h>

struct search {
    const struct json *json;
    bool (*fits)(const struct json *json, uint32_t node, const void *arg);
    const void *arg;
    struct arena arena;
};

/* Section 4; STR_NONE: a ~ that means nothing. */
static struct str unescaped(struct search *search, struct str token)
{
    char *text = ARENA_ARRAY(&search->arena, char, token.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.data[i];
        if (c == '~') {
            c = ++i < token.len ? token.data[i] : 0;
            if (c != '0' && c != '1')
                return STR_NONE;
            c = c == '0' ? '~' : '/';
        }
        text[len++] = c;
    }
    return (struct str){text, len};
}

/* No sign, no leading zero. */
static bool is_index(struct str token, uint32_t index)
{
    char text[12];
    snprintf(text, sizeof(text), "%u", index);
    return str_eq(token, str_of(text));
}

/* rest: STR_NONE at the end, else what follows a slash. Recursion is as deep as the JSON. */
static bool leads(struct search *search, uint32_t node, struct str rest)
{
    const struct json_node *nodes = search->json->nodes;
    if (!rest.data)
        return !search->fits || search->fits(search->json, node, search->arg);
    struct str token = unescaped(search, str_cut(&rest, '/'));
    bool object = nodes[node].type == JSON_OBJECT;
    if (!token.data || nodes[node].type < JSON_ARRAY)
        return false;
    for (uint32_t i = node + 1, index = 0; i < nodes[node].next; index++) {
        uint32_t value = object ? i + 1 : i;
        bool here = object ? json_string_is(search->json, i, token) : is_index(token, index);
        if (here && leads(search, value, rest))
            return true;
        i = nodes[value].next;
    }
    return false;
}

bool pointer_leads(const struct json *json, struct str pointer,
                   bool (*fits)(const struct json *json, uint32_t node, const void *arg),
                   const void *arg)
{
    struct search search = {.json = json, .fits = fits, .arg = arg};
    bool whole = pointer.len == 0;
    struct str rest = whole ? STR_NONE : (struct str){pointer.data + 1, pointer.len - 1};
    bool found = (whole || pointer.data[0] == '/') && leads(&search, 0, rest);
    arena_done(&search.arena);
    return found;
}
