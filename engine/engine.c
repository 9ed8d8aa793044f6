#include "engine/engine.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/cancel.h"
#include "engine/guard.h"
#include "engine/lease.h"
#include "engine/poll.h"
#include "engine/recover.h"
#include "engine/registry.h"
#include "engine/task.h"
#include "store/identity.h"
#include "store/lock.h"
#include "store/migrate.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* --- the writer's client --------------------------------------------------------- */

/* Pause before a claim is tried again that could not be stored. */
static const int64_t AGAIN_NS = 500 * 1000000LL;

bool engine_may_start(struct engine *engine)
{
    return !engine->closed && !engine->recovering && !atomic_load(&engine->room.full);
}

static void before_commit(void *arg, struct txn *txn)
{
    struct engine *engine = arg;
    engine->again = false;
    if (engine_may_start(engine))
        claim_due(engine, txn);
    lease_sweep(engine, txn);
    claim_ready(engine, txn);
    polls_serve(engine, txn);
    sweep_expired(engine, txn);
}

static void reset_orders(struct engine *engine)
{
    engine->orders = NULL;
    engine->last_order = &engine->orders;
}

static void after_commit(void *arg, struct txn *txn)
{
    struct engine *engine = arg;
    engine->failing_until = 0;
    tally_publish(&engine->tally);
    meter_publish(&engine->meter, txn);
    last_errors_publish(&engine->last_errors);
    for (struct order *order = engine->orders, *next; order; order = next) {
        next = (struct order *)order->mail.next;
        engine->in_flight += order->kind == ORDER_START;
        supervisor_post(&engine->supervisor, order);
        CRASH_POINT(between_orders);
    }
    reset_orders(engine);
    polls_committed(engine);
    CRASH_POINT(before_events);
    if (txn->event_count) /* each may go one day, and so may the tasks that ended */
        sweep_by(engine, txn->now + engine->config.retain);
    if (engine->sink.publish && txn->event_count)
        engine->sink.publish(engine->sink.arg, txn->events, txn->event_count);
    guard_committed(engine);
}

static void undone(void *arg, struct txn *txn)
{
    struct engine *engine = arg;
    (void)txn;
    tally_undo(&engine->tally);
    meter_undo(&engine->meter);
    last_errors_undo(&engine->last_errors);
    for (struct order *order = engine->orders, *next; order; order = next) {
        next = (struct order *)order->mail.next;
        if (order->kind == ORDER_KILL)
            order->outlives->outlived--;
        if (order->kind == ORDER_START)
            attempt_free(container_of(order, struct attempt, order));
        else
            mem_free(order);
    }
    guard_undone(engine);
    polls_undone(engine);
    reset_orders(engine);
    engine->next_due = engine->next_lease = 0;
    engine->next_sweep = 1; /* what it had deleted is there again */
    engine->failing_until = clock_mono_ns() + AGAIN_NS;
    engine->again = true; /* what could not be claimed now may be later */
}

/* The wait is measured by a clock that does not move when the time of day is set, nor while the
 * machine sleeps: the time is looked at so often, where something has its time. */
static const int64_t CLOCK_LOOK_MS = 10000;
/* The first of what has its time: scheduled tasks, leases, and, unless the server is closing, what
 * is kept. INT64_MAX: nothing. */
static int64_t next_time(struct engine *engine)
{
    bool sweeps = engine->next_sweep && !engine->closed;
    int64_t next = sweeps ? engine->next_sweep : INT64_MAX;
    bool starts = engine->tally.states[STATE_SCHEDULED] && engine_may_start(engine);
    if (starts && engine->next_due < next)
        next = engine->next_due;
    return engine->next_lease < next ? engine->next_lease : next;
}

