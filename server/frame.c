#include "server/frame.h"

#include "base/json.h"
#include "base/mem.h"

#include <string.h>

static struct str put(char **at, struct str s)
{
    if (!s.data)
        return STR_NONE;
    struct str copy = {*at, s.len};
    memcpy(*at, s.data, s.len);
    *at += s.len;
    return copy;
}

struct frame *frame_new(int64_t id, int64_t seq, const struct event *event, struct str data)
{
    struct buf text = {0};
    if (id)
        buf_addf(&text, "id: %lld\n", (long long)id);
    if (data.data)
        buf_addf(&text, "event: %s\ndata: %.*s\n\n", event_text(event->type), STR_ARG(data));
    struct frame *frame = mem_alloc(sizeof(*frame) + text.len + event->task.len +
                                    event->function.len + event->channels.len);
    char *at = (char *)(frame + 1);
    frame->refs = 1;
    frame->id = id;
    frame->type = event->type;
    frame->seq = seq;
    frame->ends = event_terminal(event->type);
    frame->text = put(&at, buf_str(&text));
    frame->task = put(&at, event->task);
    frame->function = put(&at, event->function);
    frame->channels = put(&at, event->channels);
    buf_done(&text);
    return frame;
}

struct frame *frame_text(struct str text)
{
    struct frame *frame = mem_alloc(sizeof(*frame) + text.len);
    char *at = (char *)(frame + 1);
    frame->refs = 1;
    frame->text = put(&at, text);
    return frame;
}

struct frame *frame_ref(struct frame *frame)
{
    frame->refs++;
    return frame;
}

void frame_unref(struct frame *frame)
{
    if (frame && --frame->refs == 0)
        mem_free(frame);
}

static struct str member_text(const struct json *json, struct str name, struct arena *arena)
{
    uint32_t node = json_member(json, 0, name);
    return node && json->nodes[node].type == JSON_STRING ? json_string(json, node, arena)
                                                         : STR_NONE;
}

bool frame_parse(struct str data, struct arena *arena, struct event *event)
{
    struct json json;
    struct json_error error;
    *event = (struct event){0};
    /* A result that a built-in put together may be nested deeper than a request may be. */
    if (!json_parse(data, EVENT_RESULT_MAX, arena, &json, &error) ||
        json.nodes[0].type != JSON_OBJECT ||
        !event_parse(member_text(&json, STR("type"), arena), &event->type))
        return false;
    uint32_t channels = json_member(&json, 0, STR("channels"));
    event->task = member_text(&json, STR("task"), arena);
    event->function = member_text(&json, STR("function"), arena);
    event->channels = channels ? json_raw(&json, channels) : STR_NONE;
    return true;
}

struct str channels_next(struct str *rest)
{
    size_t i = 0;
    while (i < rest->len && rest->data[i] != '"')
        i++;
    size_t start = i++;
    while (i < rest->len && rest->data[i] != '"')
        i += rest->data[i] == '\\' ? 2 : 1;
    if (i >= rest->len)
        return STR_NONE;
    struct str name = {rest->data + start, i + 1 - start};
    rest->data += i + 1;
    rest->len -= i + 1;
    return name;
}

static bool channel_listed(const struct filter *filter, struct str channels)
{
    struct str name;
    while ((name = channels_next(&channels)).data) {
        if (str_listed(name, filter->channels, filter->channel_count))
            return true;
    }
    return false;
}

static size_t list_size(const struct str *list, size_t count)
{
    size_t size = count * sizeof(*list);
    for (size_t i = 0; i < count; i++)
        size += list[i].len;
    return size;
}

/* Puts the slices at *slots and their bytes at *bytes. */
static const struct str *put_list(const struct str *list, size_t count, struct str **slots,
                                  char **bytes)
{
    struct str *copy = *slots;
    *slots += count;
    for (size_t i = 0; i < count; i++)
        copy[i] = put(bytes, list[i]);
    return copy;
}

struct filter *filter_copy(const struct filter *filter)
{
    const size_t slots = filter->channel_count + filter->task_count + filter->function_count;
    struct filter *copy =
        mem_alloc(sizeof(*copy) + list_size(filter->channels, filter->channel_count) +
                  list_size(filter->tasks, filter->task_count) +
                  list_size(filter->functions, filter->function_count));
    struct str *slot = (struct str *)(copy + 1);
    char *bytes = (char *)(slot + slots);
    *copy = *filter;
    copy->channels = put_list(filter->channels, filter->channel_count, &slot, &bytes);
    copy->tasks = put_list(filter->tasks, filter->task_count, &slot, &bytes);
    copy->functions = put_list(filter->functions, filter->function_count, &slot, &bytes);
    return copy;
}

bool filter_passes(const struct filter *filter, const struct frame *frame)
{
    return (frame->type != EVENT_LOG || filter->logs) &&
           (!filter->types || filter->types >> frame->type & 1) &&
           (!filter->seq || filter->seq == frame->seq) &&
           (!filter->task_count || str_listed(frame->task, filter->tasks, filter->task_count)) &&
           (!filter->function_count ||
            str_listed(frame->function, filter->functions, filter->function_count)) &&
           (!filter->channel_count || channel_listed(filter, frame->channels));
}
