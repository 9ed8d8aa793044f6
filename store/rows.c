#include "store/rows.h"

#include "base/fault.h"
#include "base/json.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

static void read_INT(struct stmt *stmt, int column, int64_t *value, struct arena *arena)
{
    (void)arena;
    *value = stmt_int(stmt, column);
}

static void read_REAL(struct stmt *stmt, int column, double *value, struct arena *arena)
{
    (void)arena;
    *value = stmt_real(stmt, column);
}

static void read_TEXT(struct stmt *stmt, int column, struct str *value, struct arena *arena)
{
    *value = arena_str(arena, stmt_text(stmt, column));
}

void row_read(struct stmt *stmt, struct task_row *row, struct arena *arena)
{
    int column = 0;
#define X(name, type) read_##type(stmt, column++, &row->name, arena);
#include "store/columns.def"
#undef X
}

static bool row_one(struct stmt *stmt, struct task_row *row, struct arena *arena)
{
    bool found = stmt_step(stmt);
    if (found)
        row_read(stmt, row, arena);
    stmt_end(stmt);
    return found;
}

bool row_by_seq(struct db *db, int64_t seq, struct task_row *row, struct arena *arena)
{
    struct stmt *stmt = db_stmt(db, SQL_task_by_seq);
    stmt_bind_int(stmt, ":seq", seq);
    return row_one(stmt, row, arena);
}

bool row_by_id(struct db *db, struct str id, struct task_row *row, struct arena *arena)
{
    struct stmt *stmt = db_stmt(db, SQL_task_by_id);
    stmt_bind_text(stmt, ":id", id);
    return row_one(stmt, row, arena);
}

bool row_again(struct db *db, struct task_row *row, struct arena *arena)
{
    struct str state = row->state;
    return row_by_seq(db, row->seq, row, arena) && str_eq(row->state, state);
}

bool standing_by_id(struct db *db, struct str id, struct task_standing *standing)
{
    struct stmt *stmt = db_stmt(db, SQL_task_standing);
    stmt_bind_text(stmt, ":id", id);
    bool found = stmt_step(stmt);
    if (found) {
        standing->seq = stmt_int(stmt, 0);
        found = state_parse(stmt_text(stmt, 1), &standing->state);
        standing->result_gone = stmt_int(stmt, 2);
        standing->version = stmt_int(stmt, 3);
    }
    stmt_end(stmt);
    return found;
}

int64_t row_seq_by_id(struct db *db, struct str id)
{
    struct stmt *stmt = db_stmt(db, SQL_task_seq_by_id);
    stmt_bind_text(stmt, ":id", id);
    int64_t seq = stmt_step(stmt) ? stmt_int(stmt, 0) : 0;
    stmt_end(stmt);
    return seq;
}

#define bind_INT  stmt_bind_int
#define bind_REAL stmt_bind_real
#define bind_TEXT stmt_bind_text

void row_insert(struct db *db, const struct task_row *row)
{
    struct stmt *stmt = db_stmt(db, SQL_task_insert);
#define X(name, type) bind_##type(stmt, ":" #name, row->name);
#include "store/columns.def"
#undef X
    stmt_run(stmt);
}

static void bind_touched(struct stmt *stmt, const struct task_row *row)
{
    stmt_bind_int(stmt, ":seq", row->seq);
    stmt_bind_int(stmt, ":unresolved", row->unresolved);
    stmt_bind_text(stmt, ":progress", row->progress);
    stmt_bind_int(stmt, ":cancel_requested", row->cancel_requested);
    stmt_bind_int(stmt, ":silent", row->silent);
    stmt_bind_text(stmt, ":caused_by", row->caused_by);
    stmt_bind_int(stmt, ":result_gone", row->result_gone);
    stmt_bind_int(stmt, ":version", row->version);
}

/* Nobody else writes in the writer's transaction: a row that is not as it was read was changed by
 * us since then. */
static void run_on_one(struct db *db, struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    assert(changed == 1 || db_status(db) != DB_OK);
    (void)changed;
    (void)db;
}

