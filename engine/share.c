#include "engine/share.h"

#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"

bool share_holder(struct db *db, struct str key, struct task_row *row, struct arena *arena)
{
    struct stmt *stmt = db_stmt(db, SQL_key_holder);
    stmt_bind_text(stmt, ":key", key);
    bool found = stmt_step(stmt);
    if (found)
        row_read(stmt, row, arena);
    stmt_end(stmt);
    return found;
}

bool share_free(struct db *db, struct str key)
{
    struct stmt *stmt = db_stmt(db, SQL_key_free);
    stmt_bind_text(stmt, ":key", key);
    return stmt_run(stmt) > 0;
}

/* Stored channels are written by one function, so equal names are equal texts. */
static bool has_channel(const struct json *json, struct str quoted)
{
    for (uint32_t i = 1; i < json->count; i++) {
        if (str_eq(json_raw(json, i), quoted))
            return true;
    }
    return false;
}

/* Adds what is new of the spec's channels to a JSON array, in the arena. */
static struct str add_channels(struct str have, const struct spec *spec, struct arena *arena)
{
    struct json json = {0};
    struct json_error error;
    struct buf all = {0}, quoted = {0};
    if (!have.data || !json_parse(have, JSON_MAX_DEPTH, arena, &json, &error))
        return spec->channels_json;
    buf_add(&all, have.data, have.len - 1);
    for (size_t i = 0; i < spec->channel_count; i++) {
        quoted.len = 0;
        buf_add_json(&quoted, spec->channels[i]);
        if (has_channel(&json, buf_str(&quoted)))
            continue;
        buf_add_char(&all, ',');
        buf_add_str(&all, buf_str(&quoted));
    }
    buf_add_char(&all, ']');
    struct str channels = arena_str(arena, buf_str(&all));
    buf_done(&all);
    buf_done(&quoted);
    return channels;
}

void share_join(struct txn *txn, int64_t task, const struct spec *spec)
{
    struct task_row row;
    if ((spec->inner && !spec->channel_count) || !row_by_seq(txn->db, task, &row, &txn->arena))
        return;
    row.subscribers += !spec->inner;
    row.channels =
        spec->channel_count ? add_channels(row.channels, spec, &txn->arena) : row.channels;
    row.version++;
    row_touch(txn->db, &row);
    for (size_t i = 0; i < spec->channel_count; i++)
        channel_insert(txn->db, task, spec->channels[i]);
}

struct str share_subscribe(struct txn *txn, int64_t task, struct arena *arena)
{
    char id[ID_UUID_LEN + 1];
    id_new(txn->now, id);
    struct stmt *stmt = db_stmt(txn->db, SQL_subscription_insert);
    stmt_bind_text(stmt, ":id", str_of(id));
    stmt_bind_int(stmt, ":task", task);
    stmt_run(stmt);
    return arena_str(arena, str_of(id));
}

bool share_unsubscribe(struct txn *txn, int64_t task, struct str subscription)
{
    struct stmt *stmt = db_stmt(txn->db, SQL_subscription_delete);
    stmt_bind_text(stmt, ":id", subscription);
    stmt_bind_int(stmt, ":task", task);
    return stmt_run(stmt) > 0;
}
