#include "handlers/task_json.h"

#include "base/clock.h"
#include "base/json.h"

static void add_id(struct buf *out, const char *name, struct str id)
{
    buf_add_text(out, name);
    buf_add_char(out, '"'); /* ids, names and states need no escapes */
    buf_add_str(out, id);
    buf_add_char(out, '"');
}

static void add_json(struct buf *out, const char *name, struct str json, const char *otherwise)
{
    buf_add_text(out, name);
    buf_add_str(out, json.data ? json : str_of(otherwise));
}

static void add_int(struct buf *out, const char *name, int64_t value)
{
    buf_add_text(out, name);
    buf_add_int(out, value);
}

static void add_time(struct buf *out, const char *name, int64_t ms)
{
    buf_add_text(out, name);
    if (!ms) {
        buf_add_text(out, "null");
        return;
    }
    buf_add_char(out, '"');
    buf_add_time(out, ms);
    buf_add_char(out, '"');
}

static void add_dependencies(struct buf *out, const struct task_json *task)
{
    buf_add_text(out, ",\"dependencies\":[");
    for (size_t i = 0; i < task->dependency_count; i++) {
        const struct dependency_row *dependency = &task->dependencies[i];
        add_id(out, i ? ",{\"id\":" : "{\"id\":", dependency->id);
        add_id(out, ",\"state\":", dependency->state);
        buf_add_text(out, ",\"at\":");
        buf_add_json(out, dependency->at);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

void task_json_render(const struct task_json *task, struct buf *out)
{
    const struct task_row *row = task->row;
    add_id(out, "{\"id\":", row->id);
    add_id(out, ",\"kind\":", row->kind);
    add_id(out, row_is_meta(row) ? ",\"process\":" : ",\"function\":", row->function);
    add_id(out, ",\"state\":", row->state);
    add_json(out, ",\"args\":", task->payload->args, "[]");
    add_json(out, ",\"kwargs\":", task->payload->kwargs, "{}");
    add_json(out, ",\"notify_channels\":", row->channels, "[]");
    buf_add_text(out, ",\"cache_key\":");
    if (row->cache_key.data)
        buf_add_json(out, row->cache_key);
    else
        buf_add_text(out, "null");
    add_int(out, ",\"priority\":", row->priority);
    add_int(out, ",\"attempt\":", row->attempt);
    add_int(out, ",\"max_attempts\":", row->max_attempts);
    add_json(out, ",\"progress\":", row->progress, "null");
    buf_add_text(out, row->cancel_requested ? ",\"cancel_requested\":true"
                                            : ",\"cancel_requested\":false");
    add_int(out, ",\"subscribers\":", row->subscribers);
    add_int(out, ",\"restarts\":", row->restarts);
    add_dependencies(out, task);
    add_json(out, ",\"error\":", row->error, "null");
    add_id(out, ",\"result_access\":", row->result_access);
    add_json(out, ",\"metadata\":", task->payload->metadata, "null");
    add_int(out, ",\"version\":", row->version);
    add_time(out, ",\"created_at\":", row->created_at);
    add_time(out, ",\"run_at\":", row->run_at);
    add_time(out, ",\"started_at\":", row->started_at);
    add_time(out, ",\"finished_at\":", row->finished_at);
    add_time(out, ",\"expires_at\":", row->finished_at ? row->finished_at + task->retain : 0);
    buf_add_str(out, task->extra);
    buf_add_char(out, '}');
}
