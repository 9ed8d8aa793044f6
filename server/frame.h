/* An event as it goes over the wire, rendered once and shared by all who get
 * it; and the filter that decides who does. Frames are immutable and counted. */
#ifndef SERVER_FRAME_H
#define SERVER_FRAME_H

#include "base/arena.h"
#include "model/event.h"

struct frame {
    int refs;   /* the hub's thread only, once it was published */
    int64_t id; /* 0: not stored (a response head, a line of log, the silent end of a task) */
    enum event_type type;
    int64_t seq; /* of the task */
    bool ends;   /* the task has ended with it */
    struct str task, function;
    struct str channels; /* JSON array as stored, or STR_NONE */
    struct str text;     /* what is written; the structs above point behind it */
};

/* Renders an event. data: its line of JSON, or STR_NONE. One reference. */
struct frame *frame_new(int64_t id, int64_t seq, const struct event *event, struct str data);
/* Bytes as they are. */
struct frame *frame_text(struct str text);
struct frame *frame_ref(struct frame *frame);
void frame_unref(struct frame *frame);
/* Makes the event of a stored line of data; false if that is not one. Texts in the arena. */
bool frame_parse(struct str data, struct arena *arena, struct event *event);

/* Takes the next channel off a stored array: a JSON string with its quotes, or STR_NONE. */
struct str channels_next(struct str *rest);

/* Any of the same name, all of the different names (design 4.8). Empty lists let all pass. */
struct filter {
    const struct str *channels; /* as JSON strings with quotes */
    const struct str *tasks, *functions;
    size_t channel_count, task_count, function_count;
    unsigned types; /* bit for each enum event_type; 0: all */
    int64_t seq;    /* one task's own stream; 0: no */
    bool logs;      /* lines of log too */
    bool follow;    /* the log itself, as text, and nothing else; with seq */
};

/* A copy in one piece of heap memory, texts included (mem_free it). */
struct filter *filter_copy(const struct filter *filter);
bool filter_passes(const struct filter *filter, const struct frame *frame);

#endif
