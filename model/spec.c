#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "model/reader.h"

#include <math.h>

static bool read_name(struct reader *reader, struct spec *spec, uint32_t node)
{
    struct str name = STR_NONE;
    if (!reader_string(reader, node, &name))
        return false;
    spec->function = function_find(reader->functions, name);
    bool builtin = spec->function && spec->function->mode == MODE_BUILTIN;
    if (reader->grant && !builtin && !function_granted(reader->grant, name))
        return reader_refuse(reader, PROBLEM_INSUFFICIENT_SCOPE,
                             "the token does not have the scope submit for the function \"%.*s\"",
                             STR_ARG(id_valid(name) ? name : STR_NONE));
    if (!spec->function)
        return reader_refuse(reader, PROBLEM_UNKNOWN_FUNCTION, "there is no function of this name");
    return true;
}

static bool read_process(struct reader *reader, struct spec *spec, uint32_t node)
{
    spec->meta = true;
    return read_name(reader, spec, node);
}

static bool read_id(struct reader *reader, struct spec *spec, uint32_t node)
{
    if (!reader_string(reader, node, &spec->id))
        return false;
    spec->id_given = true;
    if (!id_valid(spec->id))
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                             "an id has 1 to 64 characters of A-Z a-z 0-9 _ -");
    if (str_eq(spec->id, STR("cancel")))
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                             "the id \"cancel\" is taken by a route");
    return true;
}

static bool read_payload(struct reader *reader, uint32_t node, enum json_type type,
                         struct str *text)
{
    if (reader->json->nodes[node].type != type)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "this has to be an %s",
                             type == JSON_ARRAY ? "array" : "object");
    *text = reader_minified(reader, node);
    return true;
}

static bool read_args(struct reader *reader, struct spec *spec, uint32_t node)
{
    return read_payload(reader, node, JSON_ARRAY, &spec->args);
}

static bool read_kwargs(struct reader *reader, struct spec *spec, uint32_t node)
{
    return read_payload(reader, node, JSON_OBJECT, &spec->kwargs);
}

static bool read_metadata(struct reader *reader, struct spec *spec, uint32_t node)
{
    if (!read_payload(reader, node, JSON_OBJECT, &spec->metadata))
        return false;
    if (spec->metadata.len > METADATA_MAX)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "metadata is larger than %d bytes",
                             METADATA_MAX);
    return true;
}

static bool read_channel(struct reader *reader, uint32_t node, struct str *name)
{
    if (reader->json->nodes[node].type != JSON_STRING)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "a channel has to be a string");
    *name = json_string(reader->json, node, reader->arena);
    size_t chars = str_chars(*name);
    if (chars < 1 || chars > CHANNEL_MAX_CHARS)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "a channel has 1 to %d characters",
                             CHANNEL_MAX_CHARS);
    return true;
}

static bool read_channels(struct reader *reader, struct spec *spec, uint32_t node)
{
    const struct json_node *array = &reader->json->nodes[node];
    if (array->type != JSON_ARRAY)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "this has to be an array of strings");
    struct str *channels = ARENA_ARRAY(reader->arena, struct str, CHANNELS_MAX + 1);
    size_t count = 0, index = 0;
    for (uint32_t i = node + 1; i < array->next; i = reader->json->nodes[i].next) {
        size_t outer = reader_enter_index(reader, index++);
        if (!read_channel(reader, i, &channels[count]))
            return false;
        reader_leave(reader, outer);
        if (!str_listed(channels[count], channels, count) && ++count > CHANNELS_MAX)
            return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "at most %d channels",
                                 CHANNELS_MAX);
    }
    reader->scratch.len = 0;
    for (size_t i = 0; i < count; i++) {
        buf_add_char(&reader->scratch, i ? ',' : '[');
        buf_add_json(&reader->scratch, channels[i]);
    }
    buf_add_char(&reader->scratch, ']');
    spec->channels = channels;
    spec->channel_count = count;
    spec->channels_json = count ? arena_str(reader->arena, buf_str(&reader->scratch)) : STR_NONE;
    return true;
}

static bool read_priority(struct reader *reader, struct spec *spec, uint32_t node)
{
    return reader_integer(reader, node, -PRIORITY_MAX, PRIORITY_MAX, &spec->priority);
}

static bool read_run_at(struct reader *reader, struct spec *spec, uint32_t node)
{
    if (reader->json->nodes[node].type == JSON_STRING &&
        clock_parse(json_string(reader->json, node, reader->arena), &spec->run_at)) {
        spec->run_at = spec->run_at ? spec->run_at : 1; /* 0 is kept for "not given" */
        return true;
    }
    return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                         "this has to be an RFC 3339 time such as 2026-11-20T20:15:00Z");
}

