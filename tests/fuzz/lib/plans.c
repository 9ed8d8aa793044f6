#include "tests/fuzz/lib/plans.h"

#include "base/clock.h"
#include "tests/fuzz/lib/fuzz.h"

static struct function functions[] = {
    {.name = STR("capped"),
     .timeout = 60000,
     .max_attempts = 5,
     .backoff = {0.5, 3, 60},
     .mode = MODE_PROCESS},
    {.name = STR("echo"), .max_attempts = 1, .backoff = BACKOFF_DEFAULT},
    {.name = STR("merge"), .max_attempts = 1, .backoff = BACKOFF_DEFAULT},
};

const struct function_set fuzz_functions = {.items = functions, .count = array_size(functions)};

static void add_seconds(struct buf *out, const char *name, int64_t ms)
{
    buf_addf(out, ",\"%s\":", name);
    buf_add_double(out, (double)ms / 1000);
}

static void add_number(struct buf *out, const char *name, double value)
{
    buf_addf(out, "\"%s\":", name);
    buf_add_double(out, value);
}

static void print_times(const struct spec *spec, struct buf *out)
{
    if (spec->run_at) {
        buf_add_text(out, ",\"run_at\":\"");
        buf_add_time(out, spec->run_at);
        buf_add_char(out, '"');
    }
    if (spec->timeout)
        add_seconds(out, "timeout", spec->timeout);
    if (spec->cache_ttl >= 0)
        add_seconds(out, "cache_ttl", spec->cache_ttl);
    buf_add_text(out, ",\"backoff\":{");
    add_number(out, "initial", spec->backoff.initial);
    buf_add_char(out, ',');
    add_number(out, "factor", spec->backoff.factor);
    buf_add_char(out, ',');
    add_number(out, "max", spec->backoff.max);
    buf_add_char(out, '}');
}

static void print_spec(const struct spec *spec, struct buf *out)
{
    buf_addf(out, "{\"%s\":\"%.*s\"", spec->meta ? "process" : "function",
             STR_ARG(spec->function->name));
    if (spec->id_given)
        buf_addf(out, ",\"id\":\"%.*s\"", STR_ARG(spec->id));
    buf_addf(out, ",\"args\":%.*s,\"kwargs\":%.*s", STR_ARG(spec->args), STR_ARG(spec->kwargs));
    if (spec->metadata.data)
        buf_addf(out, ",\"metadata\":%.*s", STR_ARG(spec->metadata));
    if (spec->channels_json.data)
        buf_addf(out, ",\"notify_channels\":%.*s", STR_ARG(spec->channels_json));
    if (spec->cache_key.data) {
        buf_add_text(out, ",\"cache_key\":");
        buf_add_json(out, spec->cache_key);
    }
    if (spec->force)
        buf_add_text(out, ",\"force\":true");
    if (spec->meta)
        buf_addf(out, ",\"wait_for\":\"%s\",\"process_as_task\":%s", wait_for_text(spec->wait_for),
                 spec->process_as_task ? "true" : "false");
    if (spec->forever)
        buf_add_text(out, ",\"forever\":true");
    buf_addf(out, ",\"priority\":%d,\"max_attempts\":%d,\"guard\":%s,\"result_access\":\"%s\"",
             (int)spec->priority, (int)spec->max_attempts, spec->guard ? "true" : "false",
             result_access_text(spec->result_access));
    print_times(spec, out);
    buf_add_char(out, '}');
}

void plan_print(const struct plan *plan, struct buf *out)
{
    if (plan->batch)
        buf_add_char(out, '[');
    for (size_t i = 0; i < plan->root_count; i++) {
        if (i)
            buf_add_char(out, ',');
        print_spec(&plan->specs[plan->roots[i]], out);
    }
    if (plan->batch)
        buf_add_char(out, ']');
}

static void compare_dependencies(const struct spec *a, const struct spec *b)
{
    must(a->dependency_count == b->dependency_count);
    for (size_t k = 0; k < a->dependency_count; k++) {
        const struct dependency *one = &a->dependencies[k], *other = &b->dependencies[k];
        must(str_eq(one->at, other->at) && str_eq(one->id, other->id));
        must(one->spec == other->spec && one->optional == other->optional);
    }
}

static void compare_specs(const struct spec *a, const struct spec *b)
{
    must(a->id_given == b->id_given && (!a->id_given || str_eq(a->id, b->id)));
    must(a->meta == b->meta && a->inner == b->inner && a->function == b->function);
    must(str_eq(a->args, b->args) && str_eq(a->kwargs, b->kwargs));
    must(str_eq(a->metadata, b->metadata) && str_eq(a->channels_json, b->channels_json));
    must(a->priority == b->priority && a->run_at == b->run_at && a->timeout == b->timeout);
    must(a->max_attempts == b->max_attempts && a->backoff.initial == b->backoff.initial);
    must(a->backoff.factor == b->backoff.factor && a->backoff.max == b->backoff.max);
    must(a->wait_for == b->wait_for && a->process_as_task == b->process_as_task);
    must(str_eq(a->cache_key, b->cache_key) && a->cache_ttl == b->cache_ttl);
    must(a->force == b->force && a->same_as == b->same_as);
    must(a->result_access == b->result_access);
    must(a->forever == b->forever && a->guard == b->guard);
    compare_dependencies(a, b);
}

void plan_compare(const struct plan *plan, const struct plan *again)
{
    must(plan->batch == again->batch && plan->count == again->count);
    must(plan->root_count == again->root_count);
    for (size_t i = 0; i < plan->root_count; i++)
        must(plan->roots[i] == again->roots[i]);
    for (size_t i = 0; i < plan->count; i++)
        compare_specs(&plan->specs[i], &again->specs[i]);
}
