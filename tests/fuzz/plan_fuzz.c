/* The body of POST /v1/tasks: what plan_parse takes is a plan that keeps every promise of
 * model/spec.h, and what it refuses it refuses for a place that is there. */
#include "model/reader.h"
#include "model/template.h"
#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/plans.h"
#include "tests/fuzz/lib/pointer.h"

#include "base/id.h"

enum { NOW = 1000000 };

/* --- one task ------------------------------------------------------------------- */

static void check_payload(struct str text, enum json_type type, struct arena *arena)
{
    struct json json = must_parse(text, arena);
    must(json.nodes[0].type == type);
    must(!memchr(text.data, '\n', text.len));
}

static void check_channels(const struct spec *spec, struct arena *arena)
{
    must(spec->channel_count <= CHANNELS_MAX && !spec->channels_json.data == !spec->channel_count);
    if (!spec->channel_count)
        return;
    struct json json = must_parse(spec->channels_json, arena);
    must(json.nodes[0].type == JSON_ARRAY && json.count == spec->channel_count + 1);
    for (uint32_t i = 0; i < spec->channel_count; i++) {
        struct str name = spec->channels[i];
        must(str_chars(name) >= 1 && str_chars(name) <= CHANNEL_MAX_CHARS);
        must(json_string_is(&json, i + 1, name));
        for (uint32_t k = 0; k < i; k++)
            must(!str_eq(spec->channels[k], name));
    }
}

static void check_times(const struct spec *spec)
{
    const int64_t century = 3155760000000;
    must(spec->run_at >= -62135596800000 && spec->run_at <= 253402300799999);
    must(spec->timeout >= 0 && spec->timeout <= century);
    must(!spec->function->timeout ||
         (spec->timeout > 0 && spec->timeout <= spec->function->timeout));
    must(spec->cache_ttl >= -1 && spec->cache_ttl <= century);
    must(spec->max_attempts >= 1 && spec->max_attempts <= ATTEMPTS_MAX);
    must(spec->backoff.initial >= 0 && spec->backoff.factor >= 1 && spec->backoff.max >= 0);
    must(backoff_pause(spec->backoff, spec->max_attempts, 1) >= 0);
}

static void check_spec(const struct plan *plan, size_t i, struct arena *arena)
{
    const struct spec *spec = &plan->specs[i];
    must(id_valid(spec->id) && !str_eq(spec->id, STR("cancel")));
    must(spec->id_given || spec->id.len == ID_UUID_LEN);
    must(spec->function == function_find(&fuzz_functions, spec->function->name));
    must(spec->priority >= -PRIORITY_MAX && spec->priority <= PRIORITY_MAX);
    must(spec->meta || !spec->dependency_count);
    must(spec->meta || (spec->wait_for == WAIT_ALL && !spec->process_as_task));
    must(!spec->meta || !spec->forever);
    must(!spec->cache_key.data ||
         (spec->cache_key.len >= 1 && spec->cache_key.len <= CACHE_KEY_MAX));
    must(spec->cache_key.data || (!spec->force && spec->cache_ttl < 0 && spec->same_as < 0));
    check_payload(spec->args, JSON_ARRAY, arena);
    check_payload(spec->kwargs, JSON_OBJECT, arena);
    if (spec->metadata.data)
        check_payload(spec->metadata, JSON_OBJECT, arena);
    must(spec->metadata.len <= METADATA_MAX);
    check_channels(spec, arena);
    check_times(spec);
    for (size_t k = 0; k < i; k++)
        must(!str_eq(plan->specs[k].id, spec->id));
}

/* Of those that share a key one stands for itself, and has it. */
static void check_shared(const struct plan *plan, const struct spec *spec)
{
    if (spec->same_as < 0)
        return;
    must((size_t)spec->same_as < plan->count && !spec->force);
    const struct spec *first = &plan->specs[spec->same_as];
    must(first != spec && first->same_as < 0 && str_eq(first->cache_key, spec->cache_key));
}

/* --- where it stands ---------------------------------------------------------------- */

static bool is_task(const struct json *json, uint32_t node, const void *arg)
{
    const struct spec *spec = arg;
    if (json->nodes[node].type != JSON_OBJECT)
        return false;
    uint32_t name = json_member(json, node, spec->meta ? STR("process") : STR("function"));
    return name && json->nodes[name].type == JSON_STRING &&
           json_string_is(json, name, spec->function->name);
}

static bool is_reference(const struct json *json, uint32_t node, const void *arg)
{
    const struct dependency *dependency = arg;
    if (json->nodes[node].type != JSON_OBJECT)
        return false;
    uint32_t task = json_member(json, node, STR("$task"));
    uint32_t flag = json_member(json, node, STR("optional"));
    bool optional = flag && json->nodes[flag].type == JSON_TRUE;
    if (!task || optional != dependency->optional)
        return false;
    return dependency->id.data
               ? json->nodes[task].type == JSON_STRING && json_string_is(json, task, dependency->id)
               : json->nodes[task].type == JSON_OBJECT;
}

static void check_dependency(const struct json *body, const struct plan *plan, size_t of,
                             const struct dependency *dependency)
{
    const struct spec *spec = &plan->specs[of];
    struct str base = {dependency->pointer.data, spec->pointer.len};
    struct str at = {base.data + base.len, dependency->pointer.len - base.len};
    must(str_starts(dependency->pointer, spec->pointer) && str_eq(at, dependency->at));
    must(pointer_leads(body, dependency->pointer, is_reference, dependency));
    must(dependency->spec >= -1 && dependency->spec < (int64_t)plan->count);
    must(dependency->spec >= 0 || dependency->id.data);
    if (dependency->spec < 0)
        return;
    const struct spec *on = &plan->specs[dependency->spec];
    if (dependency->id.data) {
        must(on->id_given && str_eq(on->id, dependency->id));
        return;
    }
    must(on->inner && (size_t)dependency->spec < of);
    must(on->pointer.len == dependency->pointer.len + 6 && /* "/$task" */
         str_starts(on->pointer, dependency->pointer));
}