void row_move(struct db *db, const struct task_row *row, enum task_state from)
{
    struct stmt *stmt = db_stmt(db, SQL_task_move);
    bind_touched(stmt, row);
    stmt_bind_text(stmt, ":from", str_of(state_text(from)));
    stmt_bind_text(stmt, ":state", row->state);
    stmt_bind_int(stmt, ":attempt", row->attempt);
    stmt_bind_int(stmt, ":failures", row->failures);
    stmt_bind_int(stmt, ":interruptions", row->interruptions);
    stmt_bind_int(stmt, ":winner", row->winner);
    stmt_bind_text(stmt, ":error", row->error);
    stmt_bind_int(stmt, ":run_at", row->run_at);
    stmt_bind_int(stmt, ":started_at", row->started_at);
    stmt_bind_int(stmt, ":finished_at", row->finished_at);
    stmt_bind_int(stmt, ":restarts", row->restarts);
    stmt_bind_int(stmt, ":pause", row->pause);
    stmt_bind_int(stmt, ":continued", row->continued);
    stmt_bind_int(stmt, ":queued_at", row->queued_at);
    run_on_one(db, stmt);
}

void row_touch(struct db *db, const struct task_row *row)
{
    struct stmt *stmt = db_stmt(db, SQL_task_touch);
    bind_touched(stmt, row);
    stmt_bind_int(stmt, ":subscribers", row->subscribers);
    stmt_bind_text(stmt, ":channels", row->channels);
    stmt_bind_text(stmt, ":cache_key", row->cache_key);
    stmt_bind_text(stmt, ":state", row->state);
    run_on_one(db, stmt);
}

/* Rows looked at. More than so many are needed only where so many of the oldest tasks were all
 * queued long after they were created, and others in between. */
enum { QUEUED_LOOK = 1000 };

/* Nobody is queued before being created: once a task is younger than the best so far, so are all
 * that follow. */
int64_t row_queued_since(struct db *db)
{
    static const char *const kinds[] = {"task", "meta"};
    int64_t since = 0;
    for (size_t i = 0; i < array_size(kinds); i++) {
        struct stmt *stmt = db_stmt(db, SQL_queued_first);
        stmt_bind_text(stmt, ":kind", str_of(kinds[i]));
        stmt_bind_int(stmt, ":limit", QUEUED_LOOK);
        while (stmt_step(stmt) && (!since || stmt_int(stmt, 1) < since)) {
            if (!since || stmt_int(stmt, 0) < since)
                since = stmt_int(stmt, 0);
        }
        stmt_end(stmt);
    }
    return since;
}

enum task_state row_state(const struct task_row *row)
{
    enum task_state state = STATE_FAILED;
    bool known = state_parse(row->state, &state);
    assert(known);
    (void)known;
    return state;
}

bool row_is_meta(const struct task_row *row)
{
    return str_eq(row->kind, STR("meta"));
}

bool row_has_dependencies(const struct task_row *row)
{
    return row_is_meta(row) || row->continued;
}

/* One by one, by their whole names: the table is in the order of these, and SQLite's own JSON
 * functions cut a name at U+0000. */
static void channels_delete(struct db *db, const struct task_row *row)
{
    struct arena arena = {0};
    struct json json = {0};
    struct json_error error;
    json_parse(row->channels, JSON_MAX_DEPTH, &arena, &json, &error);
    for (uint32_t i = 1; i < json.count; i++) {
        struct stmt *stmt = db_stmt(db, SQL_channel_delete);
        stmt_bind_text(stmt, ":channel", json_string(&json, i, &arena));
        stmt_bind_int(stmt, ":task", row->seq);
        stmt_run(stmt);
    }
    arena_done(&arena);
}

static void dependency_forget(struct db *db, const struct task_row *row)
{
    struct stmt *stmt = db_stmt(db, SQL_dependency_forget);
    stmt_bind_int(stmt, ":dependency", row->seq);
    stmt_bind_int(stmt, ":version", row->version);
    stmt_run(stmt);
}

void row_delete(struct db *db, const struct task_row *row)
{
    static const enum statement deletes[] = {SQL_payload_delete,      SQL_result_delete,
                                             SQL_dependencies_delete, SQL_subscriptions_delete,
                                             SQL_logs_delete,         SQL_log_totals_delete,
                                             SQL_leases_delete,       SQL_task_delete};
    if (row->channels.data)
        channels_delete(db, row);
    dependency_forget(db, row);
    for (size_t i = 0; i < array_size(deletes); i++) {
        struct stmt *stmt = db_stmt(db, deletes[i]);
        stmt_bind_int(stmt, ":task", row->seq);
        stmt_run(stmt);
        CRASH_POINT(half_removed);
    }
}

