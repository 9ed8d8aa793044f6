#include "base/id.h"
#include "base/map.h"
#include "base/mem.h"
#include "model/reader.h"

#include <string.h>

/* The dependencies of one task while its args and kwargs are walked. */
struct found {
    struct dependency *items; /* heap */
    size_t count, capacity;
    size_t base; /* length of the path of the task itself */
};

static struct dependency *found_add(struct found *found)
{
    if (found->count == found->capacity) {
        found->capacity = found->capacity ? found->capacity * 2 : 8;
        found->items = mem_resize(found->items, found->capacity * sizeof(*found->items));
    }
    struct dependency *added = &found->items[found->count++];
    *added = (struct dependency){.spec = -1};
    return added;
}

static bool reference_members(struct reader *reader, uint32_t object, uint32_t *task,
                              bool *optional)
{
    const struct json *json = reader->json;
    for (uint32_t i = object + 1; i < json->nodes[object].next; i = json->nodes[i + 1].next) {
        enum json_type type = json->nodes[i + 1].type;
        if (json_string_is(json, i, STR("$task")) && !*task)
            *task = i + 1;
        else if (json_string_is(json, i, STR("optional")) && type == JSON_TRUE && !*optional)
            *optional = true;
        else
            return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                                 "an object with \"$task\" has no other member than "
                                 "\"optional\": true");
    }
    return true;
}

static bool walk_reference(struct reader *reader, uint32_t object, struct found *found)
{
    uint32_t task = 0;
    bool optional = false;
    if (++reader->refs > PLAN_MAX_REFS)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "more than %d tasks are referred to",
                             PLAN_MAX_REFS);
    if (!reference_members(reader, object, &task, &optional))
        return false;
    struct str at = {reader->path.data + found->base, reader->path.len - found->base};
    struct dependency *dependency = found_add(found);
    dependency->at = arena_str(reader->arena, at);
    dependency->pointer = arena_str(reader->arena, buf_str(&reader->path));
    dependency->optional = optional;
    size_t outer = reader_enter(reader, STR("$task"));
    if (reader->json->nodes[task].type == JSON_STRING) {
        dependency->id = json_string(reader->json, task, reader->arena);
        if (!id_valid(dependency->id))
            return reader_refuse(reader, PROBLEM_UNKNOWN_TASK, "this is no id of a task");
    } else {
        size_t index;
        if (reader->json->nodes[task].type != JSON_OBJECT)
            return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                                 "this has to be a task or the id of one");
        if (!reader_task(reader, task, true, &index))
            return false;
        dependency->spec = (int64_t)index;
    }
    reader_leave(reader, outer);
    return true;
}

static bool walk_inside(struct reader *reader, uint32_t node, struct found *found);

/* Looks for $task objects at any depth; {"$value": X} hides what is in X. Recursion is as deep as
 * the JSON, which is at most JSON_MAX_DEPTH. */
static bool walk(struct reader *reader, uint32_t node, /* NOLINT(misc-no-recursion) */
                 struct found *found)
{
    const struct json *json = reader->json;
    if (json->nodes[node].type == JSON_OBJECT) {
        if (json_member(json, node, STR("$task")))
            return walk_reference(reader, node, found);
        if (json->nodes[node].count == 1 && json_member(json, node, STR("$value")))
            return true;
    }
    return walk_inside(reader, node, found);
}

static bool walk_inside(struct reader *reader, uint32_t node, /* NOLINT(misc-no-recursion) */
                        struct found *found)
{
    const struct json *json = reader->json;
    bool object = json->nodes[node].type == JSON_OBJECT;
    if (json->nodes[node].type < JSON_ARRAY)
        return true;
    size_t index = 0;
    for (uint32_t i = node + 1; i < json->nodes[node].next; index++) {
        uint32_t value = object ? i + 1 : i;
        if (json->nodes[value].type >= JSON_ARRAY) {
            size_t outer = object ? reader_enter(reader, json_string(json, i, reader->arena))
                                  : reader_enter_index(reader, index);
            if (!walk(reader, value, found))
                return false;
            reader_leave(reader, outer);
        }
        i = json->nodes[value].next;
    }
    return true;
}

