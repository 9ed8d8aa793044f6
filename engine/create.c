#include "engine/create.h"

#include "base/mem.h"
#include "engine/task.h"

static bool check_open(struct create *create)
{
    struct engine *engine = create->engine;
    struct problem *problem = &create->command.problem;
    if (engine->closed)
        return problem_set(problem, create->command.arena, PROBLEM_DRAINING,
                           "the server is shutting down and takes no new tasks");
    int64_t count = tally_backlog(&engine->tally) + (int64_t)create->plan.count;
    if (count > engine->config.max_queued)
        return problem_set(problem, create->command.arena, PROBLEM_QUEUE_FULL,
                           "no more than %lld tasks may be queued, scheduled or waiting",
                           (long long)engine->config.max_queued);
    return true;
}

static bool check_ids(struct create *create, struct txn *txn)
{
    for (size_t i = 0; i < create->plan.count; i++) {
        const struct spec *spec = &create->plan.specs[i];
        if (!spec->id_given || !row_seq_by_id(txn->db, spec->id))
            continue;
        struct str pointer = arena_printf(create->command.arena, "%.*s/id", STR_ARG(spec->pointer));
        return problem_at(&create->command.problem, create->command.arena, PROBLEM_DUPLICATE_ID,
                          pointer, "there is a task with the id \"%.*s\" already",
                          STR_ARG(spec->id));
    }
    return true;
}

/* Finds the seq of each dependency: tasks of the plan get theirs from first on. */
static bool check_references(struct create *create, struct txn *txn, int64_t first)
{
    for (size_t i = 0; i < create->plan.count; i++) {
        const struct spec *spec = &create->plan.specs[i];
        struct arena *arena = create->command.arena;
        int64_t *seqs = ARENA_ARRAY(arena, int64_t, spec->dependency_count);
        struct str *states = ARENA_ARRAY(arena, struct str, spec->dependency_count);
        create->dependency_seqs[i] = seqs;
        create->outside_states[i] = states;
        for (size_t k = 0; k < spec->dependency_count; k++) {
            const struct dependency *dependency = &spec->dependencies[k];
            struct task_row row;
            if (dependency->spec >= 0) {
                seqs[k] = first + dependency->spec;
                continue;
            }
            if (!row_by_id(txn->db, dependency->id, &row, arena))
                return problem_at(&create->command.problem, arena, PROBLEM_UNKNOWN_TASK,
                                  dependency->pointer, "there is no task with the id \"%.*s\"",
                                  STR_ARG(dependency->id));
            seqs[k] = row.seq;
            states[k] = row.state;
        }
    }
    return true;
}

static enum task_state first_state(const struct spec *spec, int64_t now)
{
    if (spec->dependency_count)
        return STATE_WAITING;
    return spec->run_at > now ? STATE_SCHEDULED : STATE_QUEUED;
}

static struct task_row row_of(const struct spec *spec, struct txn *txn)
{
    return (struct task_row){
        .seq = txn->next_seq++,
        .id = spec->id,
        .kind = spec->meta ? STR("meta") : STR("task"),
        .function = spec->function->name,
        .state = str_of(state_text(first_state(spec, txn->now))),
        .lane = spec->meta && !spec->process_as_task ? 0 : 1,
        .priority = spec->priority,
        .channels = spec->channels_json,
        .max_attempts = spec->max_attempts,
        .timeout = spec->timeout,
        .backoff_initial = spec->backoff.initial,
        .backoff_factor = spec->backoff.factor,
        .backoff_max = spec->backoff.max,
        .wait_for = spec->meta ? str_of(wait_for_text(spec->wait_for)) : STR_NONE,
        .unresolved = (int64_t)spec->dependency_count,
        .subscribers = spec->inner ? 0 : 1,
        .version = 1,
        .created_at = txn->now,
        .run_at = spec->run_at,
        .cache_key = spec->cache_key,
        .cache_ttl = spec->cache_ttl,
        .result_access = str_of(result_access_text(spec->result_access)),
        .forever = spec->forever,
        .guard = spec->guard,
    };
}

static void insert_dependencies(struct db *db, int64_t task, const struct spec *spec,
                                const int64_t *seqs)
{
    for (size_t k = 0; k < spec->dependency_count; k++) {
        struct stmt *stmt = db_stmt(db, SQL_dependency_insert);
        stmt_bind_int(stmt, ":task", task);
        stmt_bind_int(stmt, ":position", (int64_t)k);
        stmt_bind_int(stmt, ":dependency", seqs[k]);
        stmt_bind_text(stmt, ":at", spec->dependencies[k].at);
        stmt_bind_int(stmt, ":optional", spec->dependencies[k].optional);
        stmt_run(stmt);
    }
}

static void insert(struct create *create, struct txn *txn, size_t i)
{
    const struct spec *spec = &create->plan.specs[i];
    struct task_row *row = &create->rows[i];
    *row = row_of(spec, txn);
    task_add(create->engine, txn, row);
    payload_insert(txn->db, row->seq, &(struct payload){spec->args, spec->kwargs, spec->metadata});
    insert_dependencies(txn->db, row->seq, spec, create->dependency_seqs[i]);
    for (size_t k = 0; k < spec->channel_count; k++) {
        struct stmt *stmt = db_stmt(txn->db, SQL_channel_insert);
        stmt_bind_text(stmt, ":channel", spec->channels[k]);
        stmt_bind_int(stmt, ":task", row->seq);
        stmt_run(stmt);
    }
}

static bool seen_before(const int64_t *seqs, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        if (seqs[i] == seqs[k])
            return true;
    }
    return false;
}

/* Tasks that existed before and have ended count at once. False: there are none. */
static bool count_ended(struct create *create, struct txn *txn, size_t i)
{
    const struct spec *spec = &create->plan.specs[i];
    const int64_t *seqs = create->dependency_seqs[i];
    bool changed = false;
    for (size_t k = 0; k < spec->dependency_count; k++) {
        enum task_state state;
        if (spec->dependencies[k].spec >= 0 || !state_parse(create->outside_states[i][k], &state) ||
            !state_terminal(state) || seen_before(seqs, k))
            continue;
        task_count_ended(create->engine, txn, create->rows[i].seq, seqs[k]);
        changed = true;
    }
    return changed;
}

/* What that changes is read again for the answer. */
static void follow_up_ended(struct create *create, struct txn *txn)
{
    bool changed = false;
    for (size_t i = 0; i < create->plan.count; i++)
        changed = count_ended(create, txn, i) || changed;
    for (size_t i = 0; changed && i < create->plan.count; i++)
        row_by_seq(txn->db, create->rows[i].seq, &create->rows[i], create->command.arena);
}

static void create_apply(struct command *command, struct txn *txn)
{
    struct create *create = container_of(command, struct create, command);
    create->rows = ARENA_ARRAY(command->arena, struct task_row, create->plan.count);
    create->dependency_seqs = ARENA_ARRAY(command->arena, int64_t *, create->plan.count);
    create->outside_states = ARENA_ARRAY(command->arena, struct str *, create->plan.count);
    if (!check_open(create) || !check_ids(create, txn) ||
        !check_references(create, txn, txn->next_seq))
        return;
    for (size_t i = 0; i < create->plan.count; i++)
        insert(create, txn, i);
    follow_up_ended(create, txn);
}

void create_post(struct engine *engine, struct create *create, void (*done)(struct command *))
{
    create->engine = engine;
    create->command.apply = create_apply;
    create->command.done = done;
    writer_post(&engine->writer, &create->command);
}
