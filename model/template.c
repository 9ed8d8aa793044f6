#include "model/template.h"

#include <assert.h>

void template_fill(struct str text, const struct str *values, size_t *used, struct buf *out)
{
    struct arena arena = {0};
    struct json json;
    struct json_error error;
    bool parsed = json_parse(text, JSON_MAX_DEPTH, &arena, &json, &error);
    assert(parsed); /* it was checked before it was stored */
    (void)parsed;
    uint32_t copied = 0;
    for (uint32_t i = 0; i < json.count;) {
        const struct json_node *node = &json.nodes[i];
        bool object = node->type == JSON_OBJECT;
        bool reference = object && json_member(&json, i, STR("$task"));
        uint32_t literal = object && node->count == 1 ? json_member(&json, i, STR("$value")) : 0;
        if (i == 0 || (!reference && !literal)) {
            i++;
            continue;
        }
        buf_add(out, text.data + copied, node->start - copied);
        buf_add_str(out, reference ? values[(*used)++] : json_raw(&json, literal));
        copied = node->end;
        i = node->next;
    }
    buf_add(out, text.data + copied, text.len - copied);
    arena_done(&arena);
}
