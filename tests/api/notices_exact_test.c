/*
 * Section 5.2 as subscribers live it: one open stream for each channel, from before
 * the first task until a marker that comes last. What each hears is given in full.
 */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

enum { CHANNELS_MAX = 8 };

struct audience {
    struct server *server;
    int count;
    const char *channels[CHANNELS_MAX];
    struct sse *streams[CHANNELS_MAX];
};

/* One stream for each of these names, which are separated by blanks. */
static struct audience *listen_to(struct server *server, const char *channels)
{
    struct scenario *s = server->scenario;
    struct audience *audience = keep(s, sizeof *audience);
    audience->server = server;
    char *rest = text(s, "%s", channels);
    for (char *name; (name = strsep(&rest, " "));) {
        assert_true(audience->count < CHANNELS_MAX);
        audience->channels[audience->count] = name;
        audience->streams[audience->count++] = sse_open(server, "/v1/events?channel=%s", name);
    }
    return audience;
}

/* Sends a last event through all channels. */
static void mark_the_end(struct audience *audience)
{
    struct scenario *s = audience->server->scenario;
    const char *names = "";
    for (int i = 0; i < audience->count; i++)
        names = json(s, "%s%s'%s'", names, i ? "," : "", audience->channels[i]);
    create(audience->server, "{'id':'end','function':'echo','notify_channels':[%s]}", names);
}

/* All that came before the marker. */
static struct events before_the_end(struct sse *sse)
{
    struct events events = collect_until(sse, "task.created", "end");
    events.count--;
    for (int i = 1; i < events.count; i++)
        assert_true(events.at[i]->number > events.at[i - 1]->number);
    return events;
}

/* "progress=10 m<d": progress 10 of m with origin d; "failed m!d": caused_by is d. */
static const char *words_of(struct scenario *s, struct event *event)
{
    const char *words = text(s, "%s", event->type + strlen("task."));
    if (json_has(event, "progress"))
        words = text(s, "%s=%g", words, json_number(event, "progress.value"));
    words = text(s, "%s %s", words, json_text(event, "task"));
    if (json_has(event, "origin"))
        words = text(s, "%s<%s", words, json_text(event, "origin"));
    if (json_has(event, "caused_by"))
        words = text(s, "%s!%s", words, json_text(event, "caused_by"));
    return words;
}

/* 4.8: an event says where it goes, each channel once. */
static void expect_named_once(struct event *event, const char *channel)
{
    int times = 0;
    for (int i = json_count(event, "channels"); i > 0; i--) {
        const char *path = text(event->body.scenario, "channels.%d", i - 1);
        times += !strcmp(json_text(event, path), channel);
    }
    assert_int_equal(times, 1);
}

struct heard {
    const char *channel, *story;
};

static void expect_heard(struct audience *audience, const struct heard *rows, int count)
{
    struct scenario *s = audience->server->scenario;
    assert_int_equal(count, audience->count);
    mark_the_end(audience);
    for (int i = 0; i < count; i++) {
        note(s, "channel %s", rows[i].channel);
        assert_string_equal(rows[i].channel, audience->channels[i]);
        struct events events = before_the_end(audience->streams[i]);
        const char *story = "";
        for (int j = 0; j < events.count; j++) {
            story = text(s, "%s%s%s", story, j ? ", " : "", words_of(s, events.at[j]));
            expect_named_once(events.at[j], rows[i].channel);
        }
        assert_string_equal(story, rows[i].story);
    }
}
/* A row for each channel, in the order of listen_to(). */
#define EXPECT_HEARD(audience, ...)                                                                \
    expect_heard(audience, (const struct heard[]){__VA_ARGS__},                                    \
                 (int)(sizeof((const struct heard[]){__VA_ARGS__}) / sizeof(struct heard)))

/* --- success ---------------------------------------------------------------------- */