static bool read_delay(struct reader *reader, struct spec *spec, uint32_t node)
{
    double seconds;
    if (spec->run_at)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "give either run_at or delay");
    if (!reader_seconds(reader, node, &seconds))
        return false;
    spec->run_at = reader->now + llround(seconds * 1000);
    return true;
}

static bool read_timeout(struct reader *reader, struct spec *spec, uint32_t node)
{
    double seconds;
    if (!reader_seconds(reader, node, &seconds))
        return false;
    spec->timeout = llround(seconds * 1000);
    if (spec->timeout == 0)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "a timeout has to be above 0");
    return true;
}

static bool read_max_attempts(struct reader *reader, struct spec *spec, uint32_t node)
{
    return reader_integer(reader, node, 1, ATTEMPTS_MAX, &spec->max_attempts);
}

static bool read_backoff(struct reader *reader, struct spec *spec, uint32_t node)
{
    const struct json_node *nodes = reader->json->nodes;
    if (nodes[node].type != JSON_OBJECT)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "this has to be an object");
    unsigned seen = 0;
    for (uint32_t i = node + 1; i < nodes[node].next; i = nodes[i + 1].next) {
        static const char *const names[] = {"initial", "factor", "max"};
        double *const values[] = {&spec->backoff.initial, &spec->backoff.factor,
                                  &spec->backoff.max};
        struct str name = json_string(reader->json, i, reader->arena);
        size_t outer = reader_enter(reader, name);
        unsigned which = 0;
        while (which < 3 && !str_eq(name, str_of(names[which])))
            which++;
        if (which == 3 || seen >> which & 1)
            return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                                 "backoff has the members initial, factor and max, each once");
        seen |= 1u << which;
        if (nodes[i + 1].type == JSON_NULL) {
            reader_leave(reader, outer);
            continue;
        }
        if (!reader_seconds(reader, i + 1, values[which]))
            return false;
        if (values[which] == &spec->backoff.factor && spec->backoff.factor < 1)
            return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "factor has to be at least 1");
        reader_leave(reader, outer);
    }
    return true;
}

static const char *const wait_texts[] = {"all", "all_settled", "any"};

const char *wait_for_text(enum wait_for wait_for)
{
    return wait_texts[wait_for];
}

static bool read_wait_for(struct reader *reader, struct spec *spec, uint32_t node)
{
    unsigned choice;
    if (!reader_choice(reader, node, wait_texts, array_size(wait_texts), &choice))
        return false;
    spec->wait_for = (enum wait_for)choice;
    return true;
}

static bool read_process_as_task(struct reader *reader, struct spec *spec, uint32_t node)
{
    return reader_boolean(reader, node, &spec->process_as_task);
}

static bool read_cache_key(struct reader *reader, struct spec *spec, uint32_t node)
{
    if (!reader_string(reader, node, &spec->cache_key))
        return false;
    if (spec->cache_key.len < 1 || spec->cache_key.len > CACHE_KEY_MAX)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "a cache key has 1 to %d bytes",
                             CACHE_KEY_MAX);
    return true;
}

static bool read_cache_ttl(struct reader *reader, struct spec *spec, uint32_t node)
{
    double seconds;
    if (!reader_seconds(reader, node, &seconds))
        return false;
    spec->cache_ttl = llround(seconds * 1000);
    return true;
}

static bool read_force(struct reader *reader, struct spec *spec, uint32_t node)
{
    return reader_boolean(reader, node, &spec->force);
}

static const char *const access_texts[] = {"many", "once", "discard"};

const char *result_access_text(enum result_access access)
{
    return access_texts[access];
}

static bool read_result_access(struct reader *reader, struct spec *spec, uint32_t node)
{
    unsigned choice;
    if (!reader_choice(reader, node, access_texts, array_size(access_texts), &choice))
        return false;
    spec->result_access = (enum result_access)choice;
    return true;
}

static bool read_forever(struct reader *reader, struct spec *spec, uint32_t node)
{
    return reader_boolean(reader, node, &spec->forever);
}

static bool read_guard(struct reader *reader, struct spec *spec, uint32_t node)
{
    return reader_boolean(reader, node, &spec->guard);
}

