/* What the API's description says of parameters and headers. */
#include "base/mem.h"
#include "handlers/schemas.h"

#include <string.h>

#define REF(name)       "'$ref':'#/components/schemas/" name "'"
#define LIST(schema)    "'type':'array','items':{" schema "}"
#define TEXT            "'type':'string'"
#define MOMENT          "'type':'string','format':'date-time'"
#define LIST_FILTER     "GET /v1/tasks"
#define EVENTS          "GET /v1/events"
#define IF_NONE_MATCH   "Gives 304 if the ETag is one of these."
#define LAST_EVENT_ID   "What came after this event is told first; 0 for all that is kept. "
#define LAST_EVENT_ID_H LAST_EVENT_ID "It beats last_event_id."

static const struct parameter parameters[] = {
    {"id", "path", NULL, REF("Id"), "Of the task."},
    {"lease", "path", NULL, TEXT, "The token of the lease."},
    {"slug", "path", NULL, TEXT, "The last part of the type of a problem."},
    {"wait", "query", NULL, "'type':'number','minimum':0",
     "Seconds to wait for the end of the task; above 60 it counts as 60."},
    {"state", "query", NULL, LIST(REF("State")), "Any of these."},
    {"kind", "query", NULL, REF("Kind"), NULL},
    {"function", "query", LIST_FILTER, TEXT, NULL},
    {"channel", "query", LIST_FILTER, "'type':'string','minLength':1",
     "Tasks that tell of themselves on this channel."},
    {"created_after", "query", NULL, MOMENT, NULL},
    {"created_before", "query", NULL, MOMENT, NULL},
    {"limit", "query", NULL, "'type':'integer','minimum':1,'default':50",
     "How many there may be on the page; above 1000 it counts as 1000."},
    {"cursor", "query", NULL, TEXT, "The next_cursor of the page before."},
    {"channel", "query", EVENTS, LIST("'type':'string','minLength':1"), "Any of these."},
    {"task", "query", NULL, LIST(REF("Id")), "Any of these."},
    {"type", "query", NULL, LIST(REF("EventType")), "Any of these."},
    {"function", "query", EVENTS, LIST(REF("Id")), "Any of these."},
    {"last_event_id", "query", NULL, "'type':'integer','minimum':0", LAST_EVENT_ID},
    {"logs", "query", NULL, "'enum':['0','1'],'default':'0'",
     "1: lines of log too, as task.log, which has no id."},
    {"ticket", "query", NULL, TEXT, "From POST /v1/tickets, in place of a token."},
    {"follow", "query", NULL, "'enum':['0','1'],'default':'0'",
     "1: what is written while the task runs, too, until it ends."},
    {"Last-Event-ID", "header", EVENTS, TEXT, LAST_EVENT_ID_H},
    {"Last-Event-ID", "header", "GET /v1/tasks/{id}/events", TEXT, LAST_EVENT_ID_H},
    {"If-None-Match", "header", "GET /v1/tasks/{id}", TEXT, IF_NONE_MATCH},
    {"If-None-Match", "header", "GET /openapi.json", TEXT, IF_NONE_MATCH},
    {"Idempotency-Key", "header", "POST /v1/tasks", "'type':'string','minLength':1,'maxLength':255",
     "The same key with the same body gets the first answer again, for a day."},
    {"Prefer", "header", "POST /v1/tasks", TEXT,
     "wait=S is the same as the parameter wait. return=minimal answers with the id alone. A wrong "
     "value of these is 422; other preferences are left alone."},
};

const struct parameter *parameter_at(size_t i)
{
    return i < array_size(parameters) ? &parameters[i] : NULL;
}

const struct parameter *parameter_find(const char *in, struct str name, const char *route)
{
    for (size_t i = 0; i < array_size(parameters); i++) {
        const struct parameter *row = &parameters[i];
        if (strcmp(row->in, in) == 0 && str_eq(str_of(row->name), name) &&
            (!row->route || strcmp(row->route, route) == 0))
            return row;
    }
    return NULL;
}

static const struct answer_header headers[] = {
    {"ETag", TEXT, "The version of the task, or of the document."},
    {"Idempotency-Replayed", TEXT, "true: this is the first answer to the Idempotency-Key."},
    {"Link", TEXT, "rel=next: the next page, if there is one."},
    {"Location", TEXT, "The path of the task."},
    {"Retry-After", "'type':'integer'", "Seconds."},
};

const struct answer_header *answer_header_find(struct str name)
{
    for (size_t i = 0; i < array_size(headers); i++) {
        if (str_eq(str_of(headers[i].name), name))
            return &headers[i];
    }
    return NULL;
}