/* 5.2: a dependency that two meta-tasks name by id: both hear of it, neither of the other. */
SCENARIO(success_of_a_shared_dependency)
{
    struct server *server = server_start(s, "%s", "");
    struct audience *audience = listen_to(server, "d l r bystander");
    expect_status(
        post(server, "/v1/tasks",
             "[{'id':'d','function':'echo','args':[1],'notify_channels':['d']},"
             "{'id':'l','process':'collect','args':[{'$task':'d'}],'notify_channels':['l']},"
             "{'id':'r','process':'collect','args':[{'$task':'d'}],'notify_channels':['r']}]"),
        201);
    expect_result(server, "l", "[1]");
    expect_result(server, "r", "[1]");
    EXPECT_HEARD(audience, {"d", "created d, started d, succeeded d"},
                 {"l", "created l, succeeded d, started l, succeeded l"},
                 {"r", "created r, succeeded d, started r, succeeded r"}, {"bystander", ""});
}

/* 5.2: three levels, each inside the one above. What is in the middle is heard above only. */
SCENARIO(success_through_three_levels)
{
    struct server *server = server_start(s, "%s", "");
    struct audience *audience = listen_to(server, "d m t");
    create(server, "{'id':'t','process':'collect','notify_channels':['t'],'args':[{'$task':"
                   "{'id':'m','process':'collect','notify_channels':['m'],'args':[{'$task':"
                   "{'id':'d','function':'echo','args':[1],'notify_channels':['d']}}]}}]}");
    expect_result(server, "t", "[[1]]");
    EXPECT_HEARD(audience, {"d", "created d, started d, succeeded d"},
                 {"m", "created m, succeeded d, started m, succeeded m"},
                 {"t", "created t, succeeded d, succeeded m, started t, succeeded t"});
}

/* 5.2: a channel that parents and children all name, one of them twice: each event once. */
SCENARIO(channel_of_parent_and_child)
{
    struct server *server = server_start(s, "%s", "");
    struct audience *audience = listen_to(server, "family ends middle");
    expect_status(post(server, "/v1/tasks",
                       "[{'id':'d','function':'echo','notify_channels':['family','ends','family']},"
                       "{'id':'m','process':'collect','args':[{'$task':'d'},{'$task':'d'}],"
                       "'notify_channels':['middle','family']},"
                       "{'id':'t','process':'collect','args':[{'$task':'m'},{'$task':'d'}],"
                       "'notify_channels':['ends','family']}]"),
                  201);
    expect_outcome(server, "t", "succeeded");
    EXPECT_HEARD(audience,
                 {"family", "created d, created m, created t, started d, succeeded d, started m, "
                            "succeeded m, started t, succeeded t"},
                 {"ends", "created d, created t, started d, succeeded d, succeeded m, started t, "
                          "succeeded t"},
                 {"middle", "created m, succeeded d, started m, succeeded m"});
}

/* --- failure and cancel ------------------------------------------------------------- */

/* 5.2: a failure two levels down. It ends all above, and takes along what only they wanted; what
 * others want goes on and is not told to those that have ended. */
SCENARIO(failure_of_a_grandchild)
{
    struct server *server = server_start(s, "%s", "");
    struct audience *audience = listen_to(server, "d own shared m t family");
    create(server, "{'id':'shared','function':'echo','delay':3600,'notify_channels':['shared']}");
    create(server,
           "{'id':'t','process':'collect','notify_channels':['t'],'args':[{'$task':'shared'},"
           "{'$task':{'id':'m','process':'collect','notify_channels':['m','family'],'args':["
           "{'$task':{'id':'own','function':'echo','delay':3600,'notify_channels':['own']}},"
           "{'$task':{'id':'d','function':'fail','args':['no'],"
           "'notify_channels':['d']}}]}}]}");
    expect_failure(server, "t", "dependency-failed");
    expect_state(server, "shared", "scheduled");
    expect_status(cancel(server, "shared", NULL), 200);
    EXPECT_HEARD(audience, {"d", "created d, started d, failed d"},
                 {"own", "created own, cancelled own!d"},
                 {"shared", "created shared, cancelled shared"}, {"m", "created m, failed m!d"},
                 {"t", "created t, failed t!d"}, {"family", "created m, failed m!d"});
}

/* 5.2: a dependency that is cancelled ends who needs it, at any distance; who settles for less
 * goes on and hears nothing of it. */
