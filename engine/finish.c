#include "engine/finish.h"

#include "base/mem.h"
#include "engine/continuation.h"
#include "engine/task.h"

#include <sys/random.h>

/* A server that died under a task this many times is taken to have died of it (design 3.4). */
enum { INTERRUPTIONS_MAX = 3 };

static void fail(struct engine *engine, struct txn *txn, struct task_row *row,
                 const struct failure *failure)
{
    row->caused_by = row->id;
    task_move(engine, txn, row, CAUSE_FAIL, &(struct move_with){.failure = failure});
    task_ended(engine, txn, row);
}

static void fail_or_retry(struct engine *engine, struct txn *txn, struct task_row *row,
                          const struct outcome *outcome, const struct failure *failure)
{
    row->failures++;
    if (row->failures >= row->max_attempts || outcome->final) {
        fail(engine, txn, row, failure);
        return;
    }
    struct backoff backoff = {row->backoff_initial, row->backoff_factor, row->backoff_max};
    uint64_t random = 0;
    if (getrandom(&random, sizeof(random), 0) < 0)
        random = 0; /* no jitter this time */
    int64_t pause = backoff_pause(backoff, row->failures, random);
    row->run_at = txn->now + (pause > outcome->retry_after ? pause : outcome->retry_after);
    task_move(engine, txn, row, CAUSE_RETRY, &(struct move_with){.failure = failure});
}

/* design 5.5 */
enum { RESTART_PAUSE_MS = 1000, RESTART_PAUSE_MAX_MS = 60000, HEALTHY_MS = 60000 };

void finish_restart(struct engine *engine, struct txn *txn, struct task_row *row,
                    const struct failure *failure)
{
    bool healthy = txn->now - row->started_at >= HEALTHY_MS;
    row->pause = healthy || !row->pause ? RESTART_PAUSE_MS : row->pause * 2;
    if (row->pause > RESTART_PAUSE_MAX_MS)
        row->pause = RESTART_PAUSE_MAX_MS;
    row->run_at = txn->now + row->pause;
    row->restarts++;
    task_move(engine, txn, row, CAUSE_RESTART, &(struct move_with){.failure = failure});
}

void finish_cancelled(struct engine *engine, struct txn *txn, struct task_row *row)
{
    struct failure failure = {.code = FAILURE_CANCELLED, .message = STR("the task was cancelled")};
    task_move(engine, txn, row, CAUSE_KILLED, &(struct move_with){.failure = &failure});
    task_ended(engine, txn, row);
}

void finish_lost(struct engine *engine, struct txn *txn, struct task_row *row, bool counts,
                 struct str why)
{
    const struct function *function = function_find(engine->claimable, row->function);
    struct failure failure = {.code = FAILURE_INTERRUPTED, .message = why};
    if (row->cancel_requested) {
        finish_cancelled(engine, txn, row);
        return;
    }
    row->interruptions += counts;
    bool last =
        row->interruptions >= INTERRUPTIONS_MAX || (function && function->fail_on_interrupt);
    if (last && !row->forever)
        fail(engine, txn, row, &failure);
    else
        task_move(engine, txn, row, CAUSE_INTERRUPT, NULL);
}

static bool still_running(struct txn *txn, const struct attempt *attempt, struct task_row *row)
{
    return row_by_seq(txn->db, attempt->task, row, &txn->arena) &&
           row_state(row) == STATE_RUNNING && row->attempt == attempt->run.attempt;
}

static void end_by_itself(struct engine *engine, struct txn *txn, struct task_row *row,
                          const struct finish *finish)
{
    const struct outcome *outcome = &finish->outcome;
    struct failure failure = outcome->failure;
    bool succeeded = outcome->succeeded;
    if (row->forever) {
        finish_restart(engine, txn, row, succeeded ? NULL : &failure);
        return;
    }
    if (succeeded && finish->continuation) {
        succeeded = continuation_store(engine, txn, row, finish->continuation, &failure);
        if (succeeded)
            return;
    }
    if (!succeeded) {
        fail_or_retry(engine, txn, row, outcome, &failure);
        return;
    }
    task_move(engine, txn, row, CAUSE_SUCCEED,
              &(struct move_with){.result = outcome->result, .safe_exit = outcome->safe_exit});
    task_ended(engine, txn, row);
}

