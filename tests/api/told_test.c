/* Section 5.2: who is told of what. */
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* Three levels, each with a channel of its own name; `dep` is given. */
static void make_levels(struct server *server, const char *dep)
{
    expect_status(
        post(
            server, "/v1/tasks",
            "[{'id':'dep',%s,'notify_channels':['dep']},"
            "{'id':'meta','process':'collect','args':[{'$task':'dep'}],'notify_channels':['meta']},"
            "{'id':'top','process':'collect','args':[{'$task':'meta'}],'notify_channels':['top']}]",
            requote(text(server->scenario, "%s", dep))),
        201);
}

/* 5.2: task.succeeded of a dependency goes to its own channels and those of all its ancestors. */
SCENARIO(success_is_told_upwards)
{
    struct server *server = server_start(s, "%s", "");
    make_levels(server, "'function':'echo','args':[1]");
    expect_result(server, "top", "[[1]]");
    assert_string_equal(story_of(server, "dep"), "created dep, started dep, succeeded dep");
    assert_string_equal(story_of(server, "meta"),
                        "created meta, succeeded dep, started meta, succeeded meta");
    assert_string_equal(story_of(server, "top"),
                        "created top, succeeded dep, succeeded meta, started top, succeeded top");
}

/* 5.2: a meta-task's own task.succeeded comes only when its process step is done. */
SCENARIO(meta_success_comes_last)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?channel=m");
    create(server, "{'id':'m','process':'hold','notify_channels':['m'],'args':"
                   "[{'$task':{'id':'d','function':'echo','args':[1]}}]}");
    expect_story(sse, "created m, succeeded d, started m, progress m");
    expect_state(server, "m", "running");
    release(s, "m", "7");
    expect_number(expect_event(sse, "task.succeeded", "m"), "result", 7);
}

/* 5.2: a channel gets each event once, however many ways lead to it. */
SCENARIO(once_by_many_ways)
{
    struct server *server = server_start(s, "%s", "");
    expect_status(
        post(server, "/v1/tasks",
             "[{'id':'d','function':'echo','notify_channels':['x','y']},"
             "{'id':'l','process':'collect','args':[{'$task':'d'},{'$task':'d'}],'notify_channels':"
             "['x']},"
             "{'id':'r','process':'collect','args':[{'$task':'d'}],'notify_channels':['y','x']},"
             "{'id':'t','process':'collect','args':[{'$task':'l'},{'$task':'r'}],"
             "'notify_channels':['x']}]"),
        201);
    expect_outcome(server, "t", "succeeded");
    struct events x = channel_so_far(server, "x"), y = channel_so_far(server, "y");
    const char *ids[] = {"d", "l", "r", "t"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s", ids[i]);
        assert_int_equal(count_events(&x, "task.created", ids[i]), 1);
        assert_int_equal(count_events(&x, "task.started", ids[i]), 1);
        assert_int_equal(count_events(&x, "task.succeeded", ids[i]), 1);
    }
    assert_int_equal(x.count, 12);
    assert_int_equal(count_events(&y, "task.succeeded", "d"), 1);
    assert_int_equal(count_events(&y, NULL, "r"), 3);
    assert_int_equal(y.count, 6);
}

/* 5.2: a shared dependency's success goes to the channels of both its meta-tasks. */
SCENARIO(shared_success)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'hold'}");
    create(server, "{'id':'l','process':'collect','args':[{'$task':'d'}],'notify_channels':['l']}");
    create(server, "{'id':'r','process':'collect','args':[{'$task':'d'}],'notify_channels':['r']}");
    release(s, "d", "1");
    expect_outcome(server, "l", "succeeded");
    expect_outcome(server, "r", "succeeded");
    struct events l = channel_so_far(server, "l"), r = channel_so_far(server, "r");
    struct event *told = find_event(&l, "task.succeeded", "d");
    assert_non_null(told);
    assert_string_equal(told->id, find_event(&r, "task.succeeded", "d")->id);
    assert_int_equal(count_events(&l, NULL, "r"), 0);
}

/* 5.2: ancestors are live: a meta-task that has ended is told nothing more. */
SCENARIO(ended_ancestors_are_not_told)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'hold'}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'d'}],'notify_channels':['m']}");
    await_progress(server, "d", 1);
    expect_status(cancel(server, "m", NULL), 200);
    release(s, "d", "1");
    expect_outcome(server, "d", "succeeded");
    struct events events = channel_so_far(server, "m");
    assert_int_equal(count_events(&events, "task.succeeded", NULL), 0);
    assert_int_equal(count_events(&events, "task.cancelled", "m"), 1);
    assert_string_equal(events.at[events.count - 1]->type, "task.cancelled");
}

