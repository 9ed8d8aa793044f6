#include "engine/place.h"

#include "base/id.h"
#include "engine/task.h"

struct placed *place_of(const struct place *place, size_t i)
{
    return &place->tasks[plan_stands_for(place->plan, i)];
}

/* --- deciding ------------------------------------------------------------------ */

/* Whether a create may have the finished task in place of a new one. */
static bool still_good(const struct task_row *row, const struct spec *spec, int64_t now)
{
    bool fresh = row->cache_ttl < 0 || row->finished_at + row->cache_ttl > now;
    bool useful = !row->result_gone || (spec->result_access == RESULT_DISCARD && !spec->inner);
    return row_state(row) == STATE_SUCCEEDED && fresh && useful;
}

static void decide(struct place *place, struct txn *txn, size_t i)
{
    const struct spec *spec = &place->plan->specs[i];
    struct placed *placed = &place->tasks[i];
    struct task_row *row = &placed->row;
    placed->how = PLACE_NEW;
    if (!spec->cache_key.data || spec->force ||
        !share_holder(txn->db, spec->cache_key, row, place->arena))
        return;
    if (!state_terminal(row_state(row)) && !row->cancel_requested)
        placed->how = PLACE_JOINED;
    else if (still_good(row, spec, txn->now))
        placed->how = PLACE_CACHED;
}

struct worklist {
    size_t *items, count;
    bool *seen;
};

/* A task is wanted, and with it the one that stands for it. */
static void want(struct place *place, struct worklist *list, size_t i)
{
    size_t stands = plan_stands_for(place->plan, i);
    if (!list->seen[stands])
        list->items[list->count++] = stands;
    list->seen[i] = list->seen[stands] = true;
}

/* From the tasks in the body itself inwards: what is inside a task that is not made is not wanted,
 * unless others want it. */
static void decide_all(struct place *place, struct txn *txn)
{
    const struct plan *plan = place->plan;
    struct worklist list = {.items = ARENA_ARRAY(place->arena, size_t, plan->count),
                            .seen = ARENA_ARRAY(place->arena, bool, plan->count)};
    for (size_t i = 0; i < plan->root_count; i++)
        want(place, &list, plan->roots[i]);
    while (list.count) {
        size_t i = list.items[--list.count];
        decide(place, txn, i);
        for (size_t k = 0; k < plan->specs[i].dependency_count; k++) {
            int64_t on = plan->specs[i].dependencies[k].spec;
            if (on >= 0 && place->tasks[i].how == PLACE_NEW)
                want(place, &list, (size_t)on);
        }
    }
    for (size_t i = 0; i < plan->count; i++) {
        if (list.seen[i] && plan->specs[i].same_as >= 0)
            place->tasks[i].how =
                place_of(place, i)->how == PLACE_CACHED ? PLACE_CACHED : PLACE_JOINED;
    }
}

/* New tasks get their numbers in the order in which they will be stored. */
static void number(struct place *place, const struct txn *txn)
{
    place->new_count = 0;
    for (size_t i = 0; i < place->plan->count; i++) {
        if (place->tasks[i].how == PLACE_NEW)
            place->tasks[i].row.seq = txn->next_seq + (int64_t)place->new_count++;
    }
}

static bool refuse(struct place *place, enum problem_code code, const struct spec *spec,
                   const char *member, struct str detail)
{
    struct str pointer = arena_printf(place->arena, "%.*s/%s", STR_ARG(spec->pointer), member);
    return problem_at(place->problem, place->arena, code, pointer, "%.*s", STR_ARG(detail));
}

static bool check_spec(struct place *place, struct txn *txn, const struct spec *spec)
{
    if (spec->id_given && row_seq_by_id(txn->db, spec->id))
        return refuse(place, PROBLEM_DUPLICATE_ID, spec, "id",
                      arena_printf(place->arena, "there is a task with the id \"%.*s\" already",
                                   STR_ARG(spec->id)));
    if (spec->guard && !place->engine->config.allow_guard)
        return refuse(place, PROBLEM_GUARD_DISABLED, spec, "guard",
                      STR("the server was started without --allow-guard"));
    return true;
}

