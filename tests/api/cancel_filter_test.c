/* Section 4: POST /v1/tasks/cancel: all that live and match a filter. */
#include <string.h>
#include <time.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

static struct reply *cancel_all(struct server *server, const char *filter)
{
    return call(server, .path = "/v1/tasks/cancel",
                .body = requote(text(server->scenario, "%s", filter)));
}

static void expect_count(const struct reply *reply, int count)
{
    expect_status(reply, 202);
    expect_json(reply, "", text(reply->body.scenario, "{'cancelled':%d}", count));
}

/* A task of each kind and state that lives; the gate runs and fills the one slot. */
static struct server *server_with_some(struct scenario *s)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'g','function':'hold','notify_channels':['z']}");
    await_progress(server, "g", 1);
    create(server, "{'id':'q','function':'cat','notify_channels':['x']}");
    create(server, "{'id':'s','function':'echo','delay':3600,'notify_channels':['x','y']}");
    create(server, "{'id':'w','process':'collect','args':[{'$task':'s'}],"
                   "'notify_channels':['y']}");
    create(server, "{'id':'o','function':'echo','notify_channels':['x']}");
    finished(server, "o");
    return server;
}

struct row {
    const char *filter;
    int count;
    const char *cancelled; /* the ids that are so afterwards, a letter each */
};

static void check_rows(struct scenario *s, const struct row *rows, int count)
{
    static const char all[] = "gqswo";
    for (int i = 0; i < count; i++) {
        note(s, "%s", rows[i].filter);
        struct server *server = server_with_some(s);
        expect_count(cancel_all(server, rows[i].filter), rows[i].count);
        for (const char *id = all; *id; id++) {
            const char *name = text(s, "%c", *id);
            bool is = strchr(rows[i].cancelled, *id);
            note(s, "%s, then %s", rows[i].filter, name);
            if (is)
                expect_outcome(server, name, "cancelled");
            else
                assert_string_not_equal(json_text(task(server, name), "state"), "cancelled");
        }
        cancel_all(server, "{}");
        for (const char *id = all; *id; id++) {
            finished(server, text(s, "%c", *id));
            expect_status(call(server, .method = "DELETE", .path = text(s, "/v1/tasks/%c", *id)),
                          204);
        }
        assert_int_equal(server_stop(server), 0);
    }
}

/* 4: the list's filters, each by itself. A cancelled dependency takes its meta-task along. */
SCENARIO(each_filter)
{
    static const struct row rows[] = {
        {"{}", 4, "gqsw"},
        {"{'state':'scheduled'}", 1, "sw"},
        {"{'state':'queued'}", 1, "q"},
        {"{'state':'running'}", 1, "g"},
        {"{'state':['waiting']}", 1, "w"},
        {"{'state':['queued','running']}", 2, "gq"},
        {"{'state':'succeeded'}", 0, ""},
        {"{'state':[]}", 0, ""},
        {"{'kind':'meta'}", 1, "w"},
        {"{'kind':'task'}", 3, "gqsw"},
        {"{'function':'cat'}", 1, "q"},
        {"{'function':'nope'}", 0, ""},
        {"{'channel':'x'}", 2, "qsw"},
        {"{'channel':'z'}", 1, "g"},
        {"{'channel':'nobody'}", 0, ""},
        {"{'created_after':'2001-01-01T00:00:00Z'}", 4, "gqsw"},
        {"{'created_after':'2099-01-01T00:00:00Z'}", 0, ""},
        {"{'created_before':'2001-01-01T00:00:00Z'}", 0, ""},
        {"{'created_before':'1970-01-01T00:00:00Z'}", 0, ""},
        {"{'created_after':'0001-01-01T00:00:00Z'}", 4, "gqsw"},
        {"{'created_before':'2099-01-01T00:00:00Z'}", 4, "gqsw"},
    };
    check_rows(s, rows, sizeof rows / sizeof *rows);
}

/* 4: several have to be met all. */
SCENARIO(filters_together)
{
    static const struct row rows[] = {
        {"{'function':'echo','channel':'x','state':['queued','scheduled','succeeded']}", 1, "sw"},
        {"{'kind':'meta','channel':'y'}", 1, "w"},
        {"{'kind':'meta','channel':'x'}", 0, ""},
        {"{'channel':'y','created_before':'2001-01-01T00:00:00Z'}", 0, ""},
    };
    check_rows(s, rows, sizeof rows / sizeof *rows);
}

