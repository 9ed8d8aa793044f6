/* SQLite's JSON functions, made anew with our own parser. */
#include "store/sqlite.h"

#include "base/json.h"
#include "base/mem.h"

#include <limits.h>

static struct str text_of(sqlite3_value *value)
{
    const char *text = (const char *)sqlite3_value_text(value);
    return text ? (struct str){text, (size_t)sqlite3_value_bytes(value)} : STR_NONE;
}

static void give_text(sqlite3_context *context, struct str text)
{
    sqlite3_result_text64(context, text.data, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void json_valid(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct buf squeezed = {0};
    struct json_error error;
    (void)count;
    sqlite3_result_int(context, json_squeeze(text_of(values[0]), UINT_MAX, &squeezed, &error));
    buf_done(&squeezed);
}

/* NULL, SQL's, where there is nothing. */
static void give_member(sqlite3_context *context, const struct json *json, struct str name,
                        struct arena *arena)
{
    uint32_t node = json->nodes[0].type == JSON_OBJECT ? json_member(json, 0, name) : 0;
    if (node && json->nodes[node].type == JSON_STRING)
        give_text(context, json_string(json, node, arena));
    else if (node && json->nodes[node].type != JSON_NULL)
        give_text(context, json_raw(json, node));
}

static void json_extract(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct arena arena = {0};
    struct json json;
    struct json_error error;
    struct str path = text_of(values[1]);
    (void)count;
    if (!str_starts(path, STR("$.")))
        sqlite3_result_error(context, "only the path of a member is known here", -1);
    else if (json_parse(text_of(values[0]), UINT_MAX, &arena, &json, &error))
        give_member(context, &json, (struct str){path.data + 2, path.len - 2}, &arena);
    arena_done(&arena);
}

static void json_quote(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct buf quoted = {0};
    (void)count;
    buf_add_json(&quoted, text_of(values[0]));
    give_text(context, buf_str(&quoted));
    buf_done(&quoted);
}

void db_use_own_json(struct db *db)
{
    static const struct {
        const char *name;
        int arguments;
        void (*run)(sqlite3_context *context, int count, sqlite3_value **values);
    } functions[] = {{"json_valid", 1, json_valid},
                     {"json_extract", 2, json_extract},
                     {"json_quote", 1, json_quote}};
    for (size_t i = 0; i < array_size(functions); i++)
        sqlite3_create_function_v2(db->handle, functions[i].name, functions[i].arguments,
                                   SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, functions[i].run, NULL,
                                   NULL, NULL);
}
