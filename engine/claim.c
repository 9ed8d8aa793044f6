#include "engine/finish.h"
#include "engine/task.h"

#include "base/mem.h"

/* Starts in one transaction: bounds how long the commit takes. */
enum { CLAIM_MAX = 500 };
/* Of these, kept for functions that take neither a slot nor a place in a worker. */
enum { CLAIM_SLOTLESS = 125 };
/* Scheduled tasks that are queued in one transaction. */
enum { DUE_MAX = 500 };
/* Built-in functions at once. They take no slot, but each takes memory. */
enum { BUILTINS_MAX = 10000 };

void engine_order(struct engine *engine, struct order *order)
{
    order->mail.next = NULL;
    *engine->last_order = order;
    engine->last_order = (struct order **)&order->mail.next;
}

/* Rows of a statement that changes would disturb: collected first, an array in the txn's arena. */
static size_t collect(struct stmt *stmt, struct task_row *rows, size_t max, struct arena *arena)
{
    size_t count = 0;
    while (count < max && stmt_step(stmt))
        row_read(stmt, &rows[count++], arena);
    stmt_end(stmt);
    return count;
}

static struct attempt *attempt_new(struct engine *engine, struct txn *txn,
                                   const struct task_row *row, const struct function *function)
{
    struct attempt *attempt = mem_alloc(sizeof(*attempt));
    struct run *run = &attempt->run;
    attempt->order.kind = ORDER_START;
    attempt->engine = engine;
    attempt->task = row->seq;
    attempt->timeout = row->timeout;
    attempt->grace = function->grace >= 0 ? function->grace : engine->config.grace;
    attempt->needs_inputs = row_is_meta(row);
    run->id = arena_str(&run->arena, row->id);
    run->function = function;
    run->functions = function_set_ref(engine->claimable);
    run->attempt = row->attempt;
    run->executor = executor_of(function->mode);
    if (!attempt->needs_inputs) {
        struct payload payload;
        payload_read(txn->db, row->seq, &payload, &run->arena);
        run->args = payload.args;
        run->kwargs = payload.kwargs;
    }
    return attempt;
}

static void start(struct engine *engine, struct txn *txn, struct task_row *row,
                  const struct function *function)
{
    task_move(engine, txn, row, CAUSE_START, NULL);
    engine_order(engine, &attempt_new(engine, txn, row, function)->order);
}

/* The operator took the function away after the task was created. Its end may be the end of others
 * of its function. */
static void start_missing(struct engine *engine, struct txn *txn, struct task_row *row)
{
    struct failure failure = {.code = FAILURE_START_FAILED,
                              .message = STR("there is no function of this name any more")};
    task_move(engine, txn, row, CAUSE_START, NULL);
    if (row->forever) {
        finish_restart(engine, txn, row, &failure);
        return;
    }
    task_move(engine, txn, row, CAUSE_FAIL, &(struct move_with){.failure = &failure});
    task_ended(engine, txn, row);
    engine->again = true; /* a task that it lets start may be of a function that was looked at */
}

