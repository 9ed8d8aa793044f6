/* Section 5.2, in full: all that each channel is told, word for word. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* What a channel was told, in words: "created a, progress m<d" is progress of m with origin d,
 * "failed m!d" has caused_by d. */
static const char *told_to(struct server *server, const char *channel)
{
    struct scenario *s = server->scenario;
    struct events events = channel_so_far(server, channel);
    const char *story = "";
    for (int i = 0; i < events.count; i++) {
        struct event *event = events.at[i];
        const char *origin = json_has(event, "origin") ? json_text(event, "origin") : "";
        const char *cause = json_has(event, "caused_by") ? json_text(event, "caused_by") : "";
        story =
            text(s, "%s%s%s %s%s%s%s%s", story, i ? ", " : "", event->type + 5,
                 json_text(event, "task"), *origin ? "<" : "", origin, *cause ? "!" : "", cause);
    }
    return story;
}

struct told {
    const char *channel, *story;
};

static void expect_told(struct server *server, const struct told *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        note(server->scenario, "channel %s", rows[i].channel);
        assert_string_equal(told_to(server, rows[i].channel), rows[i].story);
    }
}
#define EXPECT_TOLD(server, ...)                                                                   \
    expect_told(server, (const struct told[]){__VA_ARGS__},                                        \
                sizeof((const struct told[]){__VA_ARGS__}) / sizeof(struct told))

/*
 * d below l and r, both below t; each has a channel of its own name, the channel
 * lr is that of l and r, dt that of d and t, all that of all.
 */
static void make_diamond(struct server *server, const char *d)
{
    const char *batch = text(server->scenario,
                             "[{'id':'d',%s,'notify_channels':['d','dt','all']},"
                             "{'id':'l','process':'collect','args':[{'$task':'d'},{'$task':'d'}],"
                             "'notify_channels':['l','lr','all']},"
                             "{'id':'r','process':'collect','args':[{'$task':'d'},{'$task':'l'}],"
                             "'notify_channels':['r','lr','all']},"
                             "{'id':'t','process':'collect','args':[{'$task':'l'},{'$task':'r'}],"
                             "'notify_channels':['t','dt','all']}]",
                             d);
    expect_status(
        call(server, .path = "/v1/tasks", .body = requote(text(server->scenario, "%s", batch))),
        201);
}

/* 5.2: success, all the way up, by several ways and once. r waits for l, so the order is given. */
SCENARIO(success)
{
    struct server *server = server_start(s, "%s", "");
    make_diamond(server, "'function':'echo','args':[1],'delay':0.2");
    expect_outcome(server, "t", "succeeded");
    EXPECT_TOLD(
        server, {"d", "created d, started d, succeeded d"},
        {"l", "created l, succeeded d, started l, succeeded l"},
        {"r", "created r, succeeded d, succeeded l, started r, succeeded r"},
        {"t", "created t, succeeded d, succeeded l, succeeded r, started t, succeeded t"},
        {"lr", "created l, created r, succeeded d, started l, succeeded l, started r, succeeded r"},
        {"dt", "created d, created t, started d, succeeded d, succeeded l, succeeded r, started t, "
               "succeeded t"},
        {"all", "created d, created l, created r, created t, started d, succeeded d, started l, "
                "succeeded l, started r, succeeded r, started t, succeeded t"});
}

/* 5.2: progress goes to each ancestor's channels as that ancestor's event, with `origin`. */
SCENARIO(progress)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    make_diamond(server, "'function':'hold'");
    await_progress(server, "d", 1);
    release(s, "d", "1");
    expect_outcome(server, "t", "succeeded");
    EXPECT_TOLD(
        server, {"d", "created d, started d, progress d, succeeded d"},
        {"l", "created l, progress l<d, succeeded d, started l, succeeded l"},
        {"r", "created r, progress r<d, succeeded d, succeeded l, started r, succeeded r"},
        {"t",
         "created t, progress t<d, succeeded d, succeeded l, succeeded r, started t, succeeded t"});
    /* A channel of several of them has the event of each, once. */
    struct events all = channel_so_far(server, "all");
    const char *ids[] = {"d", "l", "r", "t"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s", ids[i]);
        assert_int_equal(count_events(&all, "task.progress", ids[i]), 1);
        struct event *event = find_event(&all, "task.progress", ids[i]);
        expect_number(event, "progress.value", 1);
        if (i)
            expect_text(event, "origin", "d");
        else
            expect_absent(event, "origin");
    }
    assert_int_equal(all.count, 4 + 4 + 4 + 4);
    struct events some = channel_so_far(server, "dt");
    assert_int_equal(count_events(&some, "task.progress", NULL), 2);
    /* 3.3: it is the event of the ancestor, its own progress is what it tells itself. */
    expect_number(task(server, "d"), "progress.value", 1);
}

/* 5.2: progress of a process step is told upwards from the meta-task. */
SCENARIO(progress_of_a_process_step)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    expect_status(
        post(server, "/v1/tasks",
             "[{'id':'d','function':'echo','delay':0.2,'notify_channels':['d']},"
             "{'id':'m','process':'hold','args':[{'$task':'d'}],'notify_channels':['m']},"
             "{'id':'t','process':'collect','args':[{'$task':'m'}],'notify_channels':['t']}]"),
        201);
    await_progress(server, "m", 1);
    release(s, "m", "1");
    expect_outcome(server, "t", "succeeded");
    EXPECT_TOLD(server, {"d", "created d, started d, succeeded d"},
                {"m", "created m, succeeded d, started m, progress m, succeeded m"},
                {"t", "created t, succeeded d, progress t<m, succeeded m, started t, succeeded t"});
}

