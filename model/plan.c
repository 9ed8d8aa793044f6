#include "base/id.h"
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
    bool seen = false;
    for (uint32_t i = object + 1; i < json->nodes[object].next; i = json->nodes[i + 1].next) {
        enum json_type type = json->nodes[i + 1].type;
        bool flag = type == JSON_TRUE || type == JSON_NULL; /* null counts as absent */
        if (json_string_is(json, i, STR("$task")) && !*task) {
            *task = i + 1;
        } else if (json_string_is(json, i, STR("optional")) && flag && !seen) {
            seen = true;
            *optional = type == JSON_TRUE;
        } else {
            return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                                 "an object with \"$task\" has no other member than "
                                 "\"optional\": true");
        }
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
    struct str pointer;
    if (!reader_place(reader, &pointer))
        return false;
    struct dependency *dependency = found_add(found);
    dependency->at = (struct str){pointer.data + found->base, pointer.len - found->base};
    dependency->pointer = pointer;
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
    if (!reader_place(reader, &spec.pointer))
        return false;
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

bool plan_parse(const struct json *json, const struct function_set *functions,
                const struct function_grant *grant, int64_t now, struct arena *arena,
                struct plan *plan, struct problem *problem)
{
    struct reader reader = {.json = json,
                            .functions = functions,
                            .grant = grant,
                            .now = now,
                            .arena = arena,
                            .problem = problem};
    bool fine = read_body(&reader, plan);
    if (fine) {
        plan->count = reader.count;
        plan->specs = ARENA_ARRAY(arena, struct spec, reader.count);
        memcpy(plan->specs, reader.specs, reader.count * sizeof(*plan->specs));
        if (reader.count > 1 || reader.refs) /* a lone task needs none of this */
            fine = graph_resolve(&reader, plan);
    }
    mem_free(reader.specs);
    buf_done(&reader.path);
    buf_done(&reader.scratch);
    return fine;
}
