#include "model/event.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

static const char *const texts[] = {
    "",
#define X(name, type) type,
#include "model/event.def"
#undef X
};

const char *event_text(enum event_type type)
{
    return texts[type];
}

bool event_parse(struct str text, enum event_type *type)
{
    for (int i = EVENT_NONE + 1; i < EVENT_COUNT; i++) {
        if (str_eq(text, str_of(texts[i]))) {
            *type = (enum event_type)i;
            return true;
        }
    }
    return false;
}

bool event_terminal(enum event_type type)
{
    return type == EVENT_SUCCEEDED || type == EVENT_FAILED || type == EVENT_CANCELLED;
}

static void add_json(struct buf *out, const char *name, struct str json)
{
    if (!json.data)
        return;
    buf_add_text(out, name);
    buf_add_str(out, json);
}

static void add_id(struct buf *out, const char *name, struct str id)
{
    if (!id.data)
        return;
    buf_add_text(out, name);
    buf_add_char(out, '"'); /* ids and names need no escapes: [A-Za-z0-9_-] */
    buf_add_str(out, id);
    buf_add_char(out, '"');
}

void event_render(const struct event *event, struct buf *out)
{
    add_id(out, "{\"task\":", event->task);
    add_id(out, ",\"type\":", str_of(texts[event->type]));
    add_id(out, ",\"state\":", str_of(event->state));
    add_id(out, ",\"kind\":", str_of(event->kind));
    add_id(out, ",\"function\":", event->function);
    buf_add_text(out, ",\"at\":\"");
    buf_add_time(out, event->at);
    buf_add_char(out, '"');
    add_json(out, ",\"progress\":", event->progress);
    add_json(out, ",\"error\":", event->error);
    add_json(out, ",\"result\":", event->result);
    if (event->stream.data) {
        add_id(out, ",\"stream\":", event->stream);
        buf_add_text(out, ",\"line\":");
        buf_add_json(out, event->line);
    }
    if (event->safe_exit)
        buf_add_text(out, ",\"safe_exit\":true");
    add_id(out, ",\"origin\":", event->origin);
    add_id(out, ",\"caused_by\":", event->caused_by);
    if (event->attempt) {
        buf_add_text(out, ",\"attempt\":");
        buf_add_int(out, event->attempt);
    }
    add_json(out, ",\"channels\":", event->channels);
    buf_add_char(out, '}');
}

#define REF(name) "'$ref':'#/components/schemas/" name "'"

/* tests/unit/event_test.c holds these to what event_render writes. */
static const struct event_member members[] = {
    {"task", true, REF("Id"), "The task that the event is about."},
    {"type", true, REF("EventType"), NULL},
    {"state", true, REF("State"), "The state of the task after it."},
    {"kind", true, REF("Kind"), NULL},
    {"function", true, "'type':'string'", "The function of the task, or its process step."},
    {"at", true, REF("Time"), NULL},
    {"progress", false, REF("Progress"), NULL},
    {"error", false, REF("Error"), NULL},
    {"result", false, "", "With task.succeeded, up to 8 KiB, if everybody may read it."},
    {"stream", false, "'type':'string'", "With task.log: where the line was written."},
    {"line", false, "'type':'string'", "With task.log: the line, without its end."},
    {"safe_exit", false, "'const':true", "It ended by an exit status that is no failure."},
    {"origin", false, REF("Id"), "The task that reported, where it is another one."},
    {"caused_by", false, REF("Id"), "The task where it began."},
    {"attempt", false, "'type':'integer','minimum':1", NULL},
    {"channels", false, "'type':'array','items':{'type':'string'}", "The channels it went to."},
};

const struct event_member *event_member(size_t i)
{
    return i < array_size(members) ? &members[i] : NULL;
}