static int64_t deadline(void *arg)
{
    struct engine *engine = arg;
    if (engine->again)
        return engine->failing_until;
    int64_t next = next_time(engine), polls = polls_deadline(engine);
    if (next == INT64_MAX)
        return polls;
    int64_t wait = next - clock_now();
    if (wait > CLOCK_LOOK_MS)
        wait = CLOCK_LOOK_MS;
    int64_t at = clock_mono_ns() + (wait > 0 ? wait : 0) * 1000000;
    return at < polls ? at : polls;
}

/* --- opening ----------------------------------------------------------------------- */

const char *engine_database(const struct engine_config *config, struct arena *arena)
{
    return arena_printf(arena, "%s/errand.db", config->data).data;
}

static bool refuse(char **message, const char *what, const char *why)
{
    struct buf text = {0};
    buf_addf(&text, "%s: %s", what, why);
    *message = buf_take(&text, NULL);
    return false;
}

static bool take_folder(struct engine *engine, char **message)
{
    int64_t owner;
    engine->lock = lock_folder(engine->config.data, &owner);
    if (engine->lock >= 0)
        return true;
    if (owner == 0)
        return refuse(message, engine->config.data, strerror(errno));
    struct buf why = {0};
    buf_addf(&why, "another server uses this data folder");
    if (owner > 0)
        buf_addf(&why, ", process %lld", (long long)owner);
    refuse(message, engine->config.data, why.data);
    buf_done(&why);
    return false;
}

static bool count_tasks(struct engine *engine, struct db *db, char **why)
{
    tally_init(&engine->tally);
    meter_init(&engine->meter);
    last_errors_init(&engine->last_errors);
    tally_load(&engine->tally, db);
    if (db_status(db) == DB_OK)
        return true;
    *why = mem_string(db_message(db));
    return false;
}

static bool open_database(struct engine *engine, char **message)
{
    const struct writer_client client = {engine, before_commit, after_commit, undone, deadline};
    struct arena arena = {0};
    const char *path = engine_database(&engine->config, &arena);
    char *why = NULL;
    struct db *db = identity_check(path, &why) ? db_open(path, DB_WRITE, &why) : NULL;
    bool fine = db && migrate(db, &why) && count_tasks(engine, db, &why);
    if (!fine)
        refuse(message, path, why);
    if (fine) {
        room_open(&engine->room, db);
        writer_init(&engine->writer, db, &engine->room, &client);
    } else {
        db_close(db);
    }
    mem_free(why);
    arena_done(&arena);
    return fine;
}

bool engine_open(struct engine *engine, const struct engine_config *config, char **message)
{
    *engine = (struct engine){.config = *config, .lock = -1};
    reset_orders(engine);
    engine->last_poll = &engine->polls;
    pthread_mutex_init(&engine->functions_lock, NULL);
    pthread_mutex_init(&engine->drained_lock, NULL);
    pthread_cond_init(&engine->drained_changed, NULL);
    engine->functions = registry_load(config->functions, config->functions_default, message);
    if (!engine->functions || !take_folder(engine, message))
        return false;
    room_init(&engine->room, config->data, config->reserve);
    if (!supervisor_open(&engine->supervisor, engine, config->data, config->slots, message) ||
        !open_database(engine, message))
        return false;
    engine->claimable = function_set_ref(engine->functions);
    meter_know(&engine->meter, engine->claimable);
    engine->closed = true; /* nothing starts during recovery */
    char *why = NULL;
    bool recovered = recover(engine, &why);
    CRASH_POINT(recovered);
    engine->closed = false;
    room_start(&engine->room);
    engine->next_sweep = 1; /* at once */
    if (!recovered)
        refuse(message, "the database cannot be recovered", why);
    mem_free(why);
    return recovered;
}

