#include "handlers/task_json.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/schema.h"

/* --- how a value is written ----------------------------------------------------------- */

static const void *column(const struct task_json *task, size_t offset)
{
    return (const char *)task->row + offset;
}

static void add_quoted(struct buf *out, struct str id)
{
    buf_add_char(out, '"'); /* ids, names and states need no escapes */
    buf_add_str(out, id);
    buf_add_char(out, '"');
}

static void add_id(struct buf *out, const struct task_json *task, size_t offset)
{
    add_quoted(out, *(const struct str *)column(task, offset));
}

static void add_int(struct buf *out, const struct task_json *task, size_t offset)
{
    buf_add_int(out, *(const int64_t *)column(task, offset));
}

static void add_bool(struct buf *out, const struct task_json *task, size_t offset)
{
    buf_add_str(out, *(const int64_t *)column(task, offset) ? STR("true") : STR("false"));
}

static void add_json(struct buf *out, struct str json, struct str otherwise)
{
    buf_add_str(out, json.data ? json : otherwise);
}

/* A column that holds JSON. */
static void add_stored(struct buf *out, const struct task_json *task, size_t offset)
{
    add_json(out, *(const struct str *)column(task, offset), STR("null"));
}

static void add_text(struct buf *out, const struct task_json *task, size_t offset)
{
    const struct str *text = column(task, offset);
    if (text->data)
        buf_add_json(out, *text);
    else
        buf_add_str(out, STR("null"));
}

static void add_moment(struct buf *out, int64_t ms)
{
    if (!ms) {
        buf_add_str(out, STR("null"));
        return;
    }
    buf_add_char(out, '"');
    buf_add_time(out, ms);
    buf_add_char(out, '"');
}

static void add_time(struct buf *out, const struct task_json *task, size_t offset)
{
    add_moment(out, *(const int64_t *)column(task, offset));
}

static void add_expiry(struct buf *out, const struct task_json *task, size_t offset)
{
    int64_t finished_at = *(const int64_t *)column(task, offset);
    add_moment(out, finished_at ? finished_at + task->retain : 0);
}

static void add_channels(struct buf *out, const struct task_json *task, size_t offset)
{
    add_json(out, *(const struct str *)column(task, offset), STR("[]"));
}

static void add_args(struct buf *out, const struct task_json *task, size_t offset)
{
    (void)offset;
    add_json(out, task->payload->args, STR("[]"));
}

static void add_kwargs(struct buf *out, const struct task_json *task, size_t offset)
{
    (void)offset;
    add_json(out, task->payload->kwargs, STR("{}"));
}

static void add_metadata(struct buf *out, const struct task_json *task, size_t offset)
{
    (void)offset;
    add_json(out, task->payload->metadata, STR("null"));
}

static void add_dependencies(struct buf *out, const struct task_json *task, size_t offset)
{
    (void)offset;
    buf_add_char(out, '[');
    for (size_t i = 0; i < task->dependency_count; i++) {
        const struct dependency_row *dependency = &task->dependencies[i];
        buf_add_str(out, i ? STR(",{\"id\":") : STR("{\"id\":"));
        add_quoted(out, dependency->id);
        buf_add_str(out, STR(",\"state\":"));
        add_quoted(out, dependency->state);
        buf_add_str(out, STR(",\"at\":"));
        buf_add_json(out, dependency->at);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

int64_t task_json_version(const struct task_row *row, const struct dependency_row *dependencies,
                          size_t count)
{
    int64_t version = row->version;
    for (size_t i = 0; i < count; i++)
        version += dependencies[i].version - 1;
    return version;
}

static void add_version(struct buf *out, const struct task_json *task, size_t offset)
{
    (void)offset;
    buf_add_int(out, task_json_version(task->row, task->dependencies, task->dependency_count));
}

/* --- the members ------------------------------------------------------------------------ */

enum member_use {
    ALWAYS,
    LARGE,   /* always, but where there is no room for it */
    OF_TASK, /* not of meta-tasks */
    OF_META,
    FURTHER, /* written by the handlers whose answers have it: struct task_json's extra */
};

static const struct member {
    const char *name;
    struct str before; /* ,"name": */
    enum member_use use;
    void (*add)(struct buf *out, const struct task_json *task, size_t offset);
    size_t offset; /* of the column in struct task_row */
    const char *schema, *about;
} members[] = {
#define X(name, use, add, column, schema, about)                                                   \
    {#name, STR_INIT(",\"" #name "\":"), use, add, offsetof(struct task_row, column), schema,      \
     about},
#include "handlers/task_json.def"
#undef X
};

/* The names of what is missing. */
static void add_left_out(struct buf *out, const struct task_json *task)
{
    char before = '[';
    if (task->payload && !task->result_left_out)
        return;
    buf_add_text(out, ",\"left_out\":");
    for (const struct member *member = members; member < members + array_size(members); member++) {
        if (member->use != LARGE || task->payload)
            continue;
        buf_addf(out, "%c\"%s\"", before, member->name);
        before = ',';
    }
    if (task->result_left_out)
        buf_addf(out, "%c\"result\"", before);
    buf_add_char(out, ']');
}

void task_json_render(const struct task_json *task, struct buf *out)
{
    enum member_use other = row_is_meta(task->row) ? OF_TASK : OF_META;
    size_t start = out->len;
    for (const struct member *member = members; member < members + array_size(members); member++) {
        if (member->use == other || member->use == FURTHER ||
            (member->use == LARGE && !task->payload))
            continue;
        buf_add_str(out, member->before);
        member->add(out, task, member->offset);
    }
    out->data[start] = '{'; /* was the first comma */
    add_left_out(out, task);
    buf_add_str(out, task->extra);
    buf_add_char(out, '}');
}

void task_json_schema(struct buf *out)
{
    struct schema_object object = {0};
    for (size_t i = 0; i < array_size(members); i++)
        schema_member(&object, members[i].name, members[i].schema, members[i].about,
                      members[i].use == ALWAYS);
    schema_object_end(&object, "A task, or a meta-task: that one has process in place of function.",
                      "'oneOf':[{'required':['function']},{'required':['process']}]", out);
}
