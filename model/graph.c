#include "base/map.h"
#include "base/mem.h"
#include "model/reader.h"

/* --- references by id ---------------------------------------------------------- */

struct known_id {
    struct map_node node;
    size_t spec;
};

static int64_t spec_by_id(const struct map *ids, const struct plan *plan, struct str id)
{
    for (struct map_node *n = map_find(ids, map_hash_str(id)); n; n = map_next(n)) {
        size_t spec = container_of(n, struct known_id, node)->spec;
        if (str_eq(plan->specs[spec].id, id))
            return (int64_t)spec;
    }
    return -1;
}

static bool refuse_duplicate(struct reader *reader, const struct spec *spec)
{
    struct str pointer = arena_printf(reader->arena, "%.*s/id", STR_ARG(spec->pointer));
    return problem_at(reader->problem, reader->arena, PROBLEM_DUPLICATE_ID, pointer,
                      "the id \"%.*s\" is given twice", STR_ARG(spec->id));
}

static bool resolve_ids(struct reader *reader, struct plan *plan)
{
    struct map ids = {0};
    bool fine = true;
    for (size_t i = 0; i < plan->count && fine; i++) {
        if (!plan->specs[i].id_given)
            continue;
        if (spec_by_id(&ids, plan, plan->specs[i].id) >= 0) {
            fine = refuse_duplicate(reader, &plan->specs[i]);
            continue;
        }
        struct known_id *known = ARENA_NEW(reader->arena, struct known_id);
        known->spec = i;
        map_put(&ids, &known->node, map_hash_str(plan->specs[i].id));
    }
    for (size_t i = 0; i < plan->count && fine && ids.count; i++) {
        struct spec *spec = &plan->specs[i];
        struct dependency *items = (struct dependency *)(uintptr_t)spec->dependencies;
        for (size_t k = 0; k < spec->dependency_count; k++) {
            if (items[k].id.data)
                items[k].spec = spec_by_id(&ids, plan, items[k].id);
        }
    }
    map_done(&ids);
    return fine;
}

/* --- tasks of one request that share a cache_key ----------------------------- */

struct known_key {
    struct map_node node;
    struct str key;
    size_t spec; /* that holds it */
};

static struct known_key *key_find(const struct map *keys, struct str key)
{
    for (struct map_node *n = map_find(keys, map_hash_str(key)); n; n = map_next(n)) {
        struct known_key *known = container_of(n, struct known_key, node);
        if (str_eq(known->key, key))
            return known;
    }
    return NULL;
}

/* In the order of the document: a task, then the inline tasks in it, unless it is another that runs
 * in its place. Recursion is as deep as the JSON, which is at most JSON_MAX_DEPTH. */
static void share_keys(struct reader *reader, /* NOLINT(misc-no-recursion) */
                       const struct plan *plan, size_t index, struct map *keys)
{
    struct spec *spec = &plan->specs[index];
    if (spec->cache_key.data) {
        struct known_key *known = key_find(keys, spec->cache_key);
        if (known && !spec->force) {
            spec->same_as = (int64_t)known->spec;
            return;
        }
        if (!known) {
            known = ARENA_NEW(reader->arena, struct known_key);
            known->key = spec->cache_key;
            map_put(keys, &known->node, map_hash_str(known->key));
        }
        known->spec = index;
    }
    for (size_t k = 0; k < spec->dependency_count; k++) {
        if (!spec->dependencies[k].id.data)
            share_keys(reader, plan, (size_t)spec->dependencies[k].spec, keys);
    }
}

static void resolve_keys(struct reader *reader, const struct plan *plan)
{
    struct map keys = {0};
    for (size_t i = 0; i < plan->root_count; i++)
        share_keys(reader, plan, plan->roots[i], &keys);
    map_done(&keys);
}

size_t plan_stands_for(const struct plan *plan, size_t i)
{
    int64_t same_as = plan->specs[i].same_as;
    return same_as >= 0 ? (size_t)same_as : i;
}

/* The task of the plan that a dependency leads to, or -1. */
static int64_t leads_to(const struct plan *plan, const struct dependency *dependency)
{
    return dependency->spec < 0 ? -1 : (int64_t)plan_stands_for(plan, (size_t)dependency->spec);
}

/* --- circles -------------------------------------------------------------------- */

/* Kahn's algorithm, from the tasks that need nothing: what it never reaches is in a circle or
 * behind one. left[i] counts the unreached dependencies of task i. */
static size_t reach(const struct plan *plan, size_t *left, size_t *queue, const size_t *first_user,
                    const size_t *users)
{
    size_t ready = 0;
    for (size_t i = 0; i < plan->count; i++) {
        if (!left[i])
            queue[ready++] = i;
    }
    for (size_t done = 0; done < ready; done++) {
        for (size_t u = first_user[queue[done]]; u < first_user[queue[done] + 1]; u++) {
            if (--left[users[u]] == 0)
                queue[ready++] = users[u];
        }
    }
    return ready;
}

/* The first dependency of task i that was never reached: each unreached task has one. */
static const struct dependency *unreached(const struct plan *plan, const size_t *left, size_t i)
{
    const struct dependency *dependency = plan->specs[i].dependencies;
    while (leads_to(plan, dependency) < 0 || !left[leads_to(plan, dependency)])
        dependency++;
    return dependency;
}

static size_t next_unreached(const struct plan *plan, const size_t *left, size_t i)
{
    return (size_t)leads_to(plan, unreached(plan, left, i));
}

/* From any unreached task, as many steps as there are tasks end inside a circle; of its tasks the
 * one that stands first is named. */
static bool refuse_cycle(struct reader *reader, const struct plan *plan, const size_t *left)
{
    size_t at = 0;
    while (!left[at])
        at++;
    for (size_t step = 0; step < plan->count; step++)
        at = next_unreached(plan, left, at);
    size_t first = at;
    for (size_t next = next_unreached(plan, left, at); next != at;
         next = next_unreached(plan, left, next))
        first = next < first ? next : first;
    return problem_at(reader->problem, reader->arena, PROBLEM_CYCLE,
                      unreached(plan, left, first)->pointer, "this task would wait for itself");
}

static bool check_cycles(struct reader *reader, const struct plan *plan)
{
    size_t count = plan->count, edges = 0;
    size_t *left = ARENA_ARRAY(reader->arena, size_t, count);
    size_t *queue = ARENA_ARRAY(reader->arena, size_t, count);
    size_t *first_user = ARENA_ARRAY(reader->arena, size_t, count + 2);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < plan->specs[i].dependency_count; k++) {
            int64_t on = leads_to(plan, &plan->specs[i].dependencies[k]);
            if (on < 0)
                continue;
            first_user[on + 2]++;
            left[i]++;
            edges++;
        }
    }
    for (size_t i = 2; i < count + 2; i++)
        first_user[i] += first_user[i - 1];
    size_t *users = ARENA_ARRAY(reader->arena, size_t, edges);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < plan->specs[i].dependency_count; k++) {
            int64_t on = leads_to(plan, &plan->specs[i].dependencies[k]);
            if (on >= 0)
                users[first_user[on + 1]++] = i;
        }
    }
    return reach(plan, left, queue, first_user, users) == count || refuse_cycle(reader, plan, left);
}

bool graph_resolve(struct reader *reader, struct plan *plan)
{
    if (!resolve_ids(reader, plan))
        return false;
    resolve_keys(reader, plan);
    return check_cycles(reader, plan);
}
