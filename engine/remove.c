#include "engine/remove.h"

#include "base/mem.h"
#include "store/rows.h"

static void remove_apply(struct command *command, struct txn *txn)
{
    struct removal *removal = container_of(command, struct removal, command);
    struct task_row row;
    if (!row_by_id(txn->db, removal->id, &row, &txn->arena)) {
        problem_set(&command->problem, command->arena, PROBLEM_NOT_FOUND,
                    "there is no task with the id \"%.*s\"", STR_ARG(removal->id));
    } else if (!state_terminal(row_state(&row))) {
        problem_set(&command->problem, command->arena, PROBLEM_TASK_LIVE, "the task is %.*s",
                    STR_ARG(row.state));
    } else if (row_needed(txn->db, row.seq)) {
        problem_set(&command->problem, command->arena, PROBLEM_TASK_NEEDED,
                    "a task that has not ended needs its result");
    } else {
        row_delete(txn->db, &row);
        tally_forget(&removal->engine->tally, &row);
    }
}

void remove_post(struct engine *engine, struct removal *removal, void (*done)(struct command *))
{
    removal->engine = engine;
    removal->command.apply = remove_apply;
    removal->command.done = done;
    writer_post(&engine->writer, &removal->command);
}