/* args and kwargs themselves are what a function gets: only what is inside can be a reference. */
static bool read_dependencies(struct reader *reader, struct spec *spec, uint32_t args,
                              uint32_t kwargs, struct found *found)
{
    size_t outer = reader_enter(reader, STR("args"));
    if (args && !walk_inside(reader, args, found))
        return false;
    reader_leave(reader, outer);
    reader_enter(reader, STR("kwargs"));
    if (kwargs && !walk_inside(reader, kwargs, found))
        return false;
    reader_leave(reader, outer);
    struct dependency *kept = ARENA_ARRAY(reader->arena, struct dependency, found->count);
    if (found->count)
        memcpy(kept, found->items, found->count * sizeof(*kept));
    spec->dependencies = kept;
    spec->dependency_count = found->count;
    return true;
}

static size_t reader_add(struct reader *reader, const struct spec *spec)
{
    if (reader->count == reader->capacity) {
        reader->capacity = reader->capacity ? reader->capacity * 2 : 4;
        reader->specs = mem_resize(reader->specs, reader->capacity * sizeof(*reader->specs));
    }
    reader->specs[reader->count] = *spec;
    return reader->count++;
}

bool reader_task(struct reader *reader, uint32_t node, bool inner, size_t *index)
{
    struct spec spec;
    uint32_t args = 0, kwargs = 0;
    if (!reader_members(reader, node, &spec, &args, &kwargs))
        return false;
    spec.inner = inner;
    spec.pointer = arena_str(reader->arena, buf_str(&reader->path));
    if (spec.meta) {
        struct found found = {.base = reader->path.len};
        bool fine = read_dependencies(reader, &spec, args, kwargs, &found);
        mem_free(found.items);
        if (!fine)
            return false;
    }
    if (!spec.id_given) {
        char id[ID_UUID_LEN + 1];
        id_new(reader->now, id);
        spec.id = arena_str(reader->arena, str_of(id));
    }
    *index = reader_add(reader, &spec);
    return true;
}

static bool read_body(struct reader *reader, struct plan *plan)
{
    const struct json_node *root = reader->json->nodes;
    plan->batch = root->type == JSON_ARRAY;
    plan->root_count = plan->batch ? root->count : 1;
    if (plan->batch && (root->count < 1 || root->count > PLAN_MAX_TASKS))
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "an array has 1 to %d tasks",
                             PLAN_MAX_TASKS);
    size_t *roots = ARENA_ARRAY(reader->arena, size_t, plan->root_count);
    plan->roots = roots;
    if (!plan->batch)
        return reader_task(reader, 0, false, &roots[0]);
    uint32_t node = 1;
    for (size_t i = 0; i < plan->root_count; i++, node = reader->json->nodes[node].next) {
        size_t outer = reader_enter_index(reader, i);
        if (!reader_task(reader, node, false, &roots[i]))
            return false;
        reader_leave(reader, outer);
    }
    return true;
}

/* --- references between the tasks of one request --------------------------- */

struct known_id {
    struct map_node node;
    size_t spec;
};

static int64_t spec_by_id(const struct map *ids, const struct plan *plan, struct str id)
{
    for (struct map_node *n = map_find(ids, str_hash(id)); n; n = map_next(n)) {
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
        map_put(&ids, &known->node, str_hash(plan->specs[i].id));
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
    for (struct map_node *n = map_find(keys, str_hash(key)); n; n = map_next(n)) {
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
            map_put(keys, &known->node, str_hash(known->key));
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

bool plan_parse(const struct json *json, const struct function_set *functions, int64_t now,
                struct arena *arena, struct plan *plan, struct problem *problem)
{
    struct reader reader = {
        .json = json, .functions = functions, .now = now, .arena = arena, .problem = problem};
    bool fine = read_body(&reader, plan);
    if (fine) {
        plan->count = reader.count;
        plan->specs = ARENA_ARRAY(arena, struct spec, reader.count);
        memcpy(plan->specs, reader.specs, reader.count * sizeof(*plan->specs));
        if (reader.count > 1 || reader.refs) { /* a lone task needs none of this */
            fine = resolve_ids(&reader, plan);
            if (fine)
                resolve_keys(&reader, plan);
            fine = fine && check_cycles(&reader, plan);
        }
    }
    mem_free(reader.specs);
    buf_done(&reader.path);
    buf_done(&reader.scratch);
    return fine;
}
