#include "store/logs.h"

#include <string.h>

struct totals {
    int64_t head_bytes, tail_bytes, dropped_bytes, dropped_lines;
};

static struct totals totals_read(struct db *db, int64_t task)
{
    struct totals totals = {0};
    struct stmt *stmt = db_stmt(db, SQL_log_totals);
    stmt_bind_int(stmt, ":task", task);
    if (stmt_step(stmt))
        totals = (struct totals){stmt_int(stmt, 0), stmt_int(stmt, 1), stmt_int(stmt, 2),
                                 stmt_int(stmt, 3)};
    stmt_end(stmt);
    return totals;
}

static void totals_save(struct db *db, int64_t task, const struct totals *totals)
{
    struct stmt *stmt = db_stmt(db, SQL_log_totals_save);
    stmt_bind_int(stmt, ":task", task);
    stmt_bind_int(stmt, ":head_bytes", totals->head_bytes);
    stmt_bind_int(stmt, ":tail_bytes", totals->tail_bytes);
    stmt_bind_int(stmt, ":dropped_bytes", totals->dropped_bytes);
    stmt_bind_int(stmt, ":dropped_lines", totals->dropped_lines);
    stmt_run(stmt);
}

static int64_t count_lines(struct str text)
{
    int64_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines;
}

/* False: there is nothing left to drop. */
static bool drop_oldest(struct db *db, int64_t task, struct totals *totals)
{
    struct stmt *stmt = db_stmt(db, SQL_log_oldest_tail);
    stmt_bind_int(stmt, ":task", task);
    bool found = stmt_step(stmt);
    int64_t id = found ? stmt_int(stmt, 0) : 0;
    int64_t lines = found ? stmt_int(stmt, 1) : 0;
    int64_t bytes = found ? stmt_int(stmt, 2) : 0;
    stmt_end(stmt);
    if (!found)
        return false;
    stmt = db_stmt(db, SQL_log_delete);
    stmt_bind_int(stmt, ":id", id);
    stmt_run(stmt);
    totals->tail_bytes -= bytes;
    totals->dropped_bytes += bytes;
    totals->dropped_lines += lines;
    return true;
}

/* Whole lines, as many as fit, and one at least. Who follows a log and takes nothing holds one. */
static struct str next_piece(struct str *rest)
{
    struct str piece = *rest;
    if (rest->len > LOG_PIECE) {
        const char *end = memrchr(rest->data, '\n', LOG_PIECE);
        if (!end)
            end = memchr(rest->data + LOG_PIECE, '\n', rest->len - LOG_PIECE);
        piece.len = end ? (size_t)(end + 1 - rest->data) : rest->len;
    }
    rest->data += piece.len;
    rest->len -= piece.len;
    return piece;
}

static void insert_piece(struct db *db, int64_t task, struct str text, bool head)
{
    struct stmt *stmt = db_stmt(db, SQL_log_insert);
    stmt_bind_int(stmt, ":task", task);
    stmt_bind_int(stmt, ":head", head);
    stmt_bind_int(stmt, ":lines", count_lines(text));
    stmt_bind_text(stmt, ":text", text);
    stmt_run(stmt);
}

void log_append(struct db *db, int64_t task, struct str text, int64_t dropped_lines,
                int64_t dropped_bytes)
{
    struct totals totals = totals_read(db, task);
    totals.dropped_lines += dropped_lines;
    totals.dropped_bytes += dropped_bytes;
    while (text.len) {
        struct str piece = next_piece(&text);
        bool head = !dropped_lines && !totals.tail_bytes &&
                    totals.head_bytes + (int64_t)piece.len <= LOG_MAX / 2;
        *(head ? &totals.head_bytes : &totals.tail_bytes) += (int64_t)piece.len;
        insert_piece(db, task, piece, head);
        while (totals.head_bytes + totals.tail_bytes > LOG_MAX && drop_oldest(db, task, &totals))
            ;
    }
    totals_save(db, task, &totals);
}

static bool read_pieces(struct db *db, int64_t task, int64_t *cursor, int limit, bool *past_gap,
                        struct buf *out)
{
    struct totals totals = totals_read(db, task);
    bool some = false;
    struct stmt *stmt = db_stmt(db, SQL_log_read);
    stmt_bind_int(stmt, ":task", task);
    stmt_bind_int(stmt, ":after", *cursor);
    stmt_bind_int(stmt, ":limit", limit);
    while (stmt_step(stmt)) {
        bool head = stmt_int(stmt, 1);
        some = true;
        *cursor = stmt_int(stmt, 0);
        if (!head && !*past_gap && totals.dropped_lines)
            buf_addf(out, "... %lld lines (%lld bytes) left out here ...\n",
                     (long long)totals.dropped_lines, (long long)totals.dropped_bytes);
        *past_gap = *past_gap || !head;
        buf_add_str(out, stmt_text(stmt, 2));
    }
    return some;
}

void log_read(struct db *db, int64_t task, struct buf *out)
{
    int64_t cursor = 0;
    bool past_gap = false;
    read_pieces(db, task, &cursor, -1, &past_gap, out);
}

bool log_read_on(struct db *db, int64_t task, int64_t *cursor, bool *past_gap, struct buf *out)
{
    return read_pieces(db, task, cursor, 1, past_gap, out);
}
