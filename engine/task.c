#include "engine/task.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/audience.h"
#include "engine/guard.h"
#include "store/logs.h"

#include <assert.h>

/* Lines of log are told beside so much of events in a transaction, in bytes: each has the task's
 * channels in it. The log has those that are not told. */
enum { LOG_TOLD_MAX = 32 << 20 };

static struct event event_of(const struct task_row *row, enum event_type type, int64_t now)
{
    return (struct event){.type = type,
                          .task = row->id,
                          .state = row->state.data,
                          .kind = row->kind.data,
                          .function = row->function,
                          .at = now,
                          .channels = row->channels};
}

/* Only what began elsewhere has a cause worth naming. */
static struct str cause_of(const struct task_row *row)
{
    return row->caused_by.data && !str_eq(row->caused_by, row->id) ? row->caused_by : STR_NONE;
}

static void tell(struct txn *txn, const struct task_row *row, enum event_type type,
                 const struct move_with *with)
{
    struct event event = event_of(row, type, txn->now);
    event.attempt = row->attempt;
    event.caused_by = cause_of(row);
    event.error = row->error;
    if (type == EVENT_SUCCEEDED) {
        if (with->result.len <= EVENT_RESULT_MAX && str_eq(row->result_access, STR("many")))
            event.result = with->result;
        event.safe_exit = with->safe_exit;
        event.channels = audience_of(txn, row);
    }
    if (row->silent && type == EVENT_CANCELLED)
        txn_end_silently(txn, row->seq, &event);
    else
        txn_emit(txn, row->seq, &event);
}

static void move_times(struct engine *engine, struct txn *txn, struct task_row *row,
                       enum task_state to)
{
    if (to == STATE_QUEUED)
        row->queued_at = txn->now;
    if (to == STATE_RUNNING) {
        row->attempt++;
        row->started_at = txn->now;
        row->progress = STR_NONE;
    } else if (state_terminal(to)) {
        row->finished_at = txn->now;
    } else if (to == STATE_SCHEDULED && row->run_at < engine->next_due) {
        engine->next_due = row->run_at; /* where it is 0, it is looked up: others may come before */
    }
}

/* What no client may see is kept only while a live task needs it. */
static void keep_result(struct txn *txn, struct task_row *row, struct str result)
{
    row->result_gone = str_eq(row->result_access, STR("discard"));
    if (!row->result_gone || row_needed(txn->db, row->seq))
        result_insert(txn->db, row->seq, result);
}

static struct str failure_json(struct txn *txn, const struct task_row *row,
                               const struct failure *failure)
{
    struct failure whole = *failure;
    struct buf json = {0};
    whole.attempt = row->attempt;
    whole.caused_by = cause_of(row);
    failure_render(&whole, &json);
    struct str kept = arena_str(&txn->arena, buf_str(&json));
    buf_done(&json);
    return kept;
}

/* The one place where messages are cut: whoever wrote them, each event of the task has them. */
static void keep_failure(struct engine *engine, struct txn *txn, struct task_row *row,
                         enum task_state from, const struct failure *given)
{
    struct failure failure = *given;
    failure.message = str_limit(failure.message, MESSAGE_MAX_BYTES);
    row->error = failure_json(txn, row, &failure);
    if (from == STATE_RUNNING && row_state(row) != STATE_CANCELLED)
        last_error_note(&engine->last_errors, txn, row, &failure);
    if (row_state(row) == STATE_FAILED && row->guard)
        guard_failed(engine, txn, row, failure.message);
}

void task_move(struct engine *engine, struct txn *txn, struct task_row *row, enum task_cause cause,
               const struct move_with *with)
{
    static const struct move_with nothing = {0};
    enum task_state from = row_state(row);
    const struct state_move *move = state_move(from, cause);
    assert(move);
    with = with ? with : &nothing;
    row->state = str_of(state_text(move->to));
    row->version++;
    move_times(engine, txn, row, move->to);
    if (with->failure)
        keep_failure(engine, txn, row, from, with->failure);
    if (with->result.data) {
        keep_result(txn, row, with->result);
        CRASH_POINT(result_stored);
    }
    if (move->event != EVENT_NONE)
        tell(txn, row, move->event, with);
    if (!state_terminal(move->to))
        row->error = STR_NONE; /* of a failed attempt: told, but the task has not failed */
    row_move(txn->db, row, from);
    tally_move(&engine->tally, (int)from, row);
    meter_move(&engine->meter, txn->now, move, row);
}

void task_add(struct engine *engine, struct txn *txn, struct task_row *row)
{
    struct event event = event_of(row, EVENT_CREATED, txn->now);
    move_times(engine, txn, row, row_state(row));
    row_insert(txn->db, row);
    tally_move(&engine->tally, -1, row);
    meter_add(&engine->meter, row);
    txn_emit(txn, row->seq, &event);
}

/* A report as those who wait for the task have it in their events: a long message stays with the
 * task. */
static struct str passed_on(struct txn *txn, struct str progress)
{
    struct json json;
    struct json_error error;
    uint32_t value = 0;
    if (progress.len <= EVENT_PASSED_ON_MAX)
        return progress;
    if (json_parse(progress, JSON_MAX_DEPTH, &txn->arena, &json, &error))
        value = json_member(&json, 0, STR("value"));
    return arena_printf(&txn->arena, "{\"value\":%.*s,\"message\":null}",
                        STR_ARG(value ? json_raw(&json, value) : STR("null")));
}

void task_progress(struct engine *engine, struct txn *txn, struct task_row *row,
                   struct str progress)
{
    (void)engine;
    row->progress = progress;
    row->version++;
    row_touch(txn->db, row);
    struct event event = event_of(row, EVENT_PROGRESS, txn->now);
    event.progress = progress;
    event.attempt = row->attempt;
    txn_emit(txn, row->seq, &event);

    struct task_row *ancestors;
    size_t count = audience_ancestors(txn, row->seq, &ancestors);
    struct str passed = count ? passed_on(txn, progress) : STR_NONE;
    for (size_t i = 0; i < count; i++) {
        struct event of_ancestor = event_of(&ancestors[i], EVENT_PROGRESS, txn->now);
        of_ancestor.progress = passed;
        of_ancestor.origin = row->id;
        txn_emit(txn, ancestors[i].seq, &of_ancestor);
    }
}

/* A line as it is stored: time, stream, text. */
static void tell_line(struct txn *txn, const struct task_row *row, struct str line)
{
    struct event event = event_of(row, EVENT_LOG, txn->now);
    struct str time = str_cut(&line, ' ');
    clock_parse(time, &event.at);
    event.stream = str_cut(&line, ' ');
    event.line = line.data ? line : STR("");
    event.attempt = row->attempt;
    txn_tell(txn, row->seq, &event);
}

void task_log(struct engine *engine, struct txn *txn, int64_t task, struct str lines,
              int64_t dropped_lines, int64_t dropped_bytes)
{
    struct task_row row; /* gone: ended from outside and deleted, while its process was dying */
    if ((!lines.len && !dropped_lines) || !row_by_seq(txn->db, task, &row, &txn->arena))
        return;
    log_append(txn->db, task, lines, dropped_lines, dropped_bytes);
    if (!engine->sink.wants_logs || !engine->sink.wants_logs(engine->sink.arg))
        return;
    while (lines.len && txn->told < LOG_TOLD_MAX)
        tell_line(txn, &row, str_cut(&lines, '\n'));
}
