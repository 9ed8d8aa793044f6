#include "engine/poll.h"

#include "base/clock.h"
#include "base/mem.h"
#include "engine/lease.h"
#include "engine/task.h"

/* Starts in one transaction: bounds how long the commit takes. */
enum { SERVE_MAX = 500 };

/* --- one poll -------------------------------------------------------------------- */

/* Of the functions that are asked for, the one whose first queued task comes before all others. */
static struct tally_function *best_function(struct poll *poll, struct txn *txn)
{
    struct engine *engine = poll->engine;
    struct tally_function *best = NULL;
    struct queue_place head = {0};
    for (size_t i = 0; i < poll->function_count; i++) {
        struct tally_function *t = tally_find(&engine->tally, poll->functions[i]);
        const struct function *f =
            t && t->queued ? function_find(engine->claimable, t->name) : NULL;
        if (f && f->mode == MODE_REMOTE && !tally_full(t, f) && tally_leads(t, txn->db, &head))
            best = t;
    }
    return best;
}

static bool alive(struct poll *poll)
{
    if (!poll->count && !poll->lost)
        poll->lost = poll->alive && !poll->alive(poll);
    return !poll->lost;
}

/* False: there is nothing for it, or it has enough. */
static bool hand_out(struct poll *poll, struct txn *txn)
{
    if ((int64_t)poll->count == poll->max)
        return false;
    struct tally_function *function = best_function(poll, txn);
    if (!function || !alive(poll))
        return false;
    struct task_row *row = ARENA_NEW(&txn->arena, struct task_row);
    struct stmt *stmt = db_stmt(txn->db, SQL_ready);
    stmt_bind_text(stmt, ":function", function->name);
    stmt_bind_int(stmt, ":limit", 1);
    bool found = stmt_step(stmt);
    if (found)
        row_read(stmt, row, &poll->arena);
    stmt_end(stmt);
    if (!found)
        return false;
    if (!poll->leases)
        poll->leases = ARENA_ARRAY(&poll->arena, struct leased, (size_t)poll->max);
    struct leased *leased = &poll->leases[poll->count++];
    lease_start(poll->engine, txn, row, poll->ttl, &poll->arena, &leased->token,
                &leased->expires_at);
    leased->row = *row;
    return true;
}

/* --- all of them -------------------------------------------------------------------- */

void polls_serve(struct engine *engine, struct txn *txn)
{
    int64_t budget = SERVE_MAX;
    bool more = engine->polls && engine_may_start(engine) && engine->tally.states[STATE_QUEUED];
    while (more && budget > 0) {
        more = false;
        for (struct poll *poll = engine->polls; poll && budget > 0; poll = poll->next) {
            bool given = hand_out(poll, txn);
            more = more || given;
            budget -= given;
        }
    }
    engine->again = engine->again || budget == 0;
    engine->polls_until = INT64_MAX;
    int64_t now = engine->polls ? clock_mono_ns() : 0;
    for (struct poll *poll = engine->polls; poll; poll = poll->next) {
        poll->over = poll->count || poll->lost || engine->closed || poll->until <= now;
        if (!poll->over && poll->until < engine->polls_until)
            engine->polls_until = poll->until;
    }
}

/* Takes those off the list that get their answer now; those whose command is not finished yet get
 * it from there. */
static void answer(struct engine *engine)
{
    struct poll **at = &engine->polls;
    while (*at) {
        struct poll *poll = *at;
        if (!poll->over) {
            at = &poll->next;
            continue;
        }
        *at = poll->next;
        if (poll->listed)
            poll->done(poll);
    }
    engine->last_poll = at;
}

void polls_committed(struct engine *engine)
{
    answer(engine);
}

/* What was handed out was not. Those that came with this transaction come again, or are refused;
 * those that wait no longer are not made to wait for a disk. */
void polls_undone(struct engine *engine)
{
    int64_t now = clock_mono_ns();
    for (struct poll *poll = engine->polls; poll; poll = poll->next) {
        arena_done(&poll->arena);
        poll->leases = NULL;
        poll->count = 0;
        poll->over = !poll->listed || poll->lost || engine->closed || poll->until <= now;
    }
    answer(engine);
}

int64_t polls_deadline(const struct engine *engine)
{
    return engine->polls ? engine->polls_until : INT64_MAX;
}

/* --- the command ---------------------------------------------------------------------- */

static void poll_apply(struct command *command, struct txn *txn)
{
    struct poll *poll = container_of(command, struct poll, command);
    struct engine *engine = poll->engine;
    (void)txn;
    poll->over = false;
    if (engine->closed) {
        problem_set(&command->problem, command->arena, PROBLEM_DRAINING,
                    "the server is shutting down");
        return;
    }
    poll->next = NULL;
    *engine->last_poll = poll;
    engine->last_poll = &poll->next;
}

static void poll_stored(struct command *command)
{
    struct poll *poll = container_of(command, struct poll, command);
    poll->listed = true;
    if (poll->over || command->problem.code != PROBLEM_NONE)
        poll->done(poll);
}

void poll_post(struct engine *engine, struct poll *poll)
{
    poll->engine = engine;
    poll->command.apply = poll_apply;
    poll->command.done = poll_stored;
    writer_post(&engine->writer, &poll->command);
}
