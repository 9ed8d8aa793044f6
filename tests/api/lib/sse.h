/*
 * A subscriber to server-sent events. Reading waits for what comes, up to the
 * deadline. Stories are events in order, in words: "created a, started a,
 * succeeded a" stands for task.created of the task a, and so on.
 */
#ifndef TESTS_API_SSE_H
#define TESTS_API_SSE_H

#include "tests/api/lib/server.h"

struct event {
    struct event *next;
    const char *id; /* NULL: it had none */
    long long number;
    const char *type; /* of `event:` */
    const char *line; /* `data:` as it came */
    struct body body; /* the same as JSON */
};

struct sse {
    struct server *server;
    struct http *http;
    struct reply *reply;
    char *text; /* what came and is no whole block yet */
    size_t length, room;
    struct event *waiting; /* read, not yet taken */
    int comments;
    const char *retry; /* the value of `retry:` */
    bool ended;
    bool cut; /* the end came without the end of the body */
};

/* Subscribes to a path with its query; the answer has to be a stream. */
struct sse *sse_open(struct server *, const char *path, ...) __attribute__((format(printf, 2, 3)));
struct sse *sse_open_from(struct server *, const char *last_event_id, const char *path, ...)
    __attribute__((format(printf, 3, 4)));
/* With these header lines. */
struct sse *sse_open_with(struct server *, const char *headers, const char *path, ...)
    __attribute__((format(printf, 3, 4)));
void sse_close(struct sse *);

/* The next event; NULL at the end of the stream. */
struct event *sse_next(struct sse *);
/* Waits for one comment more than so far. */
void sse_await_comment(struct sse *);

/* The next event has to be this one. */
#define expect_event(sse, type, task) sse_expect_event(sse, type, task, HERE)
struct event *sse_expect_event(struct sse *, const char *type, const char *task, struct place);
/* Lets others pass until this one comes. */
#define await_event(sse, type, task) sse_await_event(sse, type, task, HERE)
struct event *sse_await_event(struct sse *, const char *type, const char *task, struct place);
/* The next events have to be these. */
#define expect_story(sse, story) sse_expect_story(sse, story, HERE)
void sse_expect_story(struct sse *, const char *story, struct place);
/* And now the stream has to end, in good order. */
#define expect_end(sse) sse_expect_end(sse, HERE)
void sse_expect_end(struct sse *, struct place);

/* All events up to the first of that type and task, which is the last of the list. */
struct events {
    struct event **at;
    int count;
};
#define collect_until(sse, type, task) sse_collect_until(sse, type, task, HERE)
struct events sse_collect_until(struct sse *, const char *type, const char *task, struct place);
/* How many of them are such; NULL: any. */
int count_events(const struct events *, const char *type, const char *task);
struct event *find_event(const struct events *, const char *type, const char *task);

/*
 * What went to a channel from the beginning on, until now: a marker is sent through
 * the channel and all that came before it is returned. So "no event" needs no waiting.
 */
struct events channel_so_far(struct server *, const char *channel);
/* The same as a story: "created a, started a". */
const char *story_of(struct server *, const char *channel);

#endif
