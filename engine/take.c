#include "engine/take.h"

#include "base/mem.h"
#include "engine/lease.h"
#include "engine/task.h"

static void take_apply(struct command *command, struct txn *txn)
{
    struct take *take = container_of(command, struct take, command);
    struct task_row row;
    take->result = STR_NONE;
    if (!row_by_seq(txn->db, take->task, &row, &txn->arena) || row.result_gone)
        return;
    take->result = result_read(txn->db, take->task, command->arena);
    row.result_gone = 1;
    row.version++;
    row_touch(txn->db, &row);
    if (!row_needed(txn->db, take->task))
        result_delete(txn->db, take->task);
}

void take_post(struct engine *engine, struct take *take, void (*done)(struct command *))
{
    take->engine = engine;
    take->command.apply = take_apply;
    take->command.done = done;
    writer_post(&engine->writer, &take->command);
}

/* It keeps its slot, or its place in a worker, until it is dead. */
static void kill_attempt(struct engine *engine, const struct task_row *row)
{
    struct order *order = order_new(ORDER_KILL, row->seq);
    order->outlives = tally_function_of(&engine->tally, row->function);
    order->outlives->outlived++;
    engine_order(engine, order);
}

static void supply_apply(struct command *command, struct txn *txn)
{
    struct supply *supply = container_of(command, struct supply, command);
    struct engine *engine = supply->engine;
    struct task_row row;
    if (!row_by_id(txn->db, supply->id, &row, &txn->arena)) {
        problem_set(&command->problem, command->arena, PROBLEM_NOT_FOUND,
                    "there is no task with the id \"%.*s\"", STR_ARG(supply->id));
        return;
    }
    if (state_terminal(row_state(&row)) || row.cancel_requested) {
        problem_set(&command->problem, command->arena, PROBLEM_TASK_FINISHED,
                    row.cancel_requested ? "the task is being cancelled"
                                         : "the task has ended already");
        return;
    }
    /* What runs by an earlier server's account has no attempt here. */
    bool running = row_state(&row) == STATE_RUNNING && !lease_revoke(txn, &row);
    running = running && !engine->recovering;
    row.caused_by = STR_NONE; /* of a failure that wait_for any has noted */
    task_move(engine, txn, &row, CAUSE_SUPPLY, &(struct move_with){.result = supply->result});
    if (running)
        kill_attempt(engine, &row);
    task_ended(engine, txn, &row);
}

void supply_post(struct engine *engine, struct supply *supply, void (*done)(struct command *))
{
    supply->engine = engine;
    supply->command.apply = supply_apply;
    supply->command.done = done;
    writer_post(&engine->writer, &supply->command);
}
