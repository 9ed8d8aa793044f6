#include "engine/meter.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

void meter_init(struct meter *meter)
{
    *meter = (struct meter){.since = clock_now()};
    pthread_mutex_init(&meter->lock, NULL);
}

void meter_done(struct meter *meter)
{
    for (struct meter_function *f = meter->functions, *next; f; f = next) {
        next = f->next;
        mem_free((void *)(uintptr_t)f->name.data);
        mem_free(f);
    }
    map_done(&meter->by_name);
    mem_free(meter->notes);
    pthread_mutex_destroy(&meter->lock);
}

static struct meter_function *find_or_add(struct meter *meter, struct str name)
{
    uint64_t hash = map_hash_str(name);
    for (struct map_node *n = map_find(&meter->by_name, hash); n; n = map_next(n)) {
        struct meter_function *function = container_of(n, struct meter_function, node);
        if (str_eq(function->name, name))
            return function;
    }
    struct meter_function *function = mem_alloc(sizeof(*function));
    function->name = (struct str){mem_copy(name.data, name.len), name.len};
    map_put(&meter->by_name, &function->node, hash);
    pthread_mutex_lock(&meter->lock);
    function->next = meter->functions;
    meter->functions = function;
    meter->function_count++;
    pthread_mutex_unlock(&meter->lock);
    return function;
}

void meter_know(struct meter *meter, const struct function_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        find_or_add(meter, set->items[i].name);
}

/* --- in the transaction ------------------------------------------------------------- */

static void note(struct meter *meter, const struct task_row *row, const struct state_move *move,
                 int64_t span)
{
    if (meter->note_count == meter->note_capacity) {
        meter->note_capacity = meter->note_capacity ? meter->note_capacity * 2 : 64;
        meter->notes = mem_resize(meter->notes, meter->note_capacity * sizeof(*meter->notes));
    }
    meter->notes[meter->note_count++] =
        (struct meter_note){find_or_add(meter, row->function), move, span};
}

void meter_add(struct meter *meter, const struct task_row *row)
{
    note(meter, row, NULL, -1);
}

/* How long the task was in the state that it leaves; -1: nobody knows. When an attempt of a server
 * that died came to its end, nobody saw. */
static int64_t span_of(const struct meter *meter, int64_t now, const struct state_move *move,
                       const struct task_row *row)
{
    if (move->from == STATE_QUEUED && move->to == STATE_RUNNING && row->queued_at)
        return now > row->queued_at ? now - row->queued_at : 0;
    if (move->from == STATE_RUNNING && row->started_at >= meter->since)
        return now > row->started_at ? now - row->started_at : 0;
    return -1;
}

void meter_move(struct meter *meter, int64_t now, const struct state_move *move,
                const struct task_row *row)
{
    note(meter, row, move, span_of(meter, now, move, row));
}

/* --- after it ------------------------------------------------------------------------ */

static void count(const struct meter_note *note)
{
    struct meter_counts *counts = &note->function->counts;
    const struct state_move *move = note->move;
    if (!move) {
        counts->created++;
        return;
    }
    counts->causes[move->cause]++;
    counts->ended[move->to] += state_terminal(move->to);
    if (note->span >= 0)
        histogram_add(move->from == STATE_RUNNING ? &counts->runs : &counts->waits, SCALE_SPAN_MS,
                      note->span);
}

void meter_publish(struct meter *meter, const struct txn *txn)
{
    struct meter_totals *totals = &meter->totals;
    pthread_mutex_lock(&meter->lock);
    for (size_t i = 0; i < meter->note_count; i++)
        count(&meter->notes[i]);
    for (size_t i = 0; i < txn->event_count; i++)
        totals->events[txn->events[i].event.type] += txn->events[i].id != 0;
    histogram_add(&totals->batches, SCALE_BATCH, txn->writes);
    histogram_add(&totals->commits, SCALE_SYNC_US, txn->commit_ns / 1000);
    pthread_mutex_unlock(&meter->lock);
    meter->note_count = 0;
}

void meter_undo(struct meter *meter)
{
    meter->note_count = 0;
}

static int by_name(const void *a, const void *b)
{
    const struct meter_reading *one = a, *other = b;
    return str_cmp(one->name, other->name);
}

size_t meter_read(struct meter *meter, struct meter_totals *totals, struct meter_reading **readings,
                  struct arena *arena)
{
    size_t count = 0;
    pthread_mutex_lock(&meter->lock);
    struct meter_reading *all = ARENA_ARRAY(arena, struct meter_reading, meter->function_count);
    for (const struct meter_function *f = meter->functions; f; f = f->next)
        all[count++] = (struct meter_reading){f->name, f->counts};
    *totals = meter->totals;
    pthread_mutex_unlock(&meter->lock);
    qsort(all, count, sizeof(*all), by_name);
    *readings = all;
    return count;
}
