#include "engine/channel_set.h"

#include "base/json.h"
#include "base/mem.h"

struct known {
    struct map_node node;
    struct str name;
};

static bool is_known(const struct map *map, struct str name)
{
    for (struct map_node *n = map_find(map, map_hash_str(name)); n; n = map_next(n)) {
        if (str_eq(container_of(n, struct known, node)->name, name))
            return true;
    }
    return false;
}

bool channel_set_add(struct channel_set *set, struct str name, struct arena *arena)
{
    if (is_known(&set->known, name))
        return false;
    struct known *known = ARENA_NEW(arena, struct known);
    known->name = name;
    map_put(&set->known, &known->node, map_hash_str(name));
    buf_add_char(&set->names, set->count++ ? ',' : '[');
    buf_add_str(&set->names, name);
    return true;
}

void channel_set_add_all(struct channel_set *set, struct str array, struct arena *arena)
{
    struct json json;
    struct json_error error;
    if (!array.data || !json_parse(array, JSON_MAX_DEPTH, arena, &json, &error))
        return;
    for (uint32_t i = 1; i < json.count; i++)
        channel_set_add(set, json_raw(&json, i), arena);
}

struct str channel_set_take(struct channel_set *set, struct arena *arena)
{
    struct str array = STR_NONE;
    if (set->count) {
        buf_add_char(&set->names, ']');
        array = arena_str(arena, buf_str(&set->names));
    }
    map_done(&set->known);
    buf_done(&set->names);
    set->count = 0;
    return array;
}