/* The members of a task as a client may write it, each once. */
static const struct field {
    struct str name;
    enum field_use use;
    bool (*read)(struct reader *reader, struct spec *spec, uint32_t node);
    const char *schema, *about;
} fields[] = {
#define X(name, use, read, schema, about) {STR_INIT(#name), USE_##use, read, schema, about},
#include "model/field.def"
#undef X
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]), FIELD_FUNCTION = 0, FIELD_PROCESS = 1 };

/* What the schemas in field.def repeat. */
_Static_assert(PRIORITY_MAX == 100 && ATTEMPTS_MAX == 100 && CACHE_KEY_MAX == 256 &&
                   CHANNELS_MAX == 32 && CHANNEL_MAX_CHARS == 128 && METADATA_MAX == 16384,
               "model/field.def");

bool spec_field(size_t i, struct spec_field *field)
{
    if (i >= FIELDS)
        return false;
    *field = (struct spec_field){fields[i].name.data, fields[i].use, i > FIELD_PROCESS,
                                 fields[i].schema, fields[i].about};
    return true;
}

static unsigned field_of(const struct json *json, uint32_t name)
{
    unsigned i = 0;
    while (i < FIELDS && !json_string_is(json, name, fields[i].name))
        i++;
    return i;
}

/* Notes where each field stands; nodes[i] is 0 for one that is absent or null. */
static bool find_fields(struct reader *reader, uint32_t object, uint32_t nodes[FIELDS])
{
    const struct json *json = reader->json;
    unsigned seen = 0;
    for (uint32_t i = object + 1; i < json->nodes[object].next; i = json->nodes[i + 1].next) {
        unsigned field = field_of(json, i);
        if (field == FIELDS || seen >> field & 1) {
            reader_enter(reader, json_string(json, i, reader->arena));
            return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                                 field == FIELDS ? "there is no such field"
                                                 : "this field is given twice");
        }
        seen |= 1u << field;
        nodes[field] = json->nodes[i + 1].type == JSON_NULL ? 0 : i + 1;
    }
    if (!nodes[FIELD_FUNCTION] == !nodes[FIELD_PROCESS])
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                             "a task has exactly one of \"function\" and \"process\"");
    return true;
}

static void spec_defaults(struct spec *spec)
{
    *spec = (struct spec){.args = STR("[]"),
                          .kwargs = STR("{}"),
                          .backoff = {-1, -1, -1},
                          .cache_ttl = -1,
                          .same_as = -1};
}

/* What has a meaning only beside a cache_key. */
static bool check_key(struct reader *reader, const struct spec *spec)
{
    if (spec->cache_key.data || (!spec->force && spec->cache_ttl < 0))
        return true;
    reader_enter(reader, spec->force ? STR("force") : STR("cache_ttl"));
    return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                         "this has a meaning only together with cache_key");
}

/* What the client left open is the manifest's to say. */
static bool spec_complete(struct reader *reader, struct spec *spec)
{
    const struct function *function = spec->function;
    if (function->timeout && spec->timeout > function->timeout) {
        reader_enter(reader, STR("timeout"));
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                             "the function's own timeout is %.3f s, and a task may only lower it",
                             (double)function->timeout / 1000);
    }
    if (!spec->timeout)
        spec->timeout = function->timeout;
    if (!spec->max_attempts)
        spec->max_attempts = function->max_attempts;
    if (spec->backoff.initial < 0)
        spec->backoff.initial = function->backoff.initial;
    if (spec->backoff.factor < 0)
        spec->backoff.factor = function->backoff.factor;
    if (spec->backoff.max < 0)
        spec->backoff.max = function->backoff.max;
    return true;
}

bool reader_members(struct reader *reader, uint32_t node, struct spec *spec, uint32_t *args,
                    uint32_t *kwargs)
{
    uint32_t nodes[FIELDS] = {0};
    spec_defaults(spec);
    if (reader->json->nodes[node].type != JSON_OBJECT)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "a task has to be an object");
    if (!find_fields(reader, node, nodes))
        return false;
    for (unsigned i = 0; i < FIELDS; i++) {
        if (!nodes[i])
            continue;
        size_t outer = reader_enter(reader, fields[i].name);
        if (fields[i].use == (spec->meta ? USE_TASK : USE_META))
            return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                                 "only a task with \"%s\" may have this",
                                 spec->meta ? "function" : "process");
        if (!fields[i].read(reader, spec, nodes[i]))
            return false;
        reader_leave(reader, outer);
        if (fields[i].read == read_args)
            *args = nodes[i];
        if (fields[i].read == read_kwargs)
            *kwargs = nodes[i];
    }
    return check_key(reader, spec) && spec_complete(reader, spec);
}