static bool look_up(struct place *place, struct txn *txn, const struct dependency *dependency,
                    struct placed_dependency *found)
{
    struct task_standing standing;
    if (!standing_by_id(txn->db, dependency->id, &standing))
        return problem_at(place->problem, place->arena, PROBLEM_UNKNOWN_TASK, dependency->pointer,
                          "there is no task with the id \"%.*s\"", STR_ARG(dependency->id));
    if (standing.result_gone)
        return problem_at(place->problem, place->arena, PROBLEM_INVALID_REQUEST,
                          dependency->pointer, "the result of the task \"%.*s\" is gone",
                          STR_ARG(dependency->id));
    *found = (struct placed_dependency){standing.seq, str_of(state_text(standing.state)),
                                        standing.version};
    return true;
}

bool place_dependency(struct place *place, struct txn *txn, const struct dependency *dependency,
                      struct placed_dependency *found)
{
    if (dependency->spec < 0)
        return look_up(place, txn, dependency, found);
    const struct placed *on = place_of(place, (size_t)dependency->spec);
    *found = (struct placed_dependency){
        on->row.seq, on->how == PLACE_NEW ? STR_NONE : on->row.state, on->row.version};
    return true;
}

/* Finds the task behind each $task of a new task. */
static bool find_dependencies(struct place *place, struct txn *txn, size_t i)
{
    const struct spec *spec = &place->plan->specs[i];
    struct placed *placed = &place->tasks[i];
    placed->dependencies =
        ARENA_ARRAY(place->arena, struct placed_dependency, spec->dependency_count);
    for (size_t k = 0; k < spec->dependency_count; k++) {
        if (!place_dependency(place, txn, &spec->dependencies[k], &placed->dependencies[k]))
            return false;
    }
    return true;
}

/* Who joins, gathered by task: however many they are, each task is changed once. */
static bool check_joins(struct place *place)
{
    const struct plan *plan = place->plan;
    for (size_t i = 0; i < plan->count; i++) {
        if (place->tasks[i].how == PLACE_JOINED)
            share_add(&place_of(place, i)->share, &plan->specs[i], place->arena);
    }
    for (size_t i = 0; i < plan->count; i++) {
        struct placed *placed = &place->tasks[i];
        if (!placed->share)
            continue;
        bool made = placed->how == PLACE_NEW;
        const struct spec *spec =
            share_merge(placed->share, made ? plan->specs[i].channels_json : placed->row.channels,
                        place->arena);
        if (spec)
            return refuse(place, PROBLEM_INVALID_REQUEST, spec, "notify_channels",
                          arena_printf(place->arena,
                                       "the task that this joins would have more than %d channels",
                                       SHARED_CHANNELS_MAX));
    }
    return true;
}

bool place_check(struct place *place, struct txn *txn)
{
    place->tasks = ARENA_ARRAY(place->arena, struct placed, place->plan->count);
    decide_all(place, txn);
    number(place, txn);
    for (size_t i = 0; i < place->plan->count; i++) {
        if (place->tasks[i].how == PLACE_NEW &&
            (!check_spec(place, txn, &place->plan->specs[i]) || !find_dependencies(place, txn, i)))
            return false;
    }
    return check_joins(place);
}

/* --- storing -------------------------------------------------------------------- */

static enum task_state first_state(const struct spec *spec, int64_t now)
{
    if (spec->dependency_count)
        return STATE_WAITING;
    return spec->run_at > now ? STATE_SCHEDULED : STATE_QUEUED;
}

static struct task_row row_of(const struct spec *spec, int64_t seq, int64_t now)
{
    return (struct task_row){
        .seq = seq,
        .id = spec->id,
        .kind = spec->meta ? STR("meta") : STR("task"),
        .function = spec->function->name,
        .state = str_of(state_text(first_state(spec, now))),
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
        .created_at = now,
        .run_at = spec->run_at,
        .cache_key = spec->cache_key,
        .cache_ttl = spec->cache_ttl,
        .result_access = str_of(result_access_text(spec->result_access)),
        .forever = spec->forever,
        .guard = spec->guard,
    };
}

