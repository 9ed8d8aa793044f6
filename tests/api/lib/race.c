#include "tests/api/lib/race.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/tasks.h"

enum { CONNECTIONS = 20, SLOTS = 20 };

/* --- the server and its clients --------------------------------------------------- */

/* To take the one number out of {…,"args":[0.25],…}. */
#define READ_SECONDS                                                                               \
    "#!/bin/sh\n"                                                                                  \
    "read -r line\n"                                                                               \
    "line=${line#*\\[}\n"                                                                          \
    "line=${line%%]*}\n"

static int entries(const char *path)
{
    DIR *all = opendir(path);
    int count = 0;
    while (all && readdir(all))
        count++;
    if (all)
        closedir(all);
    return count;
}

static int descriptors_of(const struct race *race)
{
    return entries(text(race->s, "/proc/%d/fd", (int)race->server->pid));
}

static int threads_of(const struct race *race)
{
    return entries(text(race->s, "/proc/%d/task", (int)race->server->pid));
}

struct race *race_begin(struct scenario *s, const char *function, double pace)
{
    struct race *race = keep(s, sizeof *race);
    function_file(s, "nap.sh", READ_SECONDS "exec sleep $line\n");
    function_file(s, "relay.sh",
                  READ_SECONDS "echo '{\"$task\":{\"function\":\"sleep\",\"args\":['$line']}}'\n");
    function_manifest(s, "relay.json", "{'continues':true}");
    *race = (struct race){.s = s, .function = function, .pace = pace};
    race->server = server_start(s, "--slots %d", SLOTS);
    race->connections = keep(s, CONNECTIONS * sizeof(struct http *));
    for (int i = 0; i < CONNECTIONS; i++)
        race->connections[i] = server_connect(race->server);
    race->heard = stream_open(race->server, "/v1/events?channel=c");
    finished(race->server, create(race->server, "{'function':'%s','args':[0]}", function));
    race->descriptors = descriptors_of(race);
    race->threads = threads_of(race);
    return race;
}

double race_seconds(const struct race *race, int i)
{
    return race->pace * (0.5 + (i % 8) / 8.0) / 1000;
}

void race_create(struct race *race, const char *prefix, int from, int count)
{
    const char *batch = "";
    for (int i = from; i < from + count; i++)
        batch =
            json(race->s, "%s%s{'id':'%s%d','function':'%s','args':[%.4f],'notify_channels':['c']}",
                 batch, i > from ? "," : "", prefix, i, race->function, race_seconds(race, i));
    expect_status(post(race->server, "/v1/tasks", "[%s]", batch), 201);
}

struct reply **race_call(struct race *race, const struct request *requests, int count)
{
    struct reply **replies = keep(race->s, (size_t)count * sizeof(struct reply *));
    for (int i = 0; i < count; i++) {
        size_t length;
        const char *bytes = request_bytes(race->server, &requests[i], &length);
        http_write(race->connections[i % CONNECTIONS], bytes, length);
    }
    for (int i = 0; i < count; i++) {
        replies[i] = http_read(race->connections[i % CONNECTIONS], false);
        if (!replies[i])
            fail_at(HERE, "no answer to %s %s", requests[i].method, requests[i].path);
    }
    return replies;
}

struct reply **race_ask(struct race *race, const char *method, const char *prefix,
                        const char *suffix, int from, int count)
{
    struct request *requests = keep(race->s, (size_t)count * sizeof *requests);
    for (int i = 0; i < count; i++)
        requests[i] = (struct request){
            .method = method, .path = text(race->s, "/v1/tasks/%s%d%s", prefix, from + i, suffix)};
    return race_call(race, requests, count);
}

/* A round that was not waited for says nothing of the pace. */
static bool is_waited_for(const struct race *race)
{
    return race->rounds % 3 != 2;
}

void race_pace(struct race *race, int ended, int of)
{
    if (is_waited_for(race))
        race->pace *= 2 * ended > of ? 1.25 : 0.8;
    race->rounds++;
}

void expect_race(int won, int of)
{
    if (won == 0 || won == of)
        fail_at(HERE, "%d of %d: that was no race", won, of);
}

/* --- answers ---------------------------------------------------------------------- */

bool is_true(const struct reply *reply, const char *path)
{
    return cJSON_IsTrue(body_at(&reply->body, path));
}

static bool is_end(const char *state)
{
    return !strcmp(state, "succeeded") || !strcmp(state, "failed") || !strcmp(state, "cancelled");
}