/* Starts up to max tasks of one function, best first; gives how many. */
static int64_t start_some(struct engine *engine, struct txn *txn,
                          const struct tally_function *tally, const struct function *function,
                          int64_t max)
{
    struct task_row *rows = ARENA_ARRAY(&txn->arena, struct task_row, (size_t)max);
    struct stmt *stmt = db_stmt(txn->db, SQL_ready);
    stmt_bind_text(stmt, ":function", tally->name);
    stmt_bind_int(stmt, ":limit", max);
    size_t count = collect(stmt, rows, (size_t)max, &txn->arena);
    for (size_t i = 0; i < count; i++) {
        if (function)
            start(engine, txn, &rows[i], function);
        else if (row_again(txn->db, &rows[i], &txn->arena))
            start_missing(engine, txn, &rows[i]);
    }
    return (int64_t)count;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t slots_free(const struct engine *engine)
{
    int64_t room = engine->config.slots;
    for (const struct tally_function *t = engine->tally.functions; t; t = t->next) {
        int64_t taken = t->running + t->outlived;
        const struct function *function = taken ? function_find(engine->claimable, t->name) : NULL;
        if (taken && function_takes_slot(function))
            room -= taken;
    }
    return room;
}

/* The function whose first queued task comes before those of all others that may start. */
static struct tally_function *best_function(struct engine *engine, struct txn *txn,
                                            const struct function **function)
{
    struct tally_function *best = NULL;
    struct queue_place head = {0};
    for (struct tally_function *t = engine->tally.functions; t; t = t->next) {
        const struct function *f = t->queued ? function_find(engine->claimable, t->name) : NULL;
        if (!f || !function_takes_slot(f) || tally_full(t, f) || !tally_leads(t, txn->db, &head))
            continue;
        best = t;
        *function = f;
    }
    return best;
}

/* Gives how many starts are left of budget. */
static int64_t claim_slots(struct engine *engine, struct txn *txn, int64_t budget)
{
    int64_t room = slots_free(engine);
    while (room-- > 0 && budget > 0) {
        const struct function *function;
        struct tally_function *best = best_function(engine, txn, &function);
        if (!best || start_some(engine, txn, best, function, 1) == 0)
            break;
        budget--;
    }
    return budget;
}

/* --- functions that take no slot: they have room of another kind ------------------ */

struct room_left {
    struct str file; /* of workers */
    int64_t left;    /* tasks that may still start */
};

/* A function with something queued. */
struct candidate {
    struct tally_function *tally;
    const struct function *function; /* NULL: it is gone */
    struct room_left *room;          /* shared by the functions of a file of workers */
};

struct candidates {
    struct candidate *items;
    size_t count;
    struct room_left *rooms;
    size_t room_count;
};

static struct candidates candidates_new(struct engine *engine, struct txn *txn)
{
    size_t max = engine->tally.by_name.count;
    return (struct candidates){.items = ARENA_ARRAY(&txn->arena, struct candidate, max),
                               .rooms = ARENA_ARRAY(&txn->arena, struct room_left, max)};
}

static struct candidate *best_candidate(const struct candidates *all, struct txn *txn)
{
    struct candidate *best = NULL;
    struct queue_place head = {0};
    for (size_t i = 0; i < all->count; i++) {
        struct candidate *c = &all->items[i];
        bool full = c->room->left <= 0 || (c->function && tally_full(c->tally, c->function));
        if (!full && tally_leads(c->tally, txn->db, &head))
            best = c;
    }
    return best;
}

/* --- workers: so many at once as a file's workers take --------------------------- */

static struct room_left *room_of(struct candidates *all, const struct function *function)
{
    for (size_t i = 0; i < all->room_count; i++) {
        if (str_eq(all->rooms[i].file, function->file))
            return &all->rooms[i];
    }
    all->rooms[all->room_count] =
        (struct room_left){function->file, function->workers.max * function->workers.inflight};
    return &all->rooms[all->room_count++];
}

static struct candidates worker_functions(struct engine *engine, struct txn *txn)
{
    struct candidates all = candidates_new(engine, txn);
    for (struct tally_function *t = engine->tally.functions; t; t = t->next) {
        int64_t taken = t->running + t->outlived;
        const struct function *f =
            taken || t->queued ? function_find(engine->claimable, t->name) : NULL;
        if (!f || f->mode != MODE_WORKER)
            continue;
        struct room_left *room = room_of(&all, f);
        room->left -= taken;
        if (t->queued)
            all.items[all.count++] = (struct candidate){t, f, room};
    }
    return all;
}

/* Gives how many starts are left of budget. */
static int64_t claim_workers(struct engine *engine, struct txn *txn, int64_t budget)
{
    struct candidates all = worker_functions(engine, txn);
    struct candidate *best;
    while (budget > 0 && all.count && (best = best_candidate(&all, txn))) {
        const struct function *f = best->function;
        int64_t want = 1;
        if (all.count == 1) /* nobody to take turns with */
            want = least(budget, least(best->tally->queued, best->room->left));
        if (f->concurrency)
            want = least(want, f->concurrency - best->tally->running - best->tally->outlived);
        int64_t started = start_some(engine, txn, best->tally, f, want);
        if (started == 0)
            break;
        best->room->left -= started;
        budget -= started;
    }
    return budget;
}

/* --- built-in functions, calls of services, and what is gone ---------------------- */

static struct candidates slotless_functions(struct engine *engine, struct txn *txn)
{
    struct candidates all = candidates_new(engine, txn);
    for (struct tally_function *t = engine->tally.functions; t; t = t->next) {
        const struct function *f = t->queued ? function_find(engine->claimable, t->name) : NULL;
        if (!t->queued || (f && f->mode != MODE_BUILTIN && f->mode != MODE_HTTP))
            continue;
        struct room_left *room = &all.rooms[all.room_count++];
        int64_t limit = f && f->concurrency ? f->concurrency : BUILTINS_MAX;
        room->left = f ? limit - t->running - t->outlived : t->queued;
        all.items[all.count++] = (struct candidate){t, f, room};
    }
    return all;
}

/* Each function has one turn, or those of one start would cost a look at all. Gives how many starts
 * are left of budget. */
static int64_t claim_slotless(struct engine *engine, struct txn *txn, int64_t budget)
{
    struct candidates all = slotless_functions(engine, txn);
    struct candidate *best;
    while (budget > 0 && (best = best_candidate(&all, txn))) {
        int64_t want = least(budget, least(best->tally->queued, best->room->left));
        budget -= start_some(engine, txn, best->tally, best->function, want);
        best->room->left = 0;
    }
    return budget;
}

/* What has little room comes first: a thousand tasks that need none would leave it empty. */
void claim_ready(struct engine *engine, struct txn *txn)
{
    if (!engine_may_start(engine) || !engine->tally.states[STATE_QUEUED])
        return;
    int64_t left = claim_slots(engine, txn, CLAIM_MAX - CLAIM_SLOTLESS);
    left = claim_workers(engine, txn, left);
    int64_t left_slotless = claim_slotless(engine, txn, left + CLAIM_SLOTLESS);
    if (left <= 0 || left_slotless <= 0)
        engine->again = true;
}

void claim_due(struct engine *engine, struct txn *txn)
{
    if (engine->next_due > txn->now || !engine->tally.states[STATE_SCHEDULED])
        return;
    struct task_row *rows = ARENA_ARRAY(&txn->arena, struct task_row, DUE_MAX);
    struct stmt *stmt = db_stmt(txn->db, SQL_due);
    stmt_bind_int(stmt, ":now", txn->now);
    stmt_bind_int(stmt, ":limit", DUE_MAX);
    size_t count = collect(stmt, rows, DUE_MAX, &txn->arena);
    for (size_t i = 0; i < count; i++)
        task_move(engine, txn, &rows[i], CAUSE_DUE, NULL);
    stmt = db_stmt(txn->db, SQL_next_due);
    engine->next_due = stmt_step(stmt) ? stmt_int(stmt, 0) : 0;
    stmt_end(stmt);
    engine->again = engine->again || count == DUE_MAX;
}