/* --- circles -------------------------------------------------------------------------- */

/* Takes away, again and again, what waits for nothing that is left: quadratic, and with nothing to
 * get wrong. */
static void check_no_circle(const struct plan *plan, struct arena *arena)
{
    bool *gone = ARENA_ARRAY(arena, bool, plan->count);
    size_t left = plan->count;
    for (bool moved = true; moved && left;) {
        moved = false;
        for (size_t i = 0; i < plan->count; i++) {
            bool waits = gone[i];
            for (size_t k = 0; k < plan->specs[i].dependency_count && !waits; k++) {
                int64_t on = plan->specs[i].dependencies[k].spec;
                waits = on >= 0 && !gone[plan_stands_for(plan, (size_t)on)];
            }
            if (waits)
                continue;
            gone[i] = moved = true;
            left--;
        }
    }
    must(left == 0);
}

/* --- filled ------------------------------------------------------------------------------- */

static bool is_number(const struct json *json, uint32_t node, const void *arg)
{
    int64_t value;
    return json->nodes[node].type == JSON_NUMBER && json_int(json, node, &value) &&
           value == *(const int64_t *)arg;
}

/* Each result comes to stand where its $task object stood. */
static void check_filled(const struct spec *spec, struct arena *arena)
{
    struct str *values = ARENA_ARRAY(arena, struct str, spec->dependency_count + 1);
    struct buf filled = {0};
    size_t used = 0;
    for (size_t k = 0; k < spec->dependency_count; k++)
        values[k] = arena_printf(arena, "%zu", 7000000 + k);
    buf_add_text(&filled, "{\"args\":");
    template_fill(spec->args, values, &used, &filled);
    buf_add_text(&filled, ",\"kwargs\":");
    template_fill(spec->kwargs, values, &used, &filled);
    buf_add_char(&filled, '}');
    must(used == spec->dependency_count);
    struct json json = must_parse(arena_str(arena, buf_str(&filled)), arena);
    must(json.nodes[json_member(&json, 0, STR("args"))].type == JSON_ARRAY);
    must(json.nodes[json_member(&json, 0, STR("kwargs"))].type == JSON_OBJECT);
    for (size_t k = 0; k < spec->dependency_count; k++) {
        int64_t value = 7000000 + (int64_t)k;
        must(pointer_leads(&json, spec->dependencies[k].at, is_number, &value));
    }
    buf_done(&filled);
}

/* --- the whole ------------------------------------------------------------------------- */

static void check_plan(const struct json *body, const struct plan *plan, struct arena *arena)
{
    bool array = body->nodes[0].type == JSON_ARRAY;
    must(plan->batch == array && plan->root_count == (array ? body->nodes[0].count : 1));
    size_t outer = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct spec *spec = &plan->specs[i];
        outer += !spec->inner;
        check_spec(plan, i, arena);
        check_shared(plan, spec);
        must(pointer_leads(body, spec->pointer, is_task, spec));
        for (size_t k = 0; k < spec->dependency_count; k++)
            check_dependency(body, plan, i, &spec->dependencies[k]);
        if (spec->meta)
            check_filled(spec, arena);
    }
    must(outer == plan->root_count);
    for (size_t i = 0; i < plan->root_count; i++)
        must(plan->roots[i] < plan->count && !plan->specs[plan->roots[i]].inner &&
             (i == 0 || plan->roots[i] > plan->roots[i - 1]));
    check_no_circle(plan, arena);
}

/* Rendered and read again it is the same plan. */
static void check_again(const struct plan *plan, struct arena *arena)
{
    struct buf text = {0};
    struct plan again;
    struct problem problem = {0};
    plan_print(plan, &text);
    struct json json = must_parse(buf_str(&text), arena);
    must(plan_parse(&json, &fuzz_functions, NULL, NOW, arena, &again, &problem));
    plan_compare(plan, &again);
    buf_done(&text);
}

static void check_refusal(const struct json *body, const struct problem *problem)
{
    must(problem->code == PROBLEM_INVALID_REQUEST || problem->code == PROBLEM_UNKNOWN_FUNCTION ||
         problem->code == PROBLEM_UNKNOWN_TASK || problem->code == PROBLEM_DUPLICATE_ID ||
         problem->code == PROBLEM_CYCLE);
    must(problem->detail.len && str_utf8(problem->detail) && !problem->parameter.data);
    must(problem->pointer.data && str_utf8(problem->pointer));
    must(pointer_leads(body, problem->pointer, NULL, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct json json;
    struct json_error error = {0};
    struct plan plan;
    struct problem problem = {0};
    if (!json_parse((struct str){(const char *)data, size}, JSON_MAX_DEPTH, &arena, &json,
                    &error)) {
        arena_done(&arena);
        return -1; /* json_fuzz.c's affair */
    }
    if (plan_parse(&json, &fuzz_functions, NULL, NOW, &arena, &plan, &problem)) {
        must(problem.code == PROBLEM_NONE);
        check_plan(&json, &plan, &arena);
        check_again(&plan, &arena);
    } else {
        check_refusal(&json, &problem);
    }
    arena_done(&arena);
    return 0;
}
