/* How a subscriber that lags gets what it missed: from the ring of recent frames
 * or, further back, from the store, a piece at a time. */
#include "model/state.h"
#include "server/subscriber.h"
#include "store/logs.h"

/* Stored events looked at before the others get their turn. */
enum { SLICE = 256 };

/* Takes matching frames of the ring after the cursor, as many as there is room for. */
static void read_ring(struct subscriber *s)
{
    struct hub *hub = s->hub;
    size_t low = 0, high = hub->ring_count;
    while (low < high) { /* the first frame after the cursor */
        size_t middle = (low + high) / 2;
        if (hub->ring[(hub->ring_first + middle) % RING_FRAMES]->id <= s->cursor)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < hub->ring_count && s->pending_count < PENDING_MAX; low++) {
        struct frame *frame = hub->ring[(hub->ring_first + low) % RING_FRAMES];
        s->cursor = frame->id;
        if (filter_passes(s->filter, frame))
            subscriber_push(s, frame_ref(frame));
    }
    s->live = low == hub->ring_count && s->pending_count < PENDING_MAX;
}

/* Takes matching events of the store after the cursor; false: it has no more. */
static bool read_store(struct subscriber *s)
{
    struct arena arena = {0};
    bool own = s->filter->seq != 0;
    struct stmt *stmt = db_stmt(s->hub->db, own ? SQL_task_events_after : SQL_events_after);
    if (own)
        stmt_bind_int(stmt, ":task", s->filter->seq);
    stmt_bind_int(stmt, ":after", s->cursor);
    stmt_bind_int(stmt, ":limit", SLICE);
    int rows = 0;
    while (s->pending_count < PENDING_MAX && !s->ending && stmt_step(stmt)) {
        struct event event;
        struct str data = stmt_text(stmt, 1);
        s->cursor = stmt_int(stmt, 0);
        rows++;
        if (!frame_parse(data, &arena, &event))
            continue;
        struct frame *frame = frame_new(s->cursor, s->filter->seq, &event, data);
        if (filter_passes(s->filter, frame))
            subscriber_push(s, frame_ref(frame));
        s->ending = own && frame->ends;
        frame_unref(frame);
    }
    stmt_end(stmt);
    arena_done(&arena);
    return rows > 0;
}

static bool task_ended(struct subscriber *s)
{
    enum task_state state;
    struct stmt *stmt = db_stmt(s->hub->db, SQL_task_state);
    stmt_bind_int(stmt, ":seq", s->filter->seq);
    bool ended =
        !stmt_step(stmt) || !state_parse(stmt_text(stmt, 0), &state) || state_terminal(state);
    stmt_end(stmt);
    return ended;
}

/* One task's own stream: the state is read before the events, so that an end that is told is
 * found among them and one that is not told (notify:false) ends the stream all the same. */
static void read_on_task(struct subscriber *s)
{
    bool ended = task_ended(s);
    if (read_store(s))
        return;
    s->ending = s->ending || ended;
    s->live = !ended;
}

/* A log that is followed: the next piece of it, with a word where its middle is missing. */
static bool read_log(struct subscriber *s)
{
    struct buf text = {0};
    bool more = log_read_on(s->hub->db, s->filter->seq, &s->cursor, &s->past_gap, &text);
    if (text.len)
        subscriber_push(s, frame_text(buf_str(&text)));
    buf_done(&text);
    return more;
}

static void read_on_log(struct subscriber *s)
{
    bool ended = task_ended(s);
    if (read_log(s))
        return;
    s->ending = s->ending || ended;
    s->live = !ended;
}

void subscriber_read_on(struct subscriber *s)
{
    if (s->filter->follow)
        read_on_log(s);
    else if (s->filter->seq)
        read_on_task(s);
    else if (s->cursor >= s->hub->ring_after)
        read_ring(s);
    else if (!read_store(s))
        s->cursor = s->hub->ring_after; /* the store ends where the ring begins */
}
