#include "tests/api/lib/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/record.h"
#include "tests/api/lib/tasks.h"

enum pumped { EVENT, COMMENT, OTHER, END };

static void free_text(void *sse_)
{
    struct sse *sse = sse_;
    free(sse->text);
}

static struct sse *subscribe(struct server *server, const char *headers, const char *path)
{
    struct scenario *s = server->scenario;
    struct sse *sse = keep(s, sizeof *sse);
    at_end(s, free_text, sse);
    sse->server = server;
    sse->http = server_connect(server);
    size_t length;
    const char *bytes =
        request_bytes(server, &(struct request){.path = path, .headers = headers}, &length);
    http_write(sse->http, bytes, length);
    sse->reply = http_read_head(sse->http, false);
    if (!sse->reply)
        fail_at(HERE, "no answer to GET %s", path);
    record_exchange(&(struct request){.path = path}, "GET", sse->reply);
    if (sse->reply->status != 200)
        fail_at(HERE, "GET %s is no stream:\n%s", path, sse->reply->head);
    return sse;
}

struct sse *sse_open(struct server *server, const char *path, ...)
{
    va_list arguments;
    va_start(arguments, path);
    const char *whole = vtext(server->scenario, path, arguments);
    va_end(arguments);
    return subscribe(server, "Accept: text/event-stream\r\n", whole);
}

struct sse *sse_open_from(struct server *server, const char *last_event_id, const char *path, ...)
{
    va_list arguments;
    va_start(arguments, path);
    const char *whole = vtext(server->scenario, path, arguments);
    va_end(arguments);
    return subscribe(server, text(server->scenario, "Last-Event-ID: %s\r\n", last_event_id), whole);
}

struct sse *sse_open_with(struct server *server, const char *headers, const char *path, ...)
{
    va_list arguments;
    va_start(arguments, path);
    const char *whole = vtext(server->scenario, path, arguments);
    va_end(arguments);
    return subscribe(server, headers, whole);
}

void sse_close(struct sse *sse)
{
    http_close(sse->http);
}

static bool more(struct sse *sse)
{
    enum { SOME = 65536 };
    if (sse->room - sse->length < SOME + 1) {
        sse->room = sse->room * 2 + SOME + 1;
        sse->text = realloc(sse->text, sse->room);
        if (!sse->text)
            abort();
    }
    long got = http_read_some(sse->http, sse->text + sse->length, SOME, DEADLINE_MS);
    if (got > 0)
        sse->length += (size_t)got;
    sse->text[sse->length] = 0;
    sse->cut = got < 0;
    return got > 0;
}

/* The next block, without the empty line that ends it; NULL at the end of the stream. */
static char *take_block(struct sse *sse)
{
    for (;;) {
        char *end = sse->length ? memmem(sse->text, sse->length, "\n\n", 2) : NULL;
        if (end) {
            size_t length = (size_t)(end - sse->text);
            char *block = keep_bytes(sse->server->scenario, sse->text, length);
            sse->length -= length + 2;
            memmove(sse->text, end + 2, sse->length + 1);
            return block;
        }
        if (!more(sse))
            return NULL;
    }
}

static const char *field(const char *line, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    return line + length + 1 + (line[length + 1] == ' ');
}

static void read_line(struct sse *sse, struct event *event, const char *line)
{
    const char *value;
    if (*line == ':')
        sse->comments++;
    else if ((value = field(line, "retry")))
        sse->retry = value;
    else if ((value = field(line, "id")))
        event->id = value;
    else if ((value = field(line, "event")))
        event->type = value;
    else if ((value = field(line, "data")) && !event->line)
        event->line = value;
    else if (*line)
        fail_at(HERE, "a line that has no place in a stream of ours: %s", line);
}

static void put_back(struct sse *sse, struct event *event)
{
    struct event **last = &sse->waiting;
    while (*last)
        last = &(*last)->next;
    *last = event;
}

/* Reads one block. An event goes to the end of `waiting`. */
static enum pumped pump(struct sse *sse)
{
    struct scenario *s = sse->server->scenario;
    int comments = sse->comments;
    char *block = take_block(sse);
    if (!block) {
        if (http_timed_out(sse->http))
            fail_at(HERE, "nothing came from the stream in time");
        sse->ended = true;
        return END;
    }
    struct event *event = keep(s, sizeof *event);
    for (char *line; (line = strsep(&block, "\n"));)
        read_line(sse, event, line);
    if (!event->line)
        return sse->comments > comments ? COMMENT : OTHER;
    record_event(event->type ? event->type : "message", event->line);
    event->number = event->id ? atoll(event->id) : -1;
    body_init(&event->body, s, event->line, strlen(event->line));
    put_back(sse, event);
    return EVENT;
}