bool is_live(const struct reply *reply)
{
    return !is_end(json_text(reply, "state"));
}

/* The number of PREFIX7; -1: it is another's. */
static int number_of(const char *id, const char *prefix, int count)
{
    size_t length = strlen(prefix);
    char *end = NULL;
    if (strncmp(id, prefix, length) != 0 || id[length] < '0' || id[length] > '9')
        return -1;
    long number = strtol(id + length, &end, 10);
    return *end == 0 && number < count ? (int)number : -1;
}

struct stream *stream_open(struct server *server, const char *path)
{
    struct stream *stream = keep(server->scenario, sizeof *stream);
    stream->sse = sse_open(server, "%s", path);
    return stream;
}

static const struct event *stream_next(struct stream *stream)
{
    struct events *events = &stream->events;
    struct event *event = sse_next(stream->sse);
    if (!event)
        fail_at(HERE, "the stream ended");
    if (events->count == stream->room) {
        stream->room = stream->room * 2 + 1024;
        struct event **wider =
            keep(stream->sse->server->scenario, (size_t)stream->room * sizeof(struct event *));
        if (events->count)
            memcpy(wider, events->at, (size_t)events->count * sizeof(struct event *));
        events->at = wider;
    }
    return events->at[events->count++] = event;
}

void race_meet(struct race *race, struct stream *stream, const char *prefix, int from, int count)
{
    bool met = !is_waited_for(race);
    while (!met) {
        const struct event *event = stream_next(stream);
        met = number_of(json_text(event, "task"), prefix, from + count) >= from &&
              is_end(event->type + strlen("task."));
    }
}

void stream_read(struct stream *stream)
{
    const char *last = create(stream->sse->server, "{'function':'echo','notify_channels':['c']}");
    const struct event *event = stream_next(stream);
    while (strcmp(event->type, "task.succeeded") != 0 ||
           strcmp(json_text(event, "task"), last) != 0)
        event = stream_next(stream);
}

struct told *told_of(const struct stream *stream, const char *prefix, int count)
{
    struct told *told = keep(stream->sse->server->scenario, (size_t)count * sizeof *told);
    for (int i = 0; i < stream->events.count; i++) {
        const struct event *event = stream->events.at[i];
        const char *what = event->type + strlen("task.");
        int number = number_of(json_text(event, "task"), prefix, count);
        if (number < 0)
            continue;
        struct told *one = &told[number];
        one->after = one->after || one->ended;
        one->started += !strcmp(what, "started");
        one->ended += is_end(what);
        one->end = is_end(what) ? what : one->end;
    }
    return told;
}

const char **states_of(struct race *race, const char *prefix, int count)
{
    const char **states = keep(race->s, (size_t)count * sizeof(const char *));
    const char *path = "/v1/tasks?limit=1000";
    while (path) {
        struct reply *reply = get(race->server, "%s", path);
        expect_status(reply, 200);
        const cJSON *row;
        cJSON_ArrayForEach(row, body_at(&reply->body, "tasks"))
        {
            int number = number_of(cJSON_GetObjectItem(row, "id")->valuestring, prefix, count);
            if (number >= 0)
                states[number] = cJSON_GetObjectItem(row, "state")->valuestring;
        }
        const cJSON *next = body_at(&reply->body, "next_cursor");
        path = cJSON_IsString(next)
                   ? text(race->s, "/v1/tasks?limit=1000&cursor=%s", next->valuestring)
                   : NULL;
    }
    return states;
}

/* --- afterwards ------------------------------------------------------------------- */

/* Descriptors that come and go by themselves: the database's, a connection that is closing. */
enum { SLACK = 3 };

void race_expect_rest(struct race *race, struct place place)
{
    struct patience patience = patience_begin();
    for (;;) {
        struct reply *stats = get(race->server, "/v1/stats");
        int live = (int)json_number(stats, "live"), used = (int)json_number(stats, "slots.used");
        int children = process_children(race->server->pid);
        int descriptors = descriptors_of(race), threads = threads_of(race);
        if (!live && !used && !children && threads <= race->threads &&
            descriptors <= race->descriptors + SLACK)
            return;
        patience_more(&patience,
                      text(race->s,
                           "rest: live %d, slots %d, children %d, threads %d (%d), descriptors %d "
                           "(%d)",
                           live, used, children, threads, race->threads, descriptors,
                           race->descriptors),
                      place);
    }
}
