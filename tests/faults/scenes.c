#include "tests/faults/scenes.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/http.h"
#include "tests/api/lib/kit.h"
#include "tests/api/lib/leases.h"

void scene_functions(struct scenario *s)
{
    functions_standard(s);
    kit_write(s, NULL);
    function_manifest(s, "kit.json", "{'mode':'worker','workers':{'max':1},'functions':['give']}");
    functions_remote(s, "elsewhere", "");
    function_file(s, "seven.sh",
                  "#!/bin/sh\necho a line >&2\necho '{\"progress\":50}' >&3\necho 7\n");
}

/* What is not to be had because of the fault is left to the check. */
static struct reply *await_end(struct round *round, const char *name)
{
    return round_ask(
        round, "GET",
        text(round->s, "/v1/tasks/%s?wait=%d", round_id(round, name), round->fault->sticky ? 1 : 5),
        NULL);
}

static bool has_failed(struct round *round)
{
    return atomic_load(&round->page->failed) > 0;
}

/* --- work ---------------------------------------------------------------------------- */

static void process_act(struct round *round)
{
    if (try_create(round, "a", "7", text(round->s, "{'id':'a%s','function':'seven'}", round->id)))
        await_end(round, "a");
}
const struct scene scene_process = {"process", process_act, NULL};

static void meta_act(struct round *round)
{
    const char *body = text(round->s,
                            "{'id':'m%s','process':'sum','args':[{'$task':{'id':'d%s',"
                            "'function':'seven'}},{'$task':{'function':'echo','args':[1]}}]}",
                            round->id, round->id);
    bool made = try_create(round, "m", "8", body);
    struct promise *inner = &round->promises[round->promised++];
    *inner = *promise_of(round, "m");
    inner->id = round_id(round, "d");
    inner->want = "7";
    if (made)
        await_end(round, "m");
}
const struct scene scene_meta = {"meta", meta_act, NULL};

/* All of them, or none. */
static void batch_act(struct round *round)
{
    const char *id = round->id;
    const char *body =
        text(round->s,
             "[{'id':'a%s','function':'echo','args':[1]},{'id':'b%s','function':'seven'},"
             "{'id':'c%s','process':'sum','args':[{'$task':'a%s'},{'$task':'b%s'}]}]",
             id, id, id, id, id);
    bool made = try_create(round, "a", "1", body);
    for (int i = 1; i < 3; i++) {
        struct promise *other = &round->promises[round->promised++];
        *other = round->promises[0];
        other->id = round_id(round, i == 1 ? "b" : "c");
        other->want = i == 1 ? "7" : "8";
    }
    if (made)
        await_end(round, "c");
}
static void batch_after(struct round *round)
{
    int there = 0;
    for (int i = 0; i < 3; i++) {
        const struct reply *reply =
            round_ask(round, "GET", text(round->s, "/v1/tasks/%s", round->promises[i].id), NULL);
        there += reply && reply->status == 200;
    }
    if (there != 0 && there != 3)
        fail_at(HERE, "%d tasks of 3 are there", there);
}
const struct scene scene_batch = {"batch", batch_act, batch_after};

static void worker_act(struct round *round)
{
    if (try_create(round, "w", "[1,2]",
                   text(round->s, "{'id':'w%s','function':'give','args':[[1,2]]}", round->id)))
        await_end(round, "w");
}
const struct scene scene_worker = {"worker", worker_act, NULL};

/* --- ends from outside ----------------------------------------------------------------- */

static bool runs(struct round *round, const char *name)
{
    const char *path = text(round->s, "/v1/tasks/%s", round_id(round, name));
    const struct reply *reply = round_ask(round, "GET", path, NULL);
    return !reply || reply->status != 200 || json_has(reply, "progress.value") ||
           !strcmp(json_text(reply, "state"), "failed");
}

static const char *cancel_path(struct round *round, const char *name)
{
    return text(round->s, "/v1/tasks/%s/cancel", round_id(round, name));
}

static void cancel_act(struct round *round)
{
    if (!try_create(round, "h", NULL, text(round->s, "{'id':'h%s','function':'hold'}", round->id)))
        return;
    while (!has_failed(round) && !runs(round, "h"))
        poll(NULL, 0, 5);
    const struct reply *reply = round_ask(round, "POST", cancel_path(round, "h"), NULL);
    if (reply && reply->status / 100 == 2) {
        const struct reply *now =
            round_ask(round, "GET", text(round->s, "/v1/tasks/h%s", round->id), NULL);
        bool failed = now && now->status == 200 && !strcmp(json_text(now, "state"), "failed");
        promise_of(round, "h")->state = failed ? "failed" : "cancelled";
        await_end(round, "h");
    }
}
static void cancel_after(struct round *round)
{
    if (!promise_of(round, "h")->state)
        round_ask(round, "POST", cancel_path(round, "h"), NULL);
}
const struct scene scene_cancel = {"cancel", cancel_act, cancel_after};

/* One that waits for its time is given its result. */
static void outside_act(struct round *round)
{
    if (!try_create(round, "o", "5",
                    text(round->s, "{'id':'o%s','function':'seven','delay':3600}", round->id)))
        return;
    const char *path = text(round->s, "/v1/tasks/o%s/result", round->id);
    const struct reply *reply = round_ask(round, "PUT", path, "5");
    if (reply && reply->status == 200)
        promise_of(round, "o")->state = "succeeded";
}
static void outside_after(struct round *round)
{
    if (!promise_of(round, "o")->state)
        round_ask(round, "POST", cancel_path(round, "o"), NULL);
}
const struct scene scene_outside = {"outside", outside_act, outside_after};

