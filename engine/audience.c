#include "engine/audience.h"

#include "engine/channel_set.h"

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

struct str audience_of(struct txn *txn, const struct task_row *row)
{
    struct task_row *ancestors;
    size_t count = audience_ancestors(txn, row->seq, &ancestors);
    if (!count)
        return row->channels;
    struct channel_set all = {0};
    channel_set_add_all(&all, row->channels, &txn->arena);
    for (size_t i = 0; i < count; i++)
        channel_set_add_all(&all, ancestors[i].channels, &txn->arena);
    return channel_set_take(&all, &txn->arena);
}