/* 4: a moment parts what was made before from what was made after. */
SCENARIO(around_a_moment)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'before','function':'echo','delay':3600}");
    int64_t made = json_time(task(server, "before"), "created_at");
    struct reply *between = NULL;
    eventually((between = post(server, "/v1/tasks", "{'function':'echo'}")) &&
               json_time(between, "created_at") > made);
    int64_t middle = json_time(between, "created_at");
    eventually((between = post(server, "/v1/tasks", "{'function':'echo'}")) &&
               json_time(between, "created_at") > middle);
    create(server, "{'id':'after','function':'echo','delay':3600}");
    char seconds[32];
    struct tm parts;
    time_t whole = (time_t)(middle / 1000);
    gmtime_r(&whole, &parts);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    const char *moment = text(s, "%s.%03dZ", seconds, (int)(middle % 1000));
    expect_count(cancel_all(server, text(s, "{'created_before':'%s','state':'scheduled'}", moment)),
                 1);
    expect_state(server, "before", "cancelled");
    expect_state(server, "after", "scheduled");
    expect_count(cancel_all(server, text(s, "{'created_after':'%s','state':'scheduled'}", moment)),
                 1);
    expect_state(server, "after", "cancelled");
}

/* 5.3: those that run are asked to die, die with all that they started, and are told of once. */
SCENARIO(running_ones)
{
    enum { MANY = 6 };
    functions_standard(s);
    struct server *server = server_start(s, "--slots 6 --grace 0.1");
    int pids[MANY][2];
    for (int i = 0; i < MANY; i++) {
        const char *id = text(s, "a%d", i);
        create(server, "{'id':'%s','function':'%s','notify_channels':['x']}", id,
               i % 2 ? "stubborn" : "hold");
        await_progress(server, id, 1);
        for (int j = 0; j <= i % 2; j++)
            pids[i][j] = folder_pid(s, text(s, "%s.pids", id), j);
    }
    expect_count(cancel_all(server, "{'state':'running','function':'stubborn'}"), MANY / 2);
    expect_state(server, "a0", "running");
    expect_status(cancel_all(server, "{}"), 202);
    for (int i = 0; i < MANY; i++) {
        note(s, "a%d", i);
        expect_outcome(server, text(s, "a%d", i), "cancelled");
        for (int j = 0; j <= i % 2; j++)
            eventually(!process_alive(pids[i][j]));
    }
    expect_count(cancel_all(server, "{}"), 0);
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.cancelled", NULL), MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(count_events(&events, "task.cancelled", text(s, "a%d", i)), 1);
}

/* 4: a member that is none of the filters, or of a wrong type: 422 there, and nothing happens. */
SCENARIO(bad_filters)
{
    static const struct {
        const char *filter, *pointer;
    } rows[] = {
        {"{'colour':1}", "/colour"},
        {"{'state':'scheduled','limit':1}", "/limit"},
        {"{'State':'scheduled'}", "/State"},
        {"{'state':5}", "/state"},
        {"{'state':'alive'}", "/state"},
        {"{'state':['scheduled','alive']}", "/state"},
        {"{'state':['scheduled',5]}", "/state"},
        {"{'kind':'other'}", "/kind"},
        {"{'kind':true}", "/kind"},
        {"{'function':7}", "/function"},
        {"{'channel':7}", "/channel"},
        {"{'created_after':'yesterday'}", "/created_after"},
        {"{'created_before':5}", "/created_before"},
    };
    static const struct {
        const char *filter;
        int status;
    } others[] = {{"[]", 422},  {"7", 422},
                  {"'x'", 422}, {"{'state':'scheduled','state':'queued'}", 422},
                  {"{", 400},   {"{} {}", 400}};
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].filter);
        struct reply *reply = cancel_all(server, rows[i].filter);
        expect_problem(reply, 422, "invalid-request");
        const char *pointer = json_text(reply, "errors.0.pointer");
        assert_int_equal(strncmp(pointer, rows[i].pointer, strlen(rows[i].pointer)), 0);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        note(s, "%s", others[i].filter);
        expect_problem(cancel_all(server, others[i].filter), others[i].status, NULL);
    }
    struct reply *typed =
        call(server, .path = "/v1/tasks/cancel", .body = "{}", .type = "text/plain");
    expect_problem(typed, 415, "unsupported-media-type");
    expect_problem(call(server, .path = "/v1/tasks/cancel?state=scheduled", .body = "{}"), 422,
                   "invalid-request");
    expect_state(server, "a", "scheduled");
}

