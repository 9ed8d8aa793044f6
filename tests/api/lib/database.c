#include "tests/api/lib/database.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"

static sqlite3 *open_database(struct scenario *s, const char *name)
{
    sqlite3 *db;
    if (sqlite3_open(folder_path(s, name), &db) != SQLITE_OK)
        fail_at(HERE, "%s: %s", name, sqlite3_errmsg(db));
    sqlite3_busy_timeout(db, DEADLINE_MS);
    return db;
}

void database_run(struct scenario *s, const char *name, const char *script)
{
    sqlite3 *db = open_database(s, name);
    char *message = NULL;
    if (sqlite3_exec(db, script, NULL, NULL, &message) != SQLITE_OK)
        fail_at(HERE, "%s: %s: %s", name, message, script);
    sqlite3_close(db);
}

void database_fold(struct scenario *s, const char *name)
{
    database_run(s, name, "PRAGMA journal_mode = DELETE");
}

const char *database_ask(struct scenario *s, const char *name, const char *query)
{
    sqlite3 *db = open_database(s, name);
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, query, -1, &stmt, NULL) != SQLITE_OK)
        fail_at(HERE, "%s: %s: %s", name, sqlite3_errmsg(db), query);
    const char *answer = "";
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0))
        answer = text(s, "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return answer;
}

struct bytes file_bytes(struct scenario *s, const char *name)
{
    char *data = NULL;
    size_t length = 0, room = 0, got;
    FILE *file = fopen(folder_path(s, name), "rb");
    if (!file)
        fail_at(HERE, "there is no %s", name);
    do {
        room = room ? room * 2 : 65536;
        data = realloc(data, room);
        if (!data)
            abort();
        got = fread(data + length, 1, room - length, file);
        length += got;
    } while (length == room);
    (void)fclose(file);
    at_end(s, free, data);
    return (struct bytes){data, length};
}

void file_put(struct scenario *s, const char *name, struct bytes bytes)
{
    FILE *file = fopen(folder_path(s, name), "wb");
    if (!file || fwrite(bytes.data, 1, bytes.length, file) != bytes.length || fclose(file) != 0)
        fail_at(HERE, "cannot write %s", name);
}

void file_copy(struct scenario *s, const char *from, const char *to)
{
    file_put(s, to, file_bytes(s, from));
}

void file_poke(struct scenario *s, const char *name, size_t at, struct bytes bytes)
{
    struct bytes all = file_bytes(s, name);
    if (at + bytes.length > all.length)
        fail_at(HERE, "%s has no byte %zu", name, at + bytes.length);
    char *changed = keep_bytes(s, all.data, all.length);
    memcpy(changed + at, bytes.data, bytes.length);
    file_put(s, name, (struct bytes){changed, all.length});
}

void file_expect(struct scenario *s, const char *name, struct bytes want, struct place place)
{
    struct bytes have = file_bytes(s, name);
    if (have.length != want.length || memcmp(have.data, want.data, want.length) != 0)
        fail_at(place, "%s is not as it was", name);
}