void payload_insert(struct db *db, int64_t task, const struct payload *payload)
{
    if (str_eq(payload->args, STR("[]")) && str_eq(payload->kwargs, STR("{}")) &&
        !payload->metadata.data)
        return;
    struct stmt *stmt = db_stmt(db, SQL_payload_insert);
    stmt_bind_int(stmt, ":task", task);
    stmt_bind_text(stmt, ":args", payload->args);
    stmt_bind_text(stmt, ":kwargs", payload->kwargs);
    stmt_bind_text(stmt, ":metadata", payload->metadata);
    stmt_run(stmt);
}

void payload_read(struct db *db, int64_t task, struct payload *payload, struct arena *arena)
{
    *payload = (struct payload){.args = STR("[]"), .kwargs = STR("{}")};
    struct stmt *stmt = db_stmt(db, SQL_payload);
    stmt_bind_int(stmt, ":task", task);
    if (stmt_step(stmt)) {
        payload->args = arena_str(arena, stmt_text(stmt, 0));
        payload->kwargs = arena_str(arena, stmt_text(stmt, 1));
        payload->metadata = arena_str(arena, stmt_text(stmt, 2));
    }
    stmt_end(stmt);
}

struct task_sizes task_sizes_read(struct db *db, int64_t task)
{
    struct task_sizes sizes = {0};
    struct stmt *stmt = db_stmt(db, SQL_task_sizes);
    stmt_bind_int(stmt, ":task", task);
    if (stmt_step(stmt)) {
        sizes.sent = stmt_int(stmt, 0) + stmt_int(stmt, 1);
        sizes.result = stmt_int(stmt, 2);
    }
    stmt_end(stmt);
    return sizes;
}

struct str result_read(struct db *db, int64_t task, struct arena *arena)
{
    struct stmt *stmt = db_stmt(db, SQL_result);
    stmt_bind_int(stmt, ":task", task);
    struct str value = stmt_step(stmt) ? arena_str(arena, stmt_text(stmt, 0)) : STR_NONE;
    stmt_end(stmt);
    return value;
}

void result_insert(struct db *db, int64_t task, struct str value)
{
    struct stmt *stmt = db_stmt(db, SQL_result_insert);
    stmt_bind_int(stmt, ":task", task);
    stmt_bind_text(stmt, ":value", value);
    stmt_run(stmt);
}

void result_delete(struct db *db, int64_t task)
{
    struct stmt *stmt = db_stmt(db, SQL_result_delete);
    stmt_bind_int(stmt, ":task", task);
    stmt_run(stmt);
}

void channel_insert(struct db *db, int64_t task, struct str channel)
{
    struct stmt *stmt = db_stmt(db, SQL_channel_insert);
    stmt_bind_text(stmt, ":channel", channel);
    stmt_bind_int(stmt, ":task", task);
    stmt_run(stmt);
}

void dependency_insert(struct db *db, int64_t task, const struct dependency_place *place)
{
    struct stmt *stmt = db_stmt(db, SQL_dependency_insert);
    stmt_bind_int(stmt, ":task", task);
    stmt_bind_int(stmt, ":position", place->position);
    stmt_bind_int(stmt, ":dependency", place->dependency);
    stmt_bind_text(stmt, ":at", place->at);
    stmt_bind_int(stmt, ":optional", place->optional);
    stmt_run(stmt);
}

bool row_needed(struct db *db, int64_t seq)
{
    struct stmt *stmt = db_stmt(db, SQL_needed);
    stmt_bind_int(stmt, ":dependency", seq);
    bool needed = stmt_step(stmt);
    stmt_end(stmt);
    return needed;
}

size_t dependencies_read(struct db *db, int64_t task, struct dependency_row **rows,
                         struct arena *arena)
{
    size_t count = 0, capacity = 0;
    struct dependency_row *items = NULL;
    struct stmt *stmt = db_stmt(db, SQL_dependencies_of);
    stmt_bind_int(stmt, ":task", task);
    while (stmt_step(stmt)) {
        if (count == capacity) {
            struct dependency_row *old = items;
            capacity = capacity ? capacity * 2 : 8;
            items = ARENA_ARRAY(arena, struct dependency_row, capacity);
            if (count)
                memcpy(items, old, count * sizeof(*items));
        }
        items[count++] = (struct dependency_row){.id = arena_str(arena, stmt_text(stmt, 0)),
                                                 .state = arena_str(arena, stmt_text(stmt, 1)),
                                                 .at = arena_str(arena, stmt_text(stmt, 2)),
                                                 .version = stmt_int(stmt, 3)};
    }
    *rows = items;
    return count;
}
