#include "model/template.h"

#include <assert.h>

/* One object that is replaced. */
struct place {
    const struct json_node *node;
    uint32_t literal; /* of {"$value": X}: X; 0: it is a $task */
};

/* The next one from *at on, which then is past it; false: there is none. */
static bool next_place(const struct json *json, uint32_t *at, struct place *place)
{
    for (uint32_t i = *at; i < json->count; i++) {
        const struct json_node *node = &json->nodes[i];
        if (i == 0 || node->type != JSON_OBJECT)
            continue;
        bool reference = json_member(json, i, STR("$task"));
        uint32_t literal = !reference && node->count == 1 ? json_member(json, i, STR("$value")) : 0;
        if (!reference && !literal)
            continue;
        *place = (struct place){node, literal};
        *at = node->next;
        return true;
    }
    return false;
}

static void parse(struct str text, struct arena *arena, struct json *json)
{
    struct json_error error;
    bool parsed = json_parse(text, JSON_MAX_DEPTH, arena, json, &error);
    assert(parsed); /* it was checked before it was stored */
    (void)parsed;
}

void template_fill(struct str text, const struct str *values, size_t *used, struct buf *out)
{
    struct arena arena = {0};
    struct json json;
    struct place place;
    uint32_t copied = 0, at = 0;
    parse(text, &arena, &json);
    while (next_place(&json, &at, &place)) {
        buf_add(out, text.data + copied, place.node->start - copied);
        buf_add_str(out, place.literal ? json_raw(&json, place.literal) : values[(*used)++]);
        copied = place.node->end;
    }
    buf_add(out, text.data + copied, text.len - copied);
    arena_done(&arena);
}

size_t template_places(struct str text)
{
    struct arena arena = {0};
    struct json json;
    struct place place;
    uint32_t at = 0;
    size_t count = 0;
    parse(text, &arena, &json);
    while (next_place(&json, &at, &place))
        count += !place.literal;
    arena_done(&arena);
    return count;
}