static const char *take_lease(struct round *round)
{
    const struct reply *reply = round_ask(round, "POST", "/v1/leases",
                                          "{\"functions\":[\"elsewhere\"],\"ttl\":2,\"wait\":1}");
    if (!reply || reply->status != 200 || json_count(reply, "leases") != 1)
        return NULL;
    return json_text(reply, "leases.0.lease");
}

static void lease_act(struct round *round)
{
    if (!try_create(round, "l", "9",
                    text(round->s, "{'id':'l%s','function':'elsewhere'}", round->id)))
        return;
    const char *token = take_lease(round);
    if (!token)
        return;
    const struct reply *reply =
        round_ask(round, "POST", text(round->s, "/v1/leases/%s/heartbeat", token), NULL);
    reply = round_ask(round, "PUT", text(round->s, "/v1/leases/%s/result", token), "9");
    if (reply && reply->status == 200)
        promise_of(round, "l")->state = "succeeded";
}
static void lease_after(struct round *round)
{
    if (!promise_of(round, "l")->state)
        round_ask(round, "POST", cancel_path(round, "l"), NULL);
}
const struct scene scene_lease = {"lease", lease_act, lease_after};

static void delete_act(struct round *round)
{
    if (!try_create(round, "x", "1",
                    text(round->s, "{'id':'x%s','function':'echo','args':[1]}", round->id)))
        return;
    await_end(round, "x");
    const char *path = text(round->s, "/v1/tasks/x%s", round->id);
    const struct reply *reply = round_ask(round, "DELETE", path, NULL);
    struct promise *promise = promise_of(round, "x");
    promise->kept = reply && reply->status != 204;
    promise->refused = reply && reply->status == 204;
}
const struct scene scene_delete = {"delete", delete_act, NULL};

/* --- looking ------------------------------------------------------------------------------ */

/* What is answered while something fails is what is answered when nothing does. */
static const char *const paths[] = {
    "/v1/tasks/seen",
    "/v1/tasks/seen/result",
    "/v1/tasks/seen/logs",
    "/v1/tasks/summed",
    "/v1/tasks?limit=2&created_before=2100-01-01T00:00:00Z&function=never",
    "/v1/functions",
    "/problems/internal"};
enum { PATHS = sizeof paths / sizeof *paths };

static void look_act(struct round *round)
{
    struct reply *seen[PATHS];
    for (int i = 0; i < PATHS; i++)
        seen[i] = round_ask(round, "GET", paths[i], NULL);
    round_ask(round, "GET", "/metrics", NULL);
    round_ask(round, "GET", "/v1/stats", NULL);
    round_ask(round, "GET", "/openapi.json", NULL);
    round_recover(round);
    for (int i = 0; i < PATHS; i++) {
        const struct reply *now = round_ask(round, "GET", paths[i], NULL);
        if (!seen[i] || seen[i]->status >= 500)
            continue;
        if (!now || now->status != seen[i]->status ||
            strcmp(now->body.text, seen[i]->body.text) != 0)
            fail_at(HERE, "%s: %d %s\nis now %s", paths[i], seen[i]->status, seen[i]->body.text,
                    now ? now->body.text : "not answered");
    }
}
const struct scene scene_look = {"look", look_act, NULL};

/* The ids of the events of a stream, in order, up to its end. */
static char *read_stream(struct round *round, const char *last, const char *path)
{
    struct request request = {.path = path};
    if (last)
        request.headers = text(round->s, "Last-Event-ID: %s\r\n", last);
    size_t length;
    char *bytes = request_bytes(round->server, &request, &length), *ids = text(round->s, "%s", "");
    struct http *http = http_open(round->s, round->server->port);
    struct reply *reply = http_write(http, bytes, length) ? http_read(http, false) : NULL;
    if (!reply && http_timed_out(http))
        fail_at(HERE, "%s does not end", path);
    http_close(http);
    if (!reply || reply->status != 200)
        return ids;
    for (const char *at = reply->body.text; (at = strstr(at, "\nid: ")); at++)
        ids = text(round->s, "%s%ld ", ids, strtol(at + 5, NULL, 10));
    if (strstr(reply->body.text, "event: reset"))
        fail_at(HERE, "a stream that begins has a reset: %s", reply->body.text);
    return ids;
}

static const char *last_of(struct round *round, const char *ids)
{
    const char *space = *ids ? memrchr(ids, ' ', strlen(ids) - 1) : NULL;
    return text(round->s, "%.*s", (int)strcspn(space ? space + 1 : ids, " "),
                space ? space + 1 : ids);
}

/* A client that comes again with the last id it saw has every event once. */
static void stream_act(struct round *round)
{
    const char *path = text(round->s, "/v1/tasks/a%s/events", round->id);
    if (!try_create(round, "a", "7", text(round->s, "{'id':'a%s','function':'seven'}", round->id)))
        return;
    const char *seen = round->fault->sticky ? "" : read_stream(round, NULL, path);
    round_recover(round);
    round_ask(round, "GET", text(round->s, "/v1/tasks/a%s?wait=19", round->id), NULL);
    const char *rest = read_stream(round, *seen ? last_of(round, seen) : NULL, path);
    const char *all = read_stream(round, NULL, path);
    if (strcmp(text(round->s, "%s%s", seen, rest), all) != 0)
        fail_at(HERE, "the events %s came as %s, then %s", all, seen, rest);
}
const struct scene scene_stream = {"stream", stream_act, NULL};

static void reload_act(struct round *round)
{
    server_signal(round->server, SIGHUP);
    process_act(round);
}
const struct scene scene_reload = {"reload", reload_act, NULL};