void finish_row(struct engine *engine, struct txn *txn, struct task_row *row,
                const struct finish *finish)
{
    if (row->cancel_requested)
        finish_cancelled(engine, txn, row);
    else if (finish->interrupted) /* by a shutdown, or by the end of a worker that others ran in */
        finish_lost(engine, txn, row, false, STR("the task was stopped while it was running"));
    else
        end_by_itself(engine, txn, row, finish);
}

static void finish_apply(struct command *command, struct txn *txn)
{
    struct finish *finish = container_of(command, struct finish, command);
    struct attempt *attempt = container_of(finish, struct attempt, finish);
    struct engine *engine = attempt->engine;
    struct task_row row;
    finish->ended = still_running(txn, attempt, &row);
    if (!finish->ended)
        return;
    if (attempt->progress.len)
        task_progress(engine, txn, &row, buf_str(&attempt->progress));
    task_log(engine, txn, attempt->task, buf_str(&attempt->log), attempt->dropped_lines,
             attempt->dropped_bytes);
    bool stopped = attempt->stop == STOP_SHUTDOWN && engine->config.cancel_at_shutdown;
    if (stopped && !row.cancel_requested) {
        row.caused_by = row.id;
        finish_cancelled(engine, txn, &row);
    } else {
        finish_row(engine, txn, &row, finish);
    }
    finish->requeued = attempt->stop == STOP_SHUTDOWN && !state_terminal(row_state(&row));
}

static void finish_done(struct command *command)
{
    struct finish *finish = container_of(command, struct finish, command);
    struct attempt *attempt = container_of(finish, struct attempt, finish);
    struct engine *engine = attempt->engine;
    engine->in_flight--;
    engine->ends_held -= finish->held;
    engine->requeued += finish->ended && finish->requeued;
    if (!finish->ended) {
        tally_function_of(&engine->tally, attempt->run.function->name)->outlived--;
        engine->again = true; /* its slot is free only now */
    }
    attempt_free(attempt);
    engine_check_drained(engine);
}

/* Its slot stays taken, but a shutdown does not wait for room. */
static void finish_held(struct command *command)
{
    struct finish *finish = container_of(command, struct finish, command);
    struct engine *engine = container_of(finish, struct attempt, finish)->engine;
    engine->ends_held += !finish->held;
    finish->held = true;
    engine_check_drained(engine);
}

void finish_post(struct attempt *attempt)
{
    struct command *command = &attempt->finish.command;
    command->apply = finish_apply;
    command->done = finish_done;
    command->held = finish_held;
    command->arena = &attempt->run.arena;
    command->internal = true;
    writer_post(&attempt->engine->writer, command);
}

/* --- what an attempt says ----------------------------------------------------- */

struct report {
    struct command command;
    struct arena arena; /* owns text, and this */
    struct engine *engine;
    int64_t task, attempt;
    struct str text;
    int64_t dropped_lines, dropped_bytes; /* of a log */
};

static void progress_apply(struct command *command, struct txn *txn)
{
    struct report *report = container_of(command, struct report, command);
    struct task_row row;
    if (row_by_seq(txn->db, report->task, &row, &txn->arena) && row_state(&row) == STATE_RUNNING &&
        row.attempt == report->attempt)
        task_progress(report->engine, txn, &row, report->text);
}

static void log_apply(struct command *command, struct txn *txn)
{
    struct report *report = container_of(command, struct report, command);
    task_log(report->engine, txn, report->task, report->text, report->dropped_lines,
             report->dropped_bytes);
}

static void report_done(struct command *command)
{
    struct arena arena = container_of(command, struct report, command)->arena;
    arena_done(&arena);
}

static struct report *report_new(struct attempt *attempt, struct str text,
                                 void (*apply)(struct command *, struct txn *))
{
    struct arena arena = {0};
    struct report *report = ARENA_NEW(&arena, struct report);
    report->text = arena_str(&arena, text);
    report->arena = arena;
    report->engine = attempt->engine;
    report->task = attempt->task;
    report->attempt = attempt->run.attempt;
    report->command.apply = apply;
    report->command.done = report_done;
    report->command.arena = &report->arena;
    report->command.internal = true;
    return report;
}

void progress_post(struct attempt *attempt, struct str value)
{
    writer_post(&attempt->engine->writer, &report_new(attempt, value, progress_apply)->command);
}

void log_post(struct attempt *attempt, struct str lines, int64_t dropped_lines,
              int64_t dropped_bytes)
{
    struct report *report = report_new(attempt, lines, log_apply);
    report->dropped_lines = dropped_lines;
    report->dropped_bytes = dropped_bytes;
    writer_post(&attempt->engine->writer, &report->command);
}
