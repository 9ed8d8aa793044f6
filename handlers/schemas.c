#include "handlers/schemas.h"

#include "base/mem.h"
#include "base/schema.h"
#include "handlers/task_json.h"
#include "model/event.h"
#include "model/failure.h"
#include "model/problem.h"
#include "model/spec.h"
#include "model/state.h"

#include <stdio.h>
#include <string.h>

/* --- made from other tables -------------------------------------------------------------- */

static void begin_names(struct buf *out)
{
    buf_add_text(out, "{\"type\":\"string\",\"enum\":[");
}

static void add_name(struct buf *out, const char *before, const char *name)
{
    bool first = out->data[out->len - 1] == '[';
    buf_addf(out, "%s\"%s%s\"", first ? "" : ",", before, name);
}

static void end_names(struct buf *out)
{
    buf_add_text(out, "]}");
}

static void add_states(struct buf *out)
{
    begin_names(out);
    for (int i = 0; i < STATE_COUNT; i++)
        add_name(out, "", state_text((enum task_state)i));
    end_names(out);
}

static void add_event_types(struct buf *out)
{
    begin_names(out);
    for (int i = EVENT_NONE + 1; i < EVENT_COUNT; i++)
        add_name(out, "", event_text((enum event_type)i));
    end_names(out);
}

static void add_failure_codes(struct buf *out)
{
    begin_names(out);
    for (int i = 0; i < FAILURE_COUNT; i++)
        add_name(out, "", failure_text((enum failure_code)i));
    end_names(out);
}

static void add_problem_types(struct buf *out)
{
    begin_names(out);
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++)
        add_name(out, "/problems/", problem_kind((enum problem_code)i)->slug);
    end_names(out);
}

static void add_event(struct buf *out)
{
    struct schema_object object = {0};
    const struct event_member *member;
    for (size_t i = 0; (member = event_member(i)); i++)
        schema_member(&object, member->name, member->schema, member->about, member->always);
    schema_object_end(&object, "The data of an event. Members that do not apply are left out.",
                      NULL, out);
}

static void add_state_counts(struct buf *out)
{
    struct schema_object object = {0};
    for (int i = 0; i < STATE_COUNT; i++)
        schema_member(&object, state_text((enum task_state)i), "'type':'integer','minimum':0", NULL,
                      true);
    schema_object_end(&object, "How many tasks are in each state.", NULL, out);
}

/* What a client may write of a task of this kind. A field that it may not have may be null. */
static void add_new(struct buf *out, const char *about, const char *step, enum field_use other)
{
    struct schema_object object = {0};
    struct spec_field field;
    for (size_t i = 0; spec_field(i, &field); i++) {
        bool is_step = strcmp(field.name, step) == 0;
        bool out_of_place = field.use == other || (!field.nullable && !is_step);
        char or_null[1024];
        snprintf(or_null, sizeof(or_null), "'anyOf':[{%s},{'type':'null'}]", field.schema);
        schema_member(&object, field.name,
                      out_of_place     ? "'type':'null'"
                      : field.nullable ? or_null
                                       : field.schema,
                      field.about, is_step);
    }
    schema_object_end(&object, about, NULL, out);
}

static void add_new_task(struct buf *out)
{
    add_new(out, "A task to be made.", "function", USE_META);
}

static void add_new_meta(struct buf *out)
{
    add_new(out, "A meta-task to be made: its arguments may be other tasks.", "process", USE_TASK);
}

/* --- the schemas --------------------------------------------------------------------------- */

static const struct schema schemas[] = {
#define X(name, json) {#name, json, NULL},
#include "schemas.inc"
#undef X
    {"ErrorCode", NULL, add_failure_codes},
    {"Event", NULL, add_event},
    {"EventType", NULL, add_event_types},
    {"NewMetaTask", NULL, add_new_meta},
    {"NewTask", NULL, add_new_task},
    {"ProblemType", NULL, add_problem_types},
    {"State", NULL, add_states},
    {"StateCounts", NULL, add_state_counts},
    {"Task", NULL, task_json_schema},
};

const struct schema *schema_at(size_t i)
{
    return i < array_size(schemas) ? &schemas[i] : NULL;
}

void schema_render(const struct schema *schema, struct buf *out)
{
    if (schema->add)
        schema->add(out);
    else
        buf_add_text(out, schema->json);
}