/* Heartbeats keep a stream from being silent, so the deadline is looked at here too. */
struct event *sse_next(struct sse *sse)
{
    int64_t until = now_ms() + DEADLINE_MS;
    while (!sse->waiting && !sse->ended) {
        if (now_ms() > until)
            fail_at(HERE, "no event came in time");
        pump(sse);
    }
    struct event *event = sse->waiting;
    if (event)
        sse->waiting = event->next;
    return event;
}

void sse_await_comment(struct sse *sse)
{
    int before = sse->comments;
    while (sse->comments == before) {
        if (pump(sse) == END)
            fail_at(HERE, "the stream ended, no comment came");
    }
}

static const char *task_of(const struct event *event)
{
    const cJSON *task = body_at(&event->body, "task");
    return cJSON_IsString(task) ? task->valuestring : "";
}

static bool is_such(const struct event *event, const char *type, const char *task)
{
    return (!type || (event->type && !strcmp(event->type, type))) &&
           (!task || !strcmp(task_of(event), task));
}

struct event *sse_expect_event(struct sse *sse, const char *type, const char *task,
                               struct place place)
{
    struct event *event = sse_next(sse);
    if (!event)
        fail_at(place, "the stream ended before %s of %s", type, task ? task : "any task");
    if (!is_such(event, type, task))
        fail_at(place, "next came %s %s, not %s of %s", event->type, event->line, type,
                task ? task : "any task");
    return event;
}

struct event *sse_await_event(struct sse *sse, const char *type, const char *task,
                              struct place place)
{
    struct events events = sse_collect_until(sse, type, task, place);
    return events.at[events.count - 1];
}

void sse_expect_story(struct sse *sse, const char *story, struct place place)
{
    char *rest = text(sse->server->scenario, "%s", story);
    for (char *part; (part = strsep(&rest, ","));) {
        char type[64], task[128];
        if (sscanf(part, " %48s %127s", type, task) != 2)
            fail_at(place, "no such story: %s", story);
        memmove(type + 5, type, strlen(type) + 1);
        memcpy(type, "task.", 5);
        sse_expect_event(sse, type, task, place);
    }
}

void sse_expect_end(struct sse *sse, struct place place)
{
    struct event *event = sse_next(sse);
    if (event)
        fail_at(place, "%s %s came, not the end", event->type, event->line);
    if (sse->cut)
        fail_at(place, "the stream was cut off: no proper end");
}

struct events sse_collect_until(struct sse *sse, const char *type, const char *task,
                                struct place place)
{
    struct scenario *s = sse->server->scenario;
    struct events events = {0};
    int room = 0;
    for (;;) {
        struct event *event = sse_next(sse);
        if (!event)
            fail_at(place, "the stream ended before %s of %s", type, task ? task : "any task");
        if (events.count == room) {
            room = room * 2 + 64;
            struct event **wider = keep(s, (size_t)room * sizeof(struct event *));
            if (events.count)
                memcpy(wider, events.at, (size_t)events.count * sizeof(struct event *));
            events.at = wider;
        }
        events.at[events.count++] = event;
        if (is_such(event, type, task))
            return events;
    }
}

int count_events(const struct events *events, const char *type, const char *task)
{
    int count = 0;
    for (int i = 0; i < events->count; i++)
        count += is_such(events->at[i], type, task);
    return count;
}

struct event *find_event(const struct events *events, const char *type, const char *task)
{
    for (int i = 0; i < events->count; i++) {
        if (is_such(events->at[i], type, task))
            return events->at[i];
    }
    return NULL;
}

struct events channel_so_far(struct server *server, const char *channel)
{
    const char *marker = create(server, "{'function':'echo','notify_channels':['%s']}", channel);
    struct sse *sse = sse_open(server, "/v1/events?channel=%s&last_event_id=0", channel);
    struct events events = collect_until(sse, "task.created", marker);
    events.count--;
    sse_close(sse);
    return events;
}

const char *story_of(struct server *server, const char *channel)
{
    struct scenario *s = server->scenario;
    struct events events = channel_so_far(server, channel);
    const char *story = "";
    for (int i = 0; i < events.count; i++)
        story = text(s, "%s%s%s %s", story, i ? ", " : "", events.at[i]->type + 5,
                     json_text(events.at[i], "task"));
    return story;
}