/* 5.3: a meta-task takes along what only it wanted; what is wanted elsewhere goes on. */
SCENARIO(metas)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'mine','function':'echo','delay':3600}");
    create(server,
           "{'id':'m','process':'collect','notify_channels':['m'],'args':[{'$task':'mine'},"
           "{'$task':{'id':'runs','function':'hold'}},{'$task':{'id':'in','process':'collect',"
           "'args':[{'$task':{'id':'deep','function':'echo','delay':3600}}]}}]}");
    await_progress(server, "runs", 1);
    int pid = folder_pid(s, "runs.pids", 0);
    expect_count(cancel_all(server, "{'channel':'m'}"), 1);
    static const char *const ids[] = {"m", "runs", "in", "deep"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s", ids[i]);
        expect_outcome(server, ids[i], "cancelled");
    }
    assert_false(process_alive(pid));
    expect_state(server, "mine", "scheduled");
    assert_string_equal(story_of(server, "m"), "created m, progress m, cancelled m");
}

/* 4: what matches is counted, also where one's end is the other's. */
SCENARIO(whole_trees)
{
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 3; i++)
        create(server,
               "{'id':'t%d','process':'collect','notify_channels':['x'],'args':[{'$task':"
               "{'process':'collect','notify_channels':['x'],'args':[{'$task':{'function':'echo',"
               "'delay':3600,'notify_channels':['x']}}]}}]}",
               i);
    expect_count(cancel_all(server, "{}"), 9);
    assert_int_equal(count_tasks(server, "state=cancelled"), 9);
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.cancelled", NULL), 9);
}

/* 5.4: shared ones too, however many want them. */
SCENARIO(shared_ones)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','cache_key':'k','delay':3600}");
    for (int i = 0; i < 3; i++)
        expect_joined(post(server, "/v1/tasks", "{'function':'echo','cache_key':'k'}"), "a");
    expect_count(cancel_all(server, "{'state':'scheduled'}"), 1);
    expect_state(server, "a", "cancelled");
    create(server, "{'id':'b','function':'echo','args':[7],'cache_key':'k'}");
    expect_result(server, "b", "7");
}

/* 4: two thousand that are queued, in one request; none of them runs, also after a crash. */
SCENARIO(two_thousand)
{
    enum { MANY = 2000 };
    function_file(s, "mark.sh", "#!/bin/sh\necho >../scratch/ran\n");
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'gate','function':'hold'}");
    await_progress(server, "gate", 1);
    static const char one[] = "{\"function\":\"mark\",\"notify_channels\":[\"x\"]}";
    char *batch = keep(s, sizeof one * MANY + 2);
    for (int i = 0; i < MANY; i++) {
        batch[(size_t)i * sizeof one] = i ? ',' : '[';
        memcpy(batch + (size_t)i * sizeof one + 1, one, sizeof one - 1);
    }
    batch[sizeof one * MANY] = ']';
    struct reply *made =
        call(server, .path = "/v1/tasks", .body = batch, .headers = "Prefer: return=minimal\r\n");
    expect_status(made, 201);
    expect_count(cancel_all(server, "{'state':'queued'}"), MANY);
    assert_int_equal(count_tasks(server, "state=queued"), 0);
    struct events events = channel_so_far(server, "x");
    assert_int_equal(count_events(&events, "task.cancelled", NULL), MANY);
    server_kill9(server);
    server = server_start(s, "--slots 1");
    release(s, "gate", "7");
    expect_result(server, "gate", "7");
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    assert_false(folder_has(s, "scratch/ran"));
    expect_state(server, json_text(made, "ids.1999"), "cancelled");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(each_filter),  RUN(filters_together), RUN(around_a_moment),
        RUN(running_ones), RUN(bad_filters),      RUN(metas),
        RUN(whole_trees),  RUN(shared_ones),      RUN(two_thousand),
    };
    return RUN_SCENARIOS("cancel_filter", table);
}
