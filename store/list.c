#include "store/list.h"

#include "base/mem.h"

/* Every index gives the tasks of one state newest first; a page merges up to one stream for each
 * state and kind. */
enum { STREAMS_MAX = STATE_COUNT * 2 };

struct stream {
    enum task_state state;
    const char *kind;
    int64_t next; /* seq of its next task; 0: at its end */
};

struct listing {
    struct db *db;
    const struct list_filter *filter;
    enum statement by; /* which index leads */
    struct stream streams[STREAMS_MAX];
    int count;
};

/* The first task of the stream that is older than before. */
static int64_t stream_next(struct listing *listing, const struct stream *stream, int64_t before)
{
    struct stmt *stmt = db_stmt(listing->db, listing->by);
    stmt_bind_int(stmt, ":before", before);
    if (listing->by == SQL_list_channel)
        stmt_bind_text(stmt, ":channel", listing->filter->channel);
    if (listing->by == SQL_list_function)
        stmt_bind_text(stmt, ":function", listing->filter->function);
    if (listing->by == SQL_list_state) {
        stmt_bind_text(stmt, ":state", str_of(state_text(stream->state)));
        stmt_bind_text(stmt, ":kind", str_of(stream->kind));
    }
    int64_t seq = stmt_step(stmt) ? stmt_int(stmt, 0) : 0;
    stmt_end(stmt);
    return seq;
}

static void add_stream(struct listing *listing, enum task_state state, const char *kind,
                       int64_t before)
{
    struct stream *stream = &listing->streams[listing->count++];
    *stream = (struct stream){.state = state, .kind = kind};
    stream->next = stream_next(listing, stream, before);
}

static bool state_wanted(const struct list_filter *filter, int state)
{
    return !filter->states || filter->states >> state & 1;
}

static bool kind_wanted(const struct list_filter *filter, const char *kind)
{
    return !filter->kind.data || str_eq(filter->kind, str_of(kind));
}

static void open_streams(struct listing *listing, int64_t before)
{
    const struct list_filter *filter = listing->filter;
    if (filter->channel.data)
        listing->by = SQL_list_channel;
    else if (filter->function.data)
        listing->by = SQL_list_function;
    else
        listing->by = filter->states || filter->kind.data ? SQL_list_state : SQL_list_all;
    if (listing->by != SQL_list_state) {
        add_stream(listing, STATE_QUEUED, NULL, before);
        return;
    }
    for (int state = 0; state < STATE_COUNT; state++) {
        if (!state_wanted(filter, state))
            continue;
        if (kind_wanted(filter, "task"))
            add_stream(listing, (enum task_state)state, "task", before);
        if (kind_wanted(filter, "meta"))
            add_stream(listing, (enum task_state)state, "meta", before);
    }
}

static struct stream *newest(struct listing *listing)
{
    struct stream *best = NULL;
    for (int i = 0; i < listing->count; i++) {
        struct stream *stream = &listing->streams[i];
        if (stream->next && (!best || stream->next > best->next))
            best = stream;
    }
    return best;
}

static bool passes(const struct list_filter *filter, const struct task_row *row)
{
    return state_wanted(filter, (int)row_state(row)) &&
           (!filter->kind.data || str_eq(filter->kind, row->kind)) &&
           (!filter->function.data || str_eq(filter->function, row->function)) &&
           row->created_at > filter->created_after && row->created_at < filter->created_before;
}

static int64_t created_at(struct db *db, int64_t seq, int64_t *found)
{
    struct stmt *stmt = db_stmt(db, SQL_created_at);
    stmt_bind_int(stmt, ":seq", seq);
    bool row = stmt_step(stmt);
    *found = row ? stmt_int(stmt, 0) : 0;
    int64_t at = row ? stmt_int(stmt, 1) : 0;
    stmt_end(stmt);
    return at;
}

/* The first seq that was created at or after the time: tasks are numbered as they are created, so
 * halving finds it. (A clock that was set back blurs this by as much as it was set.) */
static int64_t seq_at(struct db *db, int64_t time, int64_t high)
{
    int64_t low = 1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2, found;
        int64_t at = created_at(db, middle, &found);
        if (!found || at >= time)
            high = middle;
        else
            low = found + 1;
    }
    return low;
}

static int64_t last_seq(struct db *db)
{
    struct stmt *stmt = db_stmt(db, SQL_task_last_seq);
    int64_t last = stmt_step(stmt) ? stmt_int(stmt, 0) : 0;
    stmt_end(stmt);
    return last;
}

void list_tasks(struct db *db, const struct list_filter *filter,
                bool (*each)(void *arg, const struct task_row *row), void *arg, int64_t *next)
{
    struct listing listing = {.db = db, .filter = filter};
    int64_t end = last_seq(db) + 1;
    int64_t before = filter->before && filter->before < end ? filter->before : end;
    int64_t oldest =
        filter->created_after > LIST_OPEN_AFTER ? seq_at(db, filter->created_after, end) : 0;
    if (filter->created_before < LIST_OPEN_BEFORE) {
        int64_t first = seq_at(db, filter->created_before, end);
        before = first < before ? first : before;
    }
    int64_t found = 0, last = 0;
    bool more = true;
    *next = 0;
    open_streams(&listing, before);
    struct stream *stream;
    for (int64_t scanned = 0; (stream = newest(&listing)) && stream->next >= oldest; scanned++) {
        if (!more || found == filter->limit || scanned == LIST_SCAN_MAX) {
            *next = last;
            return;
        }
        struct arena arena = {0};
        struct task_row row;
        last = stream->next;
        if (row_by_seq(db, last, &row, &arena) && passes(filter, &row)) {
            more = each(arg, &row);
            found++;
        }
        stream->next = stream_next(&listing, stream, last);
        arena_done(&arena);
    }
}
