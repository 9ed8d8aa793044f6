/* What subscribers are told: the event types and the one line of JSON that
 * each event carries (design 4.8). Pure; any thread. */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include "base/str.h"

enum event_type {
    EVENT_NONE,
#define X(name, type) EVENT_##name,
#include "model/event.def"
#undef X
    EVENT_COUNT
};

/* Results up to this many bytes travel in task.succeeded. */
enum { EVENT_RESULT_MAX = 8192 };

/* Bytes of a report that meta-tasks pass on with its message: there may be thousands of them. */
enum { EVENT_PASSED_ON_MAX = 1024 };

/* Texts named "JSON" are spliced in as they are; STR_NONE leaves a member out. */
struct event {
    enum event_type type;
    struct str task; /* id */
    const char *state;
    const char *kind;
    struct str function;
    int64_t at;          /* milliseconds since 1970 */
    struct str progress; /* JSON */
    struct str error;    /* JSON */
    struct str result;   /* JSON */
    bool safe_exit;
    struct str stream, line; /* of a log; any bytes */
    struct str origin;       /* id of the task that reported */
    struct str caused_by;
    int64_t attempt;     /* 0: leave out */
    struct str channels; /* JSON array; STR_NONE: the event goes to no channel */
};

const char *event_text(enum event_type type);
bool event_parse(struct str text, enum event_type *type);
bool event_terminal(enum event_type type);
/* Appends the event's data: one line of JSON, no line end. */
void event_render(const struct event *event, struct buf *out);

/* A member of the event's data, for the API's description. */
struct event_member {
    const char *name;
    bool always;        /* or only where it applies */
    const char *schema; /* base/schema.h; refers to schemas of handlers/schemas.txt */
    const char *about;
};
/* In the order of event_render; NULL: there are no more than i. */
const struct event_member *event_member(size_t i);

#endif
