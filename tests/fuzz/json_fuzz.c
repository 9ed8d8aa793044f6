/* Whatever bytes come: json_parse takes them if and only if RFC 8259 does, and the rest of
 * base/json.h keeps its word. */
#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/rfc8259.h"

#include <cjson/cJSON.h>

/* Children lie inside their parent, in order, and are as many as it says. */
static void check_children(const struct json *json, uint32_t parent)
{
    const struct json_node *nodes = json->nodes;
    bool object = nodes[parent].type == JSON_OBJECT;
    uint32_t at = nodes[parent].start, found = 0;
    for (uint32_t i = parent + 1; i < nodes[parent].next; i = nodes[i].next, found++) {
        must(nodes[i].start > at && nodes[i].end < nodes[parent].end);
        must(nodes[i].next > i && nodes[i].next <= nodes[parent].next);
        must(!object || found % 2 || nodes[i].type == JSON_STRING);
        at = nodes[i].end - 1;
    }
    must(found == nodes[parent].count * (object ? 2 : 1));
}

/* A string read, written and read again is the same string. */
static void check_string(const struct json *json, uint32_t node, struct arena *arena)
{
    struct str value = json_string(json, node, arena);
    must(str_utf8(value) && json_string_is(json, node, value));
    struct buf buf = {0};
    buf_add_json(&buf, value);
    struct json again;
    struct json_error error;
    must(json_parse(buf_str(&buf), 0, arena, &again, &error));
    must(str_eq(json_string(&again, 0, arena), value));
    buf_done(&buf);
}

/* Where the double is exact, the integer is the same number. */
static void check_number(const struct json *json, uint32_t node)
{
    int64_t value;
    double number = json_double(json, node);
    must(number == number);
    if (json_int(json, node, &value))
        must((double)value == number);
    else
        must(!(json_raw(json, node).len < 16 && number > -1e15 && number < 1e15 &&
               (double)(int64_t)number == number && number != 0));
}

static void check_nodes(const struct json *json, struct arena *arena)
{
    must(json->count > 0 && json->nodes[0].next == json->count);
    for (uint32_t i = 0; i < json->count; i++) {
        const struct json_node *node = &json->nodes[i];
        must(node->start < node->end && node->end <= json->text.len);
        if (node->type == JSON_ARRAY || node->type == JSON_OBJECT)
            check_children(json, i);
        else
            must(node->next == i + 1 && node->count == 0);
        if (node->type == JSON_STRING)
            check_string(json, i, arena);
        if (node->type == JSON_NUMBER)
            check_number(json, i);
    }
}

/* One line of JSON with the same nodes, which cannot be made shorter. */
static void check_minified(const struct json *json, struct arena *arena)
{
    struct buf once = {0}, twice = {0};
    struct json again;
    struct json_error error;
    json_minify(json, 0, &once);
    must(!memchr(once.data, '\n', once.len) && once.len <= json->text.len);
    must(json_parse(buf_str(&once), JSON_MAX_DEPTH, arena, &again, &error));
    must(again.count == json->count);
    for (uint32_t i = 0; i < json->count; i++)
        must(again.nodes[i].next == json->nodes[i].next &&
             again.nodes[i].type == json->nodes[i].type);
    json_minify(&again, 0, &twice);
    must(str_eq(buf_str(&once), buf_str(&twice)));
    buf_done(&once);
    buf_done(&twice);
}

/* cJSON is the more lenient one, but for half surrogate pairs and numbers of more than 63 bytes. */
static bool in_reach_of_cjson(const struct json *json)
{
    for (uint32_t i = 0; i < json->count; i++) {
        const struct json_node *node = &json->nodes[i];
        if (node->escaped || (node->type == JSON_NUMBER && node->end - node->start > 63))
            return false;
    }
    return true;
}

static void check_tree(const struct json *json)
{
    struct json_error error = {0};
    cJSON *tree = json_tree(json->text, &error);
    must((tree != NULL) == (error.what == NULL) && error.offset <= json->text.len);
    cJSON_Delete(tree);
    if (!in_reach_of_cjson(json))
        return;
    tree = cJSON_ParseWithLength(json->text.data, json->text.len);
    must(tree != NULL);
    must((uint32_t)cJSON_GetArraySize(tree) == json->nodes[0].count);
    cJSON_Delete(tree);
}

/* Written by what is known of the nodes alone. Recursion is as deep as the JSON. */
static void print(const struct json *json, uint32_t node, struct arena *arena, struct buf *out)
{
    const struct json_node *nodes = json->nodes;
    bool object = nodes[node].type == JSON_OBJECT;
    if (nodes[node].type == JSON_STRING) {
        buf_add_json(out, json_string(json, node, arena));
        return;
    }
    if (nodes[node].type < JSON_ARRAY) {
        buf_add_str(out, json_raw(json, node));
        return;
    }
    buf_add_char(out, object ? '{' : '[');
    for (uint32_t i = node + 1, k = 0; i < nodes[node].next; i = nodes[i].next, k++) {
        if (k)
            buf_add_char(out, object && k % 2 ? ':' : ',');
        print(json, i, arena, out);
    }
    buf_add_char(out, object ? '}' : ']');
}

/* What parses is printed and parses again to the same. */
static void check_printed(const struct json *json, struct arena *arena)
{
    struct buf once = {0}, twice = {0};
    print(json, 0, arena, &once);
    struct json again = must_parse(buf_str(&once), arena);
    must(again.count == json->count);
    for (uint32_t i = 0; i < json->count; i++) {
        must(again.nodes[i].type == json->nodes[i].type);
        must(again.nodes[i].next == json->nodes[i].next);
        if (json->nodes[i].type == JSON_STRING)
            must(json_string_is(&again, i, json_string(json, i, arena)));
    }
    print(&again, 0, arena, &twice);
    must(str_eq(buf_str(&once), buf_str(&twice)));
    buf_done(&once);
    buf_done(&twice);
}

/* As the other judge sees it. too_deep: what was refused was refused for its depth. */
static void check_refused(struct str text, bool valid, size_t depth, bool too_deep,
                          struct arena *arena)
{
    struct json json;
    struct json_error error = {0};
    must(!valid || (too_deep && depth > JSON_MAX_DEPTH));
    must(json_parse(text, UINT32_MAX, arena, &json, &error) == valid);
    must(!json_tree(text, &error));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct json json;
    struct json_error error = {0};
    struct str text = {(const char *)data, size};
    size_t depth;
    bool valid = rfc8259_valid(text, &depth);
    if (json_parse(text, JSON_MAX_DEPTH, &arena, &json, &error)) {
        must(valid && depth <= JSON_MAX_DEPTH);
        check_nodes(&json, &arena);
        check_minified(&json, &arena);
        check_printed(&json, &arena);
        check_tree(&json);
    } else {
        must(error.what && error.offset <= size);
        check_refused(text, valid, depth, error.too_deep, &arena);
    }
    arena_done(&arena);
    return 0;
}
