#include "engine/share.h"

#include "base/id.h"
#include "base/json.h"
#include "engine/channel_set.h"

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

struct joining {
    const struct spec *spec;
    struct joining *next;
};

void share_add(struct share **share, const struct spec *spec, struct arena *arena)
{
    struct joining *joining = ARENA_NEW(arena, struct joining);
    joining->spec = spec;
    if (!*share) {
        *share = ARENA_NEW(arena, struct share);
        (*share)->last = &(*share)->first;
    }
    *(*share)->last = joining;
    (*share)->last = &joining->next;
    (*share)->named += spec->channel_count;
    (*share)->subscribers += !spec->inner;
    (*share)->changes += !spec->inner || spec->channel_count;
}

/* False: there is no room for all of them. */
static bool add_channels(struct share *share, struct channel_set *all, const struct spec *spec,
                         struct str *added, struct arena *arena)
{
    struct json json;
    struct json_error error;
    if (!spec->channel_count ||
        !json_parse(spec->channels_json, JSON_MAX_DEPTH, arena, &json, &error))
        return true;
    for (uint32_t i = 0; i < spec->channel_count; i++) { /* the same names in the same order */
        if (!channel_set_add(all, json_raw(&json, i + 1), arena))
            continue;
        if (all->count > SHARED_CHANNELS_MAX)
            return false;
        added[share->added_count++] = spec->channels[i];
    }
    return true;
}

const struct spec *share_merge(struct share *share, struct str channels, struct arena *arena)
{
    if (!share->named)
        return NULL;
    struct channel_set all = {0};
    struct str *added = ARENA_ARRAY(arena, struct str, share->named);
    const struct joining *joining = share->first;
    channel_set_add_all(&all, channels, arena);
    while (joining && add_channels(share, &all, joining->spec, added, arena))
        joining = joining->next;
    struct str merged = channel_set_take(&all, arena);
    share->added = added;
    share->channels = share->added_count ? merged : STR_NONE;
    return joining ? joining->spec : NULL;
}

void share_store(struct txn *txn, int64_t task, const struct share *share)
{
    struct stmt *stmt = db_stmt(txn->db, SQL_task_share);
    stmt_bind_int(stmt, ":seq", task);
    stmt_bind_int(stmt, ":subscribers", share->subscribers);
    stmt_bind_text(stmt, ":channels", share->channels);
    stmt_bind_int(stmt, ":changes", share->changes);
    stmt_run(stmt);
    for (size_t i = 0; i < share->added_count; i++)
        channel_insert(txn->db, task, share->added[i]);
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