SCENARIO(cancel_from_below)
{
    struct server *server = server_start(s, "%s", "");
    struct audience *audience = listen_to(server, "d own m t settled all");
    expect_status(
        post(server, "/v1/tasks",
             "[{'id':'d','function':'echo','delay':3600,'notify_channels':['d','all']},"
             "{'id':'m','process':'collect','args':[{'$task':'d'},{'$task':{'id':'own','function':"
             "'echo','delay':3600,'notify_channels':['own']}}],'notify_channels':['m','all']},"
             "{'id':'t','process':'collect','args':[{'$task':'m'}],'notify_channels':['t','all']},"
             "{'id':'settled','process':'collect','wait_for':'all_settled',"
             "'args':[{'$task':'d'}],'notify_channels':['settled']}]"),
        201);
    expect_status(cancel(server, "d", NULL), 200);
    expect_outcome(server, "settled", "succeeded");
    EXPECT_HEARD(
        audience, {"d", "created d, cancelled d"}, {"own", "created own, cancelled own!d"},
        {"m", "created m, cancelled m!d"}, {"t", "created t, cancelled t!d"},
        {"settled", "created settled, started settled, succeeded settled"},
        {"all", "created d, created m, created t, cancelled d, cancelled m!d, cancelled t!d"});
}

/* 5.2: a cancel at the top takes along what is below; its own event has no cause but itself. A
 * shared dependency goes on, and its success is not told to those that are gone. */
SCENARIO(cancel_from_above)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    struct audience *audience = listen_to(server, "d shared m t");
    create(server, "{'id':'shared','function':'hold','notify_channels':['shared']}");
    await_progress(server, "shared", 1);
    create(server,
           "{'id':'t','process':'collect','notify_channels':['t'],'args':[{'$task':"
           "{'id':'m','process':'collect','notify_channels':['m'],'args':[{'$task':'shared'},"
           "{'$task':{'id':'d','function':'echo','delay':3600,'notify_channels':['d']}}]}}]}");
    expect_status(cancel(server, "t", NULL), 200);
    release(s, "shared", "1");
    expect_outcome(server, "shared", "succeeded");
    EXPECT_HEARD(audience, {"d", "created d, cancelled d!t"},
                 {"shared", "created shared, started shared, progress=1 shared, succeeded shared"},
                 {"m", "created m, cancelled m!t"}, {"t", "created t, cancelled t"});
}

/* --- progress --------------------------------------------------------------------------- */

/* 5.2: progress of a grandchild: to each level as that level's own event, with its origin, in the
 * order in which it was reported. */
SCENARIO(progress_of_a_grandchild)
{
    function_file(s, "report.sh",
                  "#!/bin/sh\n"
                  "for part in 10 50 90; do echo '{\"progress\":'$part'}' >&3; done\n");
    struct server *server = server_start(s, "%s", "");
    struct audience *audience = listen_to(server, "d m t bystander");
    create(server, "{'id':'t','process':'collect','notify_channels':['t'],'args':[{'$task':"
                   "{'id':'m','process':'report','notify_channels':['m'],'args':[{'$task':"
                   "{'id':'d','function':'report','notify_channels':['d']}}]}}]}");
    expect_outcome(server, "t", "succeeded");
    EXPECT_HEARD(audience,
                 {"d", "created d, started d, progress=10 d, progress=50 d, progress=90 d, "
                       "succeeded d"},
                 {"m", "created m, progress=10 m<d, progress=50 m<d, progress=90 m<d, succeeded d, "
                       "started m, progress=10 m, progress=50 m, progress=90 m, succeeded m"},
                 {"t", "created t, progress=10 t<d, progress=50 t<d, progress=90 t<d, succeeded d, "
                       "progress=10 t<m, progress=50 t<m, progress=90 t<m, succeeded m, "
                       "started t, succeeded t"},
                 {"bystander", ""});
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(success_of_a_shared_dependency),
        RUN(success_through_three_levels),
        RUN(channel_of_parent_and_child),
        RUN(failure_of_a_grandchild),
        RUN(cancel_from_below),
        RUN(cancel_from_above),
        RUN(progress_of_a_grandchild),
    };
    return RUN_SCENARIOS("notices_exact", table);
}
