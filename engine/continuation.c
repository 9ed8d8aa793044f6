#include "engine/continuation.h"

#include "base/clock.h"
#include "engine/audience.h"
#include "engine/finish.h"
#include "engine/place.h"
#include "engine/task.h"

/* --- reading ------------------------------------------------------------------- */

/* Levels that the text below adds around a result. */
enum { WRAPPING = 2 };

static bool returns_task(struct str result, struct arena *arena)
{
    struct json json;
    struct json_error error;
    return json_parse(result, JSON_MAX_DEPTH, arena, &json, &error) &&
           json.nodes[0].type == JSON_OBJECT && json.nodes[0].count == 1 &&
           json_member(&json, 0, STR("$task"));
}

/* A meta-task has all that is needed around a $task: the result is read as the argument of one,
 * which itself is not made. */
static bool read_plan(struct run *run, struct str result, struct continuation *continuation,
                      struct problem *problem)
{
    struct str body =
        arena_printf(&run->arena, "{\"process\":\"collect\",\"args\":[%.*s]}", STR_ARG(result));
    struct plan *plan = &continuation->plan;
    struct json_error error;
    struct json *json = ARENA_NEW(&run->arena, struct json);
    if (!json_parse(body, JSON_MAX_DEPTH + WRAPPING, &run->arena, json, &error))
        return problem_set(problem, &run->arena, PROBLEM_MALFORMED_JSON, "%s", error.what);
    if (!plan_parse(json, run->functions, NULL, clock_now(), &run->arena, plan, problem))
        return false;
    continuation->dependency = plan->specs[--plan->count].dependencies[0];
    size_t *root = ARENA_NEW(&run->arena, size_t);
    *root = (size_t)continuation->dependency.spec;
    plan->roots = root;
    plan->root_count = continuation->dependency.spec >= 0;
    return true;
}

void continuation_read(struct attempt *attempt)
{
    struct finish *finish = &attempt->finish;
    struct run *run = &attempt->run;
    struct problem problem = {0};
    if (!returns_task(finish->outcome.result, &run->arena))
        return;
    struct continuation *continuation = ARENA_NEW(&run->arena, struct continuation);
    if (read_plan(run, finish->outcome.result, continuation, &problem))
        finish->continuation = continuation;
    else
        finish->outcome =
            run_failure(run, FAILURE_INVALID_RESULT,
                        "the task that it returned cannot be made: %.*s", STR_ARG(problem.detail));
}

/* --- storing -------------------------------------------------------------------- */

static bool refuse(struct txn *txn, struct failure *failure, struct str why)
{
    *failure = (struct failure){
        .code = FAILURE_INVALID_RESULT,
        .message = arena_printf(&txn->arena, "the task that it returned cannot be made: %.*s",
                                STR_ARG(why))};
    return false;
}

/* The task itself and those that wait for it: none of them may be waited for. */
struct waiting {
    const struct task_row *row, *ancestors;
    size_t count;
};

static bool is_waiting(const struct waiting *waiting, int64_t seq)
{
    bool found = seq == waiting->row->seq;
    for (size_t i = 0; i < waiting->count && !found; i++)
        found = waiting->ancestors[i].seq == seq;
    return found;
}

/* New tasks are in no circle but through one that existed before. */
static bool makes_circle(const struct place *place, const struct waiting *waiting)
{
    bool found = false;
    for (size_t i = 0; i < place->plan->count && !found; i++) {
        const struct placed *placed = &place->tasks[i];
        found = placed->how == PLACE_JOINED && is_waiting(waiting, place_of(place, i)->row.seq);
        for (size_t k = 0;
             placed->how == PLACE_NEW && !found && k < place->plan->specs[i].dependency_count; k++)
            found = is_waiting(waiting, placed->dependencies[k].seq);
    }
    return found;
}

static void wait_for_it(struct engine *engine, struct txn *txn, struct task_row *row, int64_t inner)
{
    struct stmt *stmt = db_stmt(txn->db, SQL_dependency_count);
    stmt_bind_int(stmt, ":task", row->seq);
    int64_t position = stmt_step(stmt) ? stmt_int(stmt, 0) : 0;
    stmt_end(stmt);
    dependency_insert(
        txn->db, row->seq,
        &(struct dependency_place){.position = position, .dependency = inner, .at = STR("")});
    row->continued = inner;
    row->unresolved = 1;
    task_move(engine, txn, row, CAUSE_CONTINUE, NULL);
}

bool continuation_store(struct engine *engine, struct txn *txn, struct task_row *row,
                        const struct continuation *continuation, struct failure *failure)
{
    struct problem problem = {0};
    struct place place = {.engine = engine,
                          .plan = &continuation->plan,
                          .arena = &txn->arena,
                          .problem = &problem,
                          .links = row->links + 1};
    struct task_row *ancestors;
    struct placed_dependency inner;
    if (row->links >= LINKS_MAX)
        return refuse(txn, failure, arena_printf(&txn->arena, "%d led to it already", LINKS_MAX));
    if (!place_check(&place, txn) ||
        !place_dependency(&place, txn, &continuation->dependency, &inner))
        return refuse(txn, failure, problem.detail);
    struct waiting waiting = {.row = row};
    waiting.count = audience_ancestors(txn, row->seq, &ancestors);
    waiting.ancestors = ancestors;
    if (is_waiting(&waiting, inner.seq) || makes_circle(&place, &waiting))
        return refuse(txn, failure, STR("it would wait for itself"));
    wait_for_it(engine, txn, row, inner.seq);
    place_store(&place, txn);
    enum task_state inner_state;
    if (state_parse(inner.state, &inner_state) && state_terminal(inner_state))
        task_count_ended(engine, txn, row->seq, inner.seq);
    return true;
}
