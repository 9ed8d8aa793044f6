#include "engine/create.h"

#include "base/mem.h"
#include "engine/task.h"

/* --- Idempotency-Key ----------------------------------------------------------------- */

/* True: the key was used before, and either the first answer is there again or the problem is
 * set. */
static bool replay(struct create *create, struct txn *txn)
{
    struct arena *arena = create->command.arena;
    struct stmt *stmt = db_stmt(txn->db, SQL_answer);
    stmt_bind_text(stmt, ":key", create->key);
    bool found = stmt_step(stmt) && stmt_int(stmt, 1) + IDEMPOTENCY_MS > txn->now;
    if (found && !str_eq(stmt_text(stmt, 0), create->body_hash)) {
        problem_set(&create->command.problem, arena, PROBLEM_IDEMPOTENCY_MISMATCH,
                    "this Idempotency-Key came with another body before");
    } else if (found) {
        create->replayed = true;
        create->answered = (struct create_answer){.status = stmt_int(stmt, 2),
                                                  .task = arena_str(arena, stmt_text(stmt, 3)),
                                                  .body = arena_str(arena, stmt_text(stmt, 4))};
    }
    stmt_end(stmt);
    return found;
}

static void keep_answer(struct create *create, struct txn *txn)
{
    struct stmt *stmt = db_stmt(txn->db, SQL_answer_delete); /* one that is too old */
    stmt_bind_text(stmt, ":key", create->key);
    stmt_run(stmt);
    stmt = db_stmt(txn->db, SQL_answer_insert);
    stmt_bind_text(stmt, ":key", create->key);
    stmt_bind_text(stmt, ":body", create->body_hash);
    stmt_bind_int(stmt, ":at", txn->now);
    stmt_bind_int(stmt, ":status", create->answered.status);
    stmt_bind_text(stmt, ":task", create->answered.task);
    stmt_bind_text(stmt, ":answer", create->answered.body);
    stmt_run(stmt);
    sweep_by(create->engine, txn->now + IDEMPOTENCY_MS);
}

/* --- what refuses it ------------------------------------------------------------------ */

static bool check_open(struct create *create)
{
    return !create->engine->closed ||
           problem_set(&create->command.problem, create->command.arena, PROBLEM_DRAINING,
                       "the server is shutting down and takes no new tasks");
}

static bool check_disk(struct create *create, const struct txn *txn)
{
    return !txn->full ||
           problem_set(&create->command.problem, create->command.arena, PROBLEM_STORAGE_FULL,
                       "the disk is full; what room there is is kept for tasks to end");
}

static bool check_room(struct create *create)
{
    struct engine *engine = create->engine;
    int64_t count = tally_backlog(&engine->tally) + (int64_t)create->place.new_count;
    return !create->place.new_count || count <= engine->config.max_queued ||
           problem_set(&create->command.problem, create->command.arena, PROBLEM_QUEUE_FULL,
                       "no more than %lld tasks may be queued, scheduled or waiting",
                       (long long)engine->config.max_queued);
}

/* --- what is shown of others ------------------------------------------------------------ */

/* A place in the answer beside its pointer: an id, a state, names of members. */
enum { PLACE_BYTES = 128 };

static size_t payload_bytes(const struct payload *payload)
{
    return payload->args.len + payload->kwargs.len + payload->metadata.len;
}

/* A task that is made by this create, and joined by another element of the array. */
static size_t spec_bytes(const struct spec *spec)
{
    size_t bytes = spec->args.len + spec->kwargs.len + spec->metadata.len;
    for (size_t k = 0; k < spec->dependency_count; k++)
        bytes += PLACE_BYTES + spec->dependencies[k].at.len;
    return bytes;
}

/* Once for each task, however many elements came to it. */
static void shown_read(struct shown *shown, const struct task_row *row, struct db *db,
                       struct arena *arena)
{
    payload_read(db, row->seq, &shown->payload, arena);
    shown->dependency_count = dependencies_read(db, row->seq, &shown->dependencies, arena);
    shown->bytes = PLACE_BYTES + payload_bytes(&shown->payload) + row->channels.len +
                   row->progress.len + row->error.len;
    for (size_t k = 0; k < shown->dependency_count; k++)
        shown->bytes += PLACE_BYTES + shown->dependencies[k].at.len;
}

static size_t bytes_of(struct create *create, size_t stands, struct db *db)
{
    const struct placed *placed = &create->place.tasks[stands];
    struct shown *shown = &create->shown[stands];
    size_t channels = placed->share ? placed->share->channels.len : 0;
    if (placed->how == PLACE_NEW)
        return spec_bytes(&create->plan.specs[stands]) + channels;
    if (!shown->bytes)
        shown_read(shown, &placed->row, db, create->command.arena);
    return shown->bytes + channels;
}

/* A task alone is shown whatever it has. */
static bool read_shown(struct create *create, struct txn *txn)
{
    const struct plan *plan = &create->plan;
    size_t total = 0;
    if (create->ids_only)
        return true;
    create->shown = ARENA_ARRAY(create->command.arena, struct shown, plan->count);
    for (size_t i = 0; i < plan->root_count; i++) {
        if (create->place.tasks[plan->roots[i]].how == PLACE_NEW)
            continue;
        total += bytes_of(create, plan_stands_for(plan, plan->roots[i]), txn->db);
        if (total > SHOWN_MAX && plan->batch)
            return problem_at(&create->command.problem, create->command.arena,
                              PROBLEM_INVALID_REQUEST, plan->specs[plan->roots[i]].pointer,
                              "the shared tasks up to this one have more than %d bytes to show; "
                              "\"Prefer: return=minimal\" answers with the ids alone",
                              SHOWN_MAX);
    }
    return true;
}

/* --- the create ---------------------------------------------------------------------- */

static void create_apply(struct command *command, struct txn *txn)
{
    struct create *create = container_of(command, struct create, command);
    struct place *place = &create->place;
    create->replayed = false;
    create->answered = (struct create_answer){0};
    *place = (struct place){.engine = create->engine,
                            .plan = &create->plan,
                            .arena = command->arena,
                            .problem = &command->problem};
    if (create->key.data && replay(create, txn))
        return;
    command->problem = create->refused;
    if (command->problem.code != PROBLEM_NONE)
        return;
    if (!check_open(create) || !check_disk(create, txn) || !place_check(place, txn) ||
        !check_room(create) || !read_shown(create, txn))
        return;
    place_store(place, txn);
    if (create->key.data) {
        create->answer(create, &create->answered);
        keep_answer(create, txn);
    }
}

void create_post(struct engine *engine, struct create *create, void (*done)(struct command *))
{
    create->engine = engine;
    create->command.apply = create_apply;
    create->command.done = done;
    writer_post(&engine->writer, &create->command);
}
