/* The first half of a shutdown: nothing new starts, and what runs is waited for. */
#include "base/mem.h"
#include "engine/cancel.h"
#include "engine/engine.h"
#include "engine/task.h"

#include <stdatomic.h>

struct closing {
    struct command command;
    struct engine *engine;
};

static void close_apply(struct command *command, struct txn *txn)
{
    (void)txn;
    container_of(command, struct closing, command)->engine->closed = true;
}

void engine_drained(struct engine *engine)
{
    pthread_mutex_lock(&engine->drained_lock);
    engine->drained = true;
    pthread_cond_signal(&engine->drained_changed);
    pthread_mutex_unlock(&engine->drained_lock);
}

void engine_check_drained(struct engine *engine)
{
    if (!engine->closed || engine->in_flight > engine->ends_held || engine->emptied)
        return;
    engine->emptied = true; /* said once: later it would be taken for the end of what follows */
    engine_drained(engine);
}

static void close_done(struct command *command)
{
    struct closing *closing = container_of(command, struct closing, command);
    engine_check_drained(closing->engine);
    mem_free(closing);
}

/* The database takes no writes, not even none: a shutdown does not wait for it. */
static void close_held(struct command *command)
{
    engine_check_drained(container_of(command, struct closing, command)->engine);
}

void engine_drain(struct engine *engine)
{
    if (atomic_exchange(&engine->draining, true)) {
        supervisor_post(&engine->supervisor, order_new(ORDER_HURRY, 0));
        return;
    }
    struct closing *closing = mem_alloc(sizeof(*closing));
    closing->engine = engine;
    closing->command = (struct command){
        .apply = close_apply, .done = close_done, .held = close_held, .internal = true};
    writer_post(&engine->writer, &closing->command);
    supervisor_post(&engine->supervisor, order_new(ORDER_DRAIN, 0));
}

void engine_wait_drained(struct engine *engine)
{
    pthread_mutex_lock(&engine->drained_lock);
    while (!engine->drained)
        pthread_cond_wait(&engine->drained_changed, &engine->drained_lock);
    pthread_mutex_unlock(&engine->drained_lock);
}

void engine_end_tasks(struct engine *engine)
{
    if (!engine->config.cancel_at_shutdown)
        return;
    pthread_mutex_lock(&engine->drained_lock);
    engine->drained = false;
    pthread_mutex_unlock(&engine->drained_lock);
    cancel_everything(engine);
    engine_wait_drained(engine);
}
