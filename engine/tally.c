#include "engine/tally.h"

#include "base/mem.h"

#include <string.h>

void tally_init(struct tally *tally)
{
    *tally = (struct tally){0};
    pthread_mutex_init(&tally->lock, NULL);
}

void tally_done(struct tally *tally)
{
    for (struct tally_function *f = tally->functions, *next; f; f = next) {
        next = f->next;
        mem_free((void *)(uintptr_t)f->name.data);
        mem_free(f);
    }
    map_done(&tally->by_name);
    mem_free(tally->changes);
    pthread_mutex_destroy(&tally->lock);
}

struct tally_function *tally_find(struct tally *tally, struct str name)
{
    for (struct map_node *n = map_find(&tally->by_name, map_hash_str(name)); n; n = map_next(n)) {
        struct tally_function *function = container_of(n, struct tally_function, node);
        if (str_eq(function->name, name))
            return function;
    }
    return NULL;
}

struct tally_function *tally_function_of(struct tally *tally, struct str name)
{
    struct tally_function *function = tally_find(tally, name);
    if (function)
        return function;
    function = mem_alloc(sizeof(*function));
    function->name = (struct str){mem_copy(name.data, name.len), name.len};
    pthread_mutex_lock(&tally->lock);
    map_put(&tally->by_name, &function->node, map_hash_str(name));
    function->next = tally->functions;
    tally->functions = function;
    pthread_mutex_unlock(&tally->lock);
    return function;
}

/* direction: 1 adds, -1 takes back. */
static void count(struct tally *tally, const struct tally_change *change, int direction)
{
    for (int side = 0; side < 2; side++) {
        int state = side ? change->to : change->from;
        int step = side ? direction : -direction;
        if (state < 0)
            continue;
        tally->states[state] += step;
        if (state == STATE_QUEUED)
            change->function->queued += step;
        if (state == STATE_RUNNING)
            change->function->running += step;
    }
}

void tally_load(struct tally *tally, struct db *db)
{
    struct stmt *stmt = db_stmt(db, SQL_task_tally);
    while (stmt_step(stmt)) {
        enum task_state state;
        if (!state_parse(stmt_text(stmt, 1), &state))
            continue;
        struct tally_function *function = tally_function_of(tally, stmt_text(stmt, 0));
        int64_t number = stmt_int(stmt, 2);
        tally->states[state] += number;
        function->queued += state == STATE_QUEUED ? number : 0;
        function->running += state == STATE_RUNNING ? number : 0;
    }
    for (struct tally_function *f = tally->functions; f; f = f->next) {
        f->seen_queued = f->queued;
        f->seen_running = f->running;
    }
    memcpy(tally->seen_states, tally->states, sizeof(tally->states));
}

static bool queue_before(const struct queue_place *a, const struct queue_place *b)
{
    if (a->lane != b->lane)
        return a->lane < b->lane;
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return a->seq < b->seq;
}

static void keep_head(struct tally_function *function, int from, int to, const struct task_row *row)
{
    struct queue_place place = {row->lane, row->priority, row->seq};
    if (to == STATE_QUEUED) {
        if (function->queued == 0) {
            function->head = place;
            function->head_known = true;
        } else if (function->head_known && queue_before(&place, &function->head)) {
            function->head = place;
        }
    } else if (from == STATE_QUEUED && function->head.seq == row->seq) {
        function->head_known = false;
    }
}

static struct tally_change *note(struct tally *tally, struct str function, int from, int to)
{
    if (tally->change_count == tally->change_capacity) {
        tally->change_capacity = tally->change_capacity ? tally->change_capacity * 2 : 64;
        tally->changes =
            mem_resize(tally->changes, tally->change_capacity * sizeof(*tally->changes));
    }
    struct tally_change *change = &tally->changes[tally->change_count++];
    *change = (struct tally_change){tally_function_of(tally, function), from, to};
    return change;
}

void tally_move(struct tally *tally, int from, const struct task_row *row)
{
    struct tally_change *change = note(tally, row->function, from, (int)row_state(row));
    keep_head(change->function, from, change->to, row);
    count(tally, change, 1);
}

void tally_forget(struct tally *tally, const struct task_row *row)
{
    count(tally, note(tally, row->function, (int)row_state(row), -1), 1);
}

void tally_publish(struct tally *tally)
{
    if (!tally->change_count)
        return;
    pthread_mutex_lock(&tally->lock);
    for (size_t i = 0; i < tally->change_count; i++) {
        struct tally_function *function = tally->changes[i].function;
        function->seen_queued = function->queued;
        function->seen_running = function->running;
    }
    memcpy(tally->seen_states, tally->states, sizeof(tally->states));
    pthread_mutex_unlock(&tally->lock);
    tally->change_count = 0;
}

void tally_undo(struct tally *tally)
{
    while (tally->change_count) {
        struct tally_change *change = &tally->changes[--tally->change_count];
        count(tally, change, -1);
        change->function->head_known = false;
    }
}

int64_t tally_backlog(const struct tally *tally)
{
    return tally->states[STATE_QUEUED] + tally->states[STATE_SCHEDULED] +
           tally->states[STATE_WAITING];
}

/* The head of a function's queue; false: nothing is queued. */
static bool tally_head(struct tally_function *function, struct db *db, struct queue_place *head)
{
    if (!function->queued)
        return false;
    if (!function->head_known) {
        struct stmt *stmt = db_stmt(db, SQL_ready_head);
        stmt_bind_text(stmt, ":function", function->name);
        function->head_known = stmt_step(stmt);
        if (function->head_known)
            function->head =
                (struct queue_place){stmt_int(stmt, 0), stmt_int(stmt, 1), stmt_int(stmt, 2)};
        stmt_end(stmt);
    }
    *head = function->head;
    return function->head_known;
}

bool tally_leads(struct tally_function *t, struct db *db, struct queue_place *best)
{
    struct queue_place head;
    if (!tally_head(t, db, &head) || (best->seq && !queue_before(&head, best)))
        return false;
    *best = head;
    return true;
}

bool tally_full(const struct tally_function *t, const struct function *function)
{
    return function->concurrency && t->running + t->outlived >= function->concurrency;
}

void tally_states(struct tally *tally, int64_t states[STATE_COUNT])
{
    pthread_mutex_lock(&tally->lock);
    memcpy(states, tally->seen_states, sizeof(tally->seen_states));
    pthread_mutex_unlock(&tally->lock);
}

void tally_function_counts(struct tally *tally, struct str name, int64_t *queued, int64_t *running)
{
    pthread_mutex_lock(&tally->lock);
    const struct tally_function *function = tally_find(tally, name);
    *queued = function ? function->seen_queued : 0;
    *running = function ? function->seen_running : 0;
    pthread_mutex_unlock(&tally->lock);
}