static void insert_dependencies(struct db *db, int64_t task, const struct spec *spec,
                                const struct placed_dependency *found)
{
    for (size_t k = 0; k < spec->dependency_count; k++)
        dependency_insert(db, task,
                          &(struct dependency_place){.position = (int64_t)k,
                                                     .dependency = found[k].seq,
                                                     .at = spec->dependencies[k].at,
                                                     .optional = spec->dependencies[k].optional});
}

/* True: another task has lost the key to it. */
static bool insert(struct place *place, struct txn *txn, size_t i)
{
    const struct spec *spec = &place->plan->specs[i];
    struct placed *placed = &place->tasks[i];
    struct task_row *row = &placed->row;
    bool took = spec->cache_key.data && share_free(txn->db, spec->cache_key);
    *row = row_of(spec, txn->next_seq++, txn->now);
    row->links = place->links;
    task_add(place->engine, txn, row);
    payload_insert(txn->db, row->seq, &(struct payload){spec->args, spec->kwargs, spec->metadata});
    insert_dependencies(txn->db, row->seq, spec, placed->dependencies);
    for (size_t k = 0; k < spec->channel_count; k++)
        channel_insert(txn->db, row->seq, spec->channels[k]);
    if (spec->cache_key.data && !spec->inner)
        placed->subscription = share_subscribe(txn, row->seq, place->arena);
    return took;
}

/* A create that became another task. */
static void join(struct place *place, struct txn *txn, size_t i)
{
    struct placed *placed = &place->tasks[i];
    placed->row = place_of(place, i)->row;
    if (placed->how == PLACE_JOINED && !place->plan->specs[i].inner)
        placed->subscription = share_subscribe(txn, placed->row.seq, place->arena);
}

static bool seen_before(const struct placed_dependency *found, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        if (found[i].seq == found[k].seq)
            return true;
    }
    return false;
}

/* Tasks that existed before and have ended count at once. False: there are none. */
static bool count_ended(struct place *place, struct txn *txn, size_t i)
{
    const struct placed *placed = &place->tasks[i];
    bool changed = false;
    for (size_t k = 0; k < place->plan->specs[i].dependency_count; k++) {
        const struct placed_dependency *found = &placed->dependencies[k];
        enum task_state state;
        if (!state_parse(found->state, &state) || !state_terminal(state) ||
            seen_before(placed->dependencies, k))
            continue;
        task_count_ended(place->engine, txn, placed->row.seq, found->seq);
        changed = true;
    }
    return changed;
}

/* What has become of the tasks by all that was stored; a shared one is read once. */
static void read_again(struct place *place, struct txn *txn)
{
    const struct plan *plan = place->plan;
    for (size_t i = 0; i < plan->count; i++) {
        struct placed *placed = &place->tasks[i];
        if (placed->how != PLACE_UNWANTED && place_of(place, i) == placed)
            row_by_seq(txn->db, placed->row.seq, &placed->row, place->arena);
    }
    for (size_t i = 0; i < plan->count; i++) {
        if (place->tasks[i].how != PLACE_UNWANTED)
            place->tasks[i].row = place_of(place, i)->row;
    }
}

void place_store(struct place *place, struct txn *txn)
{
    const struct plan *plan = place->plan;
    bool changed = false;
    for (size_t i = 0; i < plan->count; i++) {
        if (place->tasks[i].how == PLACE_NEW)
            changed = insert(place, txn, i) || changed;
    }
    for (size_t i = 0; i < plan->count; i++) {
        struct placed *placed = &place->tasks[i];
        if (placed->share)
            share_store(txn, placed->row.seq, placed->share);
        if (placed->how == PLACE_NEW || placed->how == PLACE_UNWANTED)
            continue;
        join(place, txn, i);
        changed = true;
    }
    for (size_t i = 0; i < plan->count; i++) {
        if (place->tasks[i].how == PLACE_NEW)
            changed = count_ended(place, txn, i) || changed;
    }
    if (changed)
        read_again(place, txn);
}
