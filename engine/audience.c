#include "engine/audience.h"

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"

#include <string.h>

bool audience_exists(struct db *db, int64_t seq)
{
    struct stmt *stmt = db_stmt(db, SQL_has_dependents);
    stmt_bind_int(stmt, ":seq", seq);
    bool has = stmt_step(stmt);
    stmt_end(stmt);
    return has;
}

size_t audience_ancestors(struct txn *txn, int64_t seq, struct task_row **rows)
{
    size_t count = 0, capacity = 0;
    struct task_row *found = NULL;
    *rows = NULL;
    if (!audience_exists(txn->db, seq)) /* nearly always: spares the recursive query */
        return 0;
    struct stmt *stmt = db_stmt(txn->db, SQL_ancestors);
    stmt_bind_int(stmt, ":seq", seq);
    while (stmt_step(stmt)) {
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 8;
            struct task_row *grown = ARENA_ARRAY(&txn->arena, struct task_row, capacity);
            if (count)
                memcpy(grown, found, count * sizeof(*grown));
            found = grown;
        }
        row_read(stmt, &found[count++], &txn->arena);
    }
    *rows = found;
    return count;
}

struct heard {
    struct map_node node;
    struct str name; /* as it stands in the JSON, quotes included */
};

static bool heard_already(const struct map *map, struct str name)
{
    for (struct map_node *n = map_find(map, map_hash_str(name)); n; n = map_next(n)) {
        if (str_eq(container_of(n, struct heard, node)->name, name))
            return true;
    }
    return false;
}

/* Stored channels are written by one function, so equal names are equal texts. */
static void add_channels(struct txn *txn, struct str channels, struct map *map, struct buf *out)
{
    struct json json;
    struct json_error error;
    if (!channels.data || !json_parse(channels, JSON_MAX_DEPTH, &txn->arena, &json, &error))
        return;
    for (uint32_t i = 1; i < json.count; i++) {
        struct str name = json_raw(&json, i);
        if (heard_already(map, name))
            continue;
        struct heard *heard = ARENA_NEW(&txn->arena, struct heard);
        heard->name = name;
        map_put(map, &heard->node, map_hash_str(name));
        buf_add_char(out, out->len ? ',' : '[');
        buf_add_str(out, name);
    }
}

struct str audience_of(struct txn *txn, const struct task_row *row)
{
    struct task_row *ancestors;
    size_t count = audience_ancestors(txn, row->seq, &ancestors);
    if (!count)
        return row->channels;
    struct map map = {0};
    struct buf all = {0};
    add_channels(txn, row->channels, &map, &all);
    for (size_t i = 0; i < count; i++)
        add_channels(txn, ancestors[i].channels, &map, &all);
    if (all.len)
        buf_add_char(&all, ']');
    struct str channels = all.len ? arena_str(&txn->arena, buf_str(&all)) : STR_NONE;
    buf_done(&all);
    map_done(&map);
    return channels;
}