void engine_start(struct engine *engine, const struct event_sink *sink)
{
    struct arena arena = {0};
    char *message = NULL;
    engine->sink = *sink;
    if (!readers_start(&engine->readers, engine_database(&engine->config, &arena), &message)) {
        log_error("%s", message);
        _exit(1);
    }
    arena_done(&arena);
    supervisor_start(&engine->supervisor);
    supervisor_prepare(&engine->supervisor, engine->functions);
    engine->again = true;                   /* the writer begins with what was queued before */
    if (atomic_load(&engine->guard_failed)) /* during recovery */
        sink->end(sink->arg);
    writer_start(&engine->writer);
    if (engine->recovering)
        recover_later(engine);
}

/* --- functions --------------------------------------------------------------------- */

struct function_set *engine_functions(struct engine *engine)
{
    pthread_mutex_lock(&engine->functions_lock);
    struct function_set *set = function_set_ref(engine->functions);
    pthread_mutex_unlock(&engine->functions_lock);
    return set;
}

struct reload {
    struct command command;
    struct engine *engine;
};

static void reload_apply(struct command *command, struct txn *txn)
{
    struct engine *engine = container_of(command, struct reload, command)->engine;
    (void)txn;
    function_set_unref(engine->claimable);
    engine->claimable = engine_functions(engine); /* the newest, if this one had to wait */
    meter_know(&engine->meter, engine->claimable);
}

/* After the orders of its transaction: what was claimed under the old functions has started. */
static void reload_done(struct command *command)
{
    struct reload *reload = container_of(command, struct reload, command);
    if (command->problem.code == PROBLEM_NONE)
        supervisor_prepare(&reload->engine->supervisor, reload->engine->claimable);
    mem_free(reload);
}

void engine_reload(struct engine *engine)
{
    char *message = NULL;
    struct function_set *set =
        registry_load(engine->config.functions, engine->config.functions_default, &message);
    if (!set) {
        log_error("the functions stay as they were: %s", message);
        mem_free(message);
        return;
    }
    struct reload *reload = mem_alloc(sizeof(*reload));
    *reload = (struct reload){.engine = engine};
    reload->command =
        (struct command){.apply = reload_apply, .done = reload_done, .internal = true};
    pthread_mutex_lock(&engine->functions_lock);
    struct function_set *old = engine->functions;
    engine->functions = set;
    pthread_mutex_unlock(&engine->functions_lock);
    function_set_unref(old);
    writer_post(&engine->writer, &reload->command);
    log_info("%zu functions read from %s", set->count, engine->config.functions);
}

int64_t engine_slots_used(struct engine *engine)
{
    struct function_set *set = engine_functions(engine);
    int64_t used = 0;
    for (size_t i = 0; i < set->count; i++) {
        int64_t queued, running;
        if (!function_takes_slot(&set->items[i]))
            continue;
        tally_function_counts(&engine->tally, set->items[i].name, &queued, &running);
        used += running;
    }
    function_set_unref(set);
    return used;
}

/* --- shutdown ----------------------------------------------------------------------- */

static void log_what_is_left(struct engine *engine)
{
    int64_t states[STATE_COUNT];
    tally_states(&engine->tally, states);
    int64_t live = states[STATE_QUEUED] + states[STATE_SCHEDULED] + states[STATE_WAITING];
    int64_t cut_short = engine->requeued < live ? engine->requeued : live;
    int64_t not_started = live - cut_short;
    int64_t running = cut_short + states[STATE_RUNNING]; /* elsewhere: their workers may go on */
    if (running || not_started)
        log_warn("shutdown: %lld running and %lld not started are left unfinished",
                 (long long)running, (long long)not_started);
}

void engine_stop(struct engine *engine)
{
    supervisor_stop(&engine->supervisor);
    log_what_is_left(engine);
    readers_stop(&engine->readers);
    writer_stop(&engine->writer);
    room_done(&engine->room);
    tally_done(&engine->tally);
    buf_done(&engine->last_words);
    meter_done(&engine->meter);
    last_errors_done(&engine->last_errors);
    function_set_unref(engine->functions);
    function_set_unref(engine->claimable);
}

void engine_close(struct engine *engine)
{
    writer_close(&engine->writer);
    close(engine->lock);
}