/* 5.2: progress goes to each ancestor's channels as that ancestor's event, with `origin`. */
SCENARIO(progress_is_told_upwards)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    make_levels(server, "'function':'hold'");
    await_progress(server, "dep", 1);
    release(s, "dep", "1");
    expect_outcome(server, "top", "succeeded");
    assert_string_equal(story_of(server, "dep"),
                        "created dep, started dep, progress dep, succeeded dep");
    const char *above[] = {"meta", "top"};
    for (int i = 0; i < 2; i++) {
        note(s, "%s", above[i]);
        struct events events = channel_so_far(server, above[i]);
        assert_int_equal(count_events(&events, "task.progress", NULL), 1);
        struct event *event = find_event(&events, "task.progress", above[i]);
        assert_non_null(event);
        expect_text(event, "origin", "dep");
        expect_number(event, "progress.value", 1);
    }
    struct sse *sse = sse_open(server, "/v1/tasks/meta/events");
    expect_text(await_event(sse, "task.progress", "meta"), "origin", "dep");
}

/* 5.2: task.failed goes to its own channels; each ancestor has its own event, with `caused_by`. */
SCENARIO(failure_is_told_with_its_cause)
{
    struct server *server = server_start(s, "%s", "");
    make_levels(server, "'function':'fail','args':['no'],'delay':0.2");
    expect_failure(server, "top", "dependency-failed");
    assert_string_equal(story_of(server, "dep"), "created dep, started dep, failed dep");
    assert_string_equal(story_of(server, "meta"), "created meta, failed meta");
    assert_string_equal(story_of(server, "top"), "created top, failed top");
    const char *above[] = {"meta", "top"};
    for (int i = 0; i < 2; i++) {
        note(s, "%s", above[i]);
        expect_text(task(server, above[i]), "error.caused_by", "dep");
        struct events events = channel_so_far(server, above[i]);
        struct event *event = find_event(&events, "task.failed", above[i]);
        expect_text(event, "caused_by", "dep");
        expect_text(event, "error.code", "dependency-failed");
    }
}

/* 5.2: the same for task.cancelled. */
SCENARIO(cancel_is_told_with_its_cause)
{
    struct server *server = server_start(s, "%s", "");
    make_levels(server, "'function':'echo','delay':3600");
    expect_status(cancel(server, "dep", NULL), 200);
    assert_string_equal(story_of(server, "dep"), "created dep, cancelled dep");
    assert_string_equal(story_of(server, "meta"), "created meta, cancelled meta");
    assert_string_equal(story_of(server, "top"), "created top, cancelled top");
    struct events events = channel_so_far(server, "top");
    expect_text(find_event(&events, "task.cancelled", "top"), "caused_by", "dep");
    events = channel_so_far(server, "dep");
    expect_absent(find_event(&events, "task.cancelled", "dep"), "origin");
}

/* 5.2: exactly one terminal event a task; progress after it is dropped. */
SCENARIO(one_terminal_event)
{
    functions_standard(s);
    function_file(s, "late.sh",
                  "#!/bin/sh\n"
                  "trap 'echo \"{\\\"progress\\\":99}\" >&3; exit 0' TERM\n"
                  "mkfifo ../scratch/never\n"
                  "echo '{\"progress\":1}' >&3\n"
                  "read -r x <../scratch/never\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'late','notify_channels':['x']}");
    await_progress(server, "a", 1);
    cancel(server, "a", NULL);
    cancel(server, "a", NULL);
    expect_outcome(server, "a", "cancelled");
    cancel(server, "a", NULL);
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.cancelled", "a"), 1);
    assert_int_equal(count_events(&events, "task.succeeded", "a"), 0);
    assert_int_equal(count_events(&events, "task.failed", "a"), 0);
    assert_string_equal(events.at[events.count - 1]->type, "task.cancelled");
}

/* 4.10: created and started of a dependency go to its own channels, not to its ancestors'. */
SCENARIO(beginnings_stay_below)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','notify_channels':['m'],'args':[{'$task':"
                   "{'id':'d','function':'echo','notify_channels':['d']}}]}");
    expect_outcome(server, "m", "succeeded");
    assert_string_equal(story_of(server, "d"), "created d, started d, succeeded d");
    assert_string_equal(story_of(server, "m"), "created m, succeeded d, started m, succeeded m");
}

/* 4.8: `channels` of an event are those that it went to. */
SCENARIO(channels_of_an_event)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','notify_channels':['m','both'],'args':[{'$task':"
                   "{'id':'d','function':'echo','notify_channels':['d','both']}}]}");
    expect_outcome(server, "m", "succeeded");
    struct sse *sse = sse_open(server, "/v1/events?last_event_id=0&task=d&type=task.succeeded");
    struct event *event = expect_event(sse, "task.succeeded", "d");
    assert_int_equal(json_count(event, "channels"), 3);
    const char *all = body_value(&event->body, "channels", HERE);
    assert_true(strstr(all, "\"d\"") && strstr(all, "\"m\"") && strstr(all, "\"both\""));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(success_is_told_upwards),
        RUN(meta_success_comes_last),
        RUN(once_by_many_ways),
        RUN(shared_success),
        RUN(ended_ancestors_are_not_told),
        RUN(progress_is_told_upwards),
        RUN(failure_is_told_with_its_cause),
        RUN(cancel_is_told_with_its_cause),
        RUN(one_terminal_event),
        RUN(beginnings_stay_below),
        RUN(channels_of_an_event),
    };
    return RUN_SCENARIOS("told", table);
}
