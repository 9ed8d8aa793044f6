#include "store/txn.h"

#include "base/mem.h"
#include "store/events.h"

static struct txn_event *add(struct txn *txn, int64_t task, const struct event *event)
{
    if (txn->event_count == txn->event_capacity) {
        txn->event_capacity = txn->event_capacity ? txn->event_capacity * 2 : 64;
        txn->events = mem_resize(txn->events, txn->event_capacity * sizeof(*txn->events));
    }
    struct txn_event *added = &txn->events[txn->event_count++];
    *added = (struct txn_event){.task = task, .event = *event};
    added->event.task = arena_str(&txn->arena, event->task);
    added->event.function = arena_str(&txn->arena, event->function);
    added->event.channels = arena_str(&txn->arena, event->channels);
    return added;
}

void txn_tell(struct txn *txn, int64_t task, const struct event *event)
{
    struct txn_event *added = add(txn, task, event);
    struct buf data = {0};
    event_render(event, &data);
    added->data = arena_str(&txn->arena, buf_str(&data));
    txn->told += added->data.len + event->channels.len;
    buf_done(&data);
}

void txn_emit(struct txn *txn, int64_t task, const struct event *event)
{
    txn_tell(txn, task, event);
    struct txn_event *added = &txn->events[txn->event_count - 1];
    added->id = txn->next_event++;

    struct stmt *stmt = db_stmt(txn->db, SQL_event_insert);
    stmt_bind_int(stmt, ":id", added->id);
    stmt_bind_int(stmt, ":task", task);
    stmt_bind_int(stmt, ":at", event->at);
    stmt_bind_text(stmt, ":data", added->data);
    stmt_run(stmt);
}

void txn_end_silently(struct txn *txn, int64_t task, const struct event *event)
{
    add(txn, task, event);
}

void txn_load_counters(struct txn *txn)
{
    struct stmt *stmt = db_stmt(txn->db, SQL_task_last_seq);
    txn->next_seq = stmt_step(stmt) ? stmt_int(stmt, 0) + 1 : 1;
    stmt_end(stmt);
    txn->next_event = event_bounds_read(txn->db).newest + 1;
}

void txn_clear(struct txn *txn)
{
    arena_done(&txn->arena);
    txn->event_count = 0;
    txn->told = 0;
    txn->writes = 0;
}

void txn_done(struct txn *txn)
{
    txn_clear(txn);
    mem_free(txn->events);
}
