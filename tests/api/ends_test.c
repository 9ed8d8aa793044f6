/* Sections 5.2 and 5.3: each task ends once, and is told once to have ended, when it has. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* 4.8: a subscriber that sees task.succeeded can GET the result: the commit comes first, always. */
SCENARIO(result_is_there_when_told)
{
    enum { TASKS = 300, BATCH = 50 };
    struct server *server = server_start(s, "--slots 2");
    struct sse *sse = sse_open(server, "/v1/events?type=task.succeeded&function=collect");
    for (int i = 0; i < TASKS / BATCH; i++) {
        const char *batch = "";
        for (int j = i * BATCH; j < (i + 1) * BATCH; j++)
            batch = json(s,
                         "%s%s{'id':'m%d','process':'collect','args':[{'$task':{'function':"
                         "'echo','args':[%d]}}]}",
                         batch, *batch ? "," : "", j, j);
        expect_status(post(server, "/v1/tasks", "[%s]", batch), 201);
        for (int j = 0; j < BATCH; j++) {
            struct event *event = expect_event(sse, "task.succeeded", NULL);
            const char *id = json_text(event, "task");
            struct reply *reply = get(server, "/v1/tasks/%s/result", id);
            expect_status(reply, 200);
            expect_exact(reply, "", text(s, "[%s]", id + 1));
        }
    }
}

static const char *terminal_type(const char *state)
{
    return !strcmp(state, "succeeded") ? "task.succeeded"
           : !strcmp(state, "failed")  ? "task.failed"
                                       : "task.cancelled";
}

/* The task has ended, and what was told of its end is this and nothing else. */
static const char *expect_one_end(struct server *server, const struct events *events,
                                  const char *id)
{
    note(server->scenario, "%s", id);
    const char *state = json_text(finished(server, id), "state");
    int ends = count_events(events, "task.succeeded", id) +
               count_events(events, "task.failed", id) + count_events(events, "task.cancelled", id);
    assert_int_equal(ends, 1);
    assert_non_null(find_event(events, terminal_type(state), id));
    return state;
}

/* All that was told until now. */
static struct events all_so_far(struct server *server)
{
    const char *last = create(server, "{'function':'echo'}");
    struct sse *sse = sse_open(server, "/v1/events?last_event_id=0");
    return collect_until(sse, "task.succeeded", last);
}

/* 5.2 and 5.3: a cancel against the natural end: one state, one event, and the answer was true. */
SCENARIO(cancel_against_the_end)
{
    enum { ROUNDS = 100 };
    functions_standard(s);
    struct server *server = server_start(s, "--slots 2");
    const char *answers[ROUNDS];
    int statuses[ROUNDS];
    struct http *http = server_connect(server);
    for (int i = 0; i < ROUNDS; i++) {
        note(s, "round %d", i);
        const char *body =
            i % 2 ? json(s, "{'id':'c%d','function':'cat'}", i)
                  : json(s, "{'id':'c%d','function':'sleep','args':[%g]}", i, i % 10 * 0.0005);
        size_t length;
        const char *bytes =
            request_bytes(server, &(struct request){.path = "/v1/tasks", .body = body}, &length);
        http_write(http, bytes, length);
        if (i % 3) {
            struct reply *made = http_read(http, false);
            assert_non_null(made);
            expect_status(made, 201);
        } else {
            eventually(get(server, "/v1/tasks/c%d", i)->status == 200);
        }
        if (i % 5 == 1)
            eventually(strcmp(json_text(task(server, text(s, "c%d", i)), "state"), "queued") != 0);
        struct reply *reply = cancel(server, text(s, "c%d", i), NULL);
        statuses[i] = reply->status;
        assert_true(reply->status == 200 || reply->status == 202);
        answers[i] = body_value(&reply->body, "cancelled", HERE);
        if (i % 3 == 0)
            expect_status(http_read(http, false), 201);
    }
    for (int i = 0; i < ROUNDS; i++)
        finished(server, text(s, "c%d", i));
    struct events events = all_so_far(server);
    for (int i = 0; i < ROUNDS; i++) {
        const char *state = expect_one_end(server, &events, text(s, "c%d", i));
        note(s, "c%d: %d, cancelled %s, and then it has %s", i, statuses[i], answers[i], state);
        /* With 202 a result may still have arrived before the process was asked to die. */
        if (statuses[i] == 200)
            assert_int_equal(!strcmp(answers[i], "true"), !strcmp(state, "cancelled"));
        else
            assert_string_equal(answers[i], "true");
    }
}

/* 5.2: exactly one terminal event for each task of a graph in which much goes wrong at once. */
SCENARIO(one_end_for_each)
{
    enum { METAS = 40, EACH = 4 };
    static const char *const ways[] = {"all", "all_settled", "any"};
    functions_standard(s);
    struct server *server = server_start(s, "--slots 3 --grace 0.1");
    for (int i = 0; i < METAS; i++) {
        const char *places = "";
        for (int j = 0; j < EACH; j++)
            places =
                json(s, "%s{'$task':{'id':'d%d-%d','function':'%s','args':[0.001]}},", places, i, j,
                     (i + j) % 4 == 0   ? "fail"
                     : (i + j) % 4 == 1 ? "cat"
                                        : "sleep");
        const char *before = i ? json(s, "{'$task':'m%d','optional':true}", i - 1) : "0";
        create(server, "{'id':'m%d','process':'collect','wait_for':'%s','args':[%s%s]}", i,
               ways[i % 3], places, before);
        if (i % 4 == 3)
            cancel(server, text(s, "m%d", i), NULL);
        if (i % 5 == 4)
            cancel(server, text(s, "d%d-%d", i, i % EACH), NULL);
    }
    for (int i = 0; i < METAS; i++) {
        finished(server, text(s, "m%d", i));
        for (int j = 0; j < EACH; j++)
            finished(server, text(s, "d%d-%d", i, j));
    }
    struct events events = all_so_far(server);
    for (int i = 0; i < METAS; i++) {
        expect_one_end(server, &events, text(s, "m%d", i));
        for (int j = 0; j < EACH; j++)
            expect_one_end(server, &events, text(s, "d%d-%d", i, j));
    }
    for (int i = 1; i < events.count; i++)
        assert_true(events.at[i]->number > events.at[i - 1]->number);
}

/* 5.3: notify false: no event; the task's own stream ends all the same, and so does a later one. */
SCENARIO(end_without_event)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':3600}");
    create(server, "{'id':'runs','function':'hold'}");
    await_progress(server, "runs", 1);
    struct sse *later = sse_open(server, "/v1/tasks/later/events");
    struct sse *runs = sse_open(server, "/v1/tasks/runs/events");
    expect_story(later, "created later");
    expect_story(runs, "created runs, started runs, progress runs");
    cancel(server, "later", "{'notify':false}");
    cancel(server, "runs", "{'notify':false}");
    expect_end(later);
    expect_end(runs);
    expect_outcome(server, "runs", "cancelled");
    expect_state(server, "later", "cancelled");
    later = sse_open(server, "/v1/tasks/later/events");
    expect_story(later, "created later");
    expect_end(later);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(result_is_there_when_told),
        RUN(cancel_against_the_end),
        RUN(one_end_for_each),
        RUN(end_without_event),
    };
    return RUN_SCENARIOS("ends", table);
}