/* 5.2: task.failed goes to its own channels; each ancestor that ends has an event of its own. */
SCENARIO(failure)
{
    struct server *server = server_start(s, "%s", "");
    make_diamond(server, "'function':'fail','args':['no'],'delay':0.2");
    expect_failure(server, "t", "dependency-failed");
    EXPECT_TOLD(server, {"d", "created d, started d, failed d"}, {"l", "created l, failed l!d"},
                {"r", "created r, failed r!d"}, {"t", "created t, failed t!d"},
                {"dt", "created d, created t, started d, failed d, failed t!d"});
    struct events all = channel_so_far(server, "all");
    assert_int_equal(all.count, 4 + 1 + 4);
    assert_int_equal(count_events(&all, "task.failed", NULL), 4);
}

/* 5.2: the same from below for task.cancelled. */
SCENARIO(cancel_from_below)
{
    struct server *server = server_start(s, "%s", "");
    make_diamond(server, "'function':'echo','delay':3600");
    expect_status(cancel(server, "d", NULL), 200);
    EXPECT_TOLD(server, {"d", "created d, cancelled d"}, {"l", "created l, cancelled l!d"},
                {"r", "created r, cancelled r!d"}, {"t", "created t, cancelled t!d"},
                {"dt", "created d, created t, cancelled d, cancelled t!d"});
    struct events all = channel_so_far(server, "all");
    assert_int_equal(all.count, 8);
    assert_int_equal(count_events(&all, "task.cancelled", NULL), 4);
}

/* 5.3 and 5.2: from above: inline dependencies go with it; one that runs is told when it is dead,
 * and its ancestors, which are dead, hear nothing of it. */
SCENARIO(cancel_from_above)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server,
           "{'id':'t','process':'collect','notify_channels':['t','all'],'args':[{'$task':{'id':'m',"
           "'process':'collect','notify_channels':['m','all'],'args':["
           "{'$task':{'id':'runs','function':'hold','notify_channels':['runs','all']}},"
           "{'$task':{'id':'later','function':'echo','delay':3600,"
           "'notify_channels':['later','all']}}]}}]}");
    await_progress(server, "runs", 1);
    cancel(server, "t", NULL);
    expect_outcome(server, "runs", "cancelled");
    EXPECT_TOLD(server, {"t", "created t, progress t<runs, cancelled t"},
                {"m", "created m, progress m<runs, cancelled m!t"},
                {"runs", "created runs, started runs, progress runs, cancelled runs!t"},
                {"later", "created later, cancelled later!t"});
    struct events all = channel_so_far(server, "all");
    assert_int_equal(count_events(&all, "task.cancelled", NULL), 4);
    assert_int_equal(all.count, 4 + 1 + 3 + 4);
}

/* 5.2: what does not end an ancestor is told to the task's own channels only. */
SCENARIO(failure_that_is_forgiven)
{
    struct server *server = server_start(s, "%s", "");
    expect_status(
        post(server, "/v1/tasks",
             "[{'id':'d','function':'fail','args':['no'],'delay':0.2,'notify_channels':['d']},"
             "{'id':'o','process':'collect','args':[{'$task':'d','optional':true}],"
             "'notify_channels':['o']},"
             "{'id':'e','process':'collect','args':[{'$task':'d'}],'wait_for':'all_settled',"
             "'notify_channels':['e']},"
             "{'id':'t','process':'collect','args':[{'$task':'o'}],'notify_channels':['t']}]"),
        201);
    expect_outcome(server, "t", "succeeded");
    expect_outcome(server, "e", "succeeded");
    EXPECT_TOLD(server, {"d", "created d, started d, failed d"},
                {"o", "created o, started o, succeeded o"},
                {"e", "created e, started e, succeeded e"},
                {"t", "created t, succeeded o, started t, succeeded t"});
}

/* 4.10: task.retrying goes to the task's own channels; its failures before the last are no end. */
SCENARIO(retries_stay_below)
{
    function_file(s, "flaky.sh", "#!/bin/sh\n[ $ERRAND_ATTEMPT -ge 2 ] && echo 7\n");
    struct server *server = server_start(s, "%s", "");
    expect_status(
        post(server, "/v1/tasks",
             "[{'id':'d','function':'flaky','max_attempts':3,'backoff':{'initial':0.01},"
             "'notify_channels':['d']},"
             "{'id':'m','process':'collect','args':[{'$task':'d'}],'notify_channels':['m']}]"),
        201);
    expect_result(server, "m", "[7]");
    EXPECT_TOLD(server, {"d", "created d, started d, retrying d, started d, succeeded d"},
                {"m", "created m, succeeded d, started m, succeeded m"});
}

/* 5.2: ancestors are live: who begins to wait later is told from then on. */
SCENARIO(late_ancestors)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'hold','notify_channels':['x']}");
    await_progress(server, "d", 1);
    create(server, "{'id':'m','process':'collect','args':[{'$task':'d'}],'notify_channels':['m']}");
    release(s, "d", "1");
    expect_outcome(server, "m", "succeeded");
    create(server, "{'id':'n','process':'collect','args':[{'$task':'d'}],'notify_channels':['n']}");
    expect_outcome(server, "n", "succeeded");
    EXPECT_TOLD(server, {"x", "created d, started d, progress d, succeeded d"},
                {"m", "created m, succeeded d, started m, succeeded m"},
                {"n", "created n, started n, succeeded n"});
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(success),
        RUN(progress),
        RUN(progress_of_a_process_step),
        RUN(failure),
        RUN(cancel_from_below),
        RUN(cancel_from_above),
        RUN(failure_that_is_forgiven),
        RUN(retries_stay_below),
        RUN(late_ancestors),
    };
    return RUN_SCENARIOS("notices", table);
}
