/* One result, several hands: PUT against PUT, against the end, against cancel; readers of a result
 * that can be read once; and what a result from outside leaves behind. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/race.h"
#include "tests/api/lib/tasks.h"

enum { ROUND = 40, SMALL_ROUND = 20 };

/* --- PUT …/result ----------------------------------------------------------------- */

static struct request put_of(struct race *race, const char *id, const char *body)
{
    return (struct request){.method = "PUT",
                            .path = text(race->s, "/v1/tasks/%s/result", id),
                            .body = requote(text(race->s, "%s", body))};
}

/* One that is not to run yet, one that runs, one that is a process. */
static const char *create_one_of_three(struct race *race, int number)
{
    static const char *const three[] = {"'function':'sleep','args':[0],'delay':3600",
                                        "'function':'sleep','args':[3600]",
                                        "'function':'nap','args':[3600]"};
    return create(race->server, "{'id':'w%d','notify_channels':['c'],%s}", number,
                  requote(text(race->s, "%s", three[number % 3])));
}

/* 4: writers with different results: one wins, and it is his that is kept. */
SCENARIO(writers)
{
    enum { TASKS = 120, MANY = 6 };
    struct race *race = race_begin(s, "nap", 1);
    for (int i = 0; i < TASKS; i++) {
        struct request requests[MANY];
        const char *id = create_one_of_three(race, i);
        int winner = -1;
        for (int k = 0; k < MANY; k++)
            requests[k] = put_of(race, id, text(s, "{'writer':%d}", k));
        struct reply **replies = race_call(race, requests, MANY);
        assert_int_equal(count_status(replies, MANY, 200), 1);
        for (int k = 0; k < MANY; k++) {
            note(s, "%s, answer %d: %s", id, k, replies[k]->body.text);
            winner = replies[k]->status == 200 ? k : winner;
            if (replies[k]->status != 200)
                expect_problem(replies[k], 409, "task-finished");
        }
        expect_text(replies[winner], "state", "succeeded");
        expect_result(race->server, id, text(s, "{'writer':%d}", winner));
    }
    expect_rest(race);
    stream_read(race->heard);
    struct told *told = told_of(race->heard, "w", TASKS);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(told[i].ended, 1);
}

/* A result from outside against the end: what the answer says is what is kept. */
static void put_race(struct race *race, int tasks, int round, bool has_result)
{
    struct scenario *s = race->s;
    bool *put = keep(s, (size_t)tasks * sizeof *put);
    int won = 0;
    for (int from = 0; from < tasks; from += round) {
        struct request *requests = keep(s, (size_t)round * sizeof *requests);
        int ended = 0;
        race_create(race, "p", from, round);
        for (int i = 0; i < round; i++)
            requests[i] = put_of(race, text(s, "p%d", from + i), "'outside'");
        race_meet(race, race->heard, "p", from, round);
        struct reply **replies = race_call(race, requests, round);
        for (int i = 0; i < round; i++) {
            put[from + i] = replies[i]->status == 200;
            if (!put[from + i])
                expect_problem(replies[i], 409, "task-finished");
            ended += !put[from + i];
        }
        race_pace(race, ended, round);
        won += ended;
    }
    expect_race(won, tasks);
    expect_rest(race);
    stream_read(race->heard);
    struct told *told = told_of(race->heard, "p", tasks);
    for (int i = 0; i < tasks; i++) {
        note(s, "p%d, put: %d", i, put[i]);
        struct reply *result = get(race->server, "/v1/tasks/p%d/result", i);
        expect_status(result, 200);
        bool outside = !strcmp(body_value(&result->body, "", HERE), "\"outside\"");
        assert_int_equal(outside, put[i]);
        assert_true(outside || !has_result || cJSON_IsNumber(body_at(&result->body, "")));
        assert_int_equal(told[i].ended, 1);
        assert_false(told[i].after);
    }
}

SCENARIO(put_against_end)
{
    put_race(race_begin(s, "sleep", 8), 400, ROUND, true);
}

SCENARIO(put_against_exit)
{
    put_race(race_begin(s, "nap", 12), 200, SMALL_ROUND, false);
}

SCENARIO(put_against_continuation)
{
    put_race(race_begin(s, "relay", 12), 120, SMALL_ROUND, true);
}

/* 4 and 5.3: PUT and cancel at the same moment: one of them has its way, and says so. */
SCENARIO(put_against_cancel)
{
    enum { TASKS = 120 };
    struct race *race = race_begin(s, "nap", 1);
    int puts = 0;
    for (int i = 0; i < TASKS; i++) {
        const char *id = create_one_of_three(race, i);
        struct request both[2];
        both[i / 3 % 2] = put_of(race, id, "'outside'");
        both[1 - i / 3 % 2] =
            (struct request){.method = "POST", .path = text(s, "/v1/tasks/%s/cancel", id)};
        struct reply **replies = race_call(race, both, 2);
        struct reply *put = replies[i / 3 % 2], *cancelled = replies[1 - i / 3 % 2];
        note(s, "%s: %s%s", id, put->body.text, cancelled->body.text);
        assert_int_equal(put->status == 200, !is_true(cancelled, "cancelled"));
        if (put->status != 200)
            expect_problem(put, 409, "task-finished");
        expect_outcome(race->server, id, put->status == 200 ? "succeeded" : "cancelled");
        puts += put->status == 200;
    }
    expect_race(puts, TASKS);
    expect_rest(race);
}

/* 2: a result from outside kills the process; until it is gone there is none beside it, where the
 * function allows one at a time. */
SCENARIO(put_keeps_concurrency)
{
    enum { TASKS = 30 };
    function_file(
        s, "alone.sh",
        "#!/bin/sh\n"
        "read -r last <../scratch/last && [ -d /proc/$last ] && echo $last >>../scratch/met\n"
        "echo $$ >../scratch/last\n"
        "echo '{\"progress\":1}' >&3\n"
        "exec sleep 300\n");
    function_manifest(s, "alone.json", "{'concurrency':1}");
    folder_write(s, "scratch/last", "0\n");
    struct race *race = race_begin(s, "nap", 1);
    for (int i = 0; i < TASKS; i++)
        create(race->server, "{'id':'a%d','function':'alone'}", i);
    for (int i = 0; i < TASKS; i++) {
        await_progress(race->server, text(s, "a%d", i), 1);
        struct request put = put_of(race, text(s, "a%d", i), "1");
        expect_status(race_call(race, &put, 1)[0], 200);
    }
    expect_rest(race);
    assert_string_equal(folder_read(s, "scratch/met"), "");
}

/* --- read once -------------------------------------------------------------------- */

/* 3.1: twenty readers of a result that can be read once; every second time it is deleted meanwhile.
 */
SCENARIO(takers)
{
    enum { TASKS = 100, MANY = 20 };
    struct race *race = race_begin(s, "sleep", 1);
    for (int i = 0; i < TASKS; i++) {
        struct request requests[MANY];
        const char *id = create(race->server,
                                "{'id':'o%d','function':'echo','args':['v%d'],"
                                "'result_access':'once'}",
                                i, i);
        finished(race->server, id);
        for (int k = 0; k < MANY; k++)
            requests[k] = (struct request){.path = text(s, "/v1/tasks/%s/result", id)};
        if (i % 2)
            requests[MANY / 2] =
                (struct request){.method = "DELETE", .path = text(s, "/v1/tasks/%s", id)};
        struct reply **replies = race_call(race, requests, MANY);
        int taken = count_status(replies, MANY, 200);
        int missing = count_status(replies, MANY, 410) + count_status(replies, MANY, 404) +
                      count_status(replies, MANY, 204);
        note(s, "%s: taken %d, missing %d", id, taken, missing);
        assert_int_equal(taken + missing, MANY);
        assert_in_range(taken, i % 2 ? 0 : 1, 1);
        for (int k = 0; k < MANY; k++) {
            if (replies[k]->status == 200)
                expect_text(replies[k], "", text(s, "v%d", i));
        }
    }
    expect_rest(race);
}

/* 3.1: the same while a meta-task waits for the value: it gets it, whoever else took it. */
SCENARIO(takers_and_a_meta_task)
{
    enum { TASKS = 60, MANY = 8 };
    struct race *race = race_begin(s, "sleep", 1);
    for (int i = 0; i < TASKS; i++) {
        struct request requests[MANY];
        const char *id = text(s, "o%d", i);
        expect_status(post(race->server, "/v1/tasks",
                           "[{'id':'%s','function':'sleep','args':[0.002],'result_access':'once'},"
                           "{'id':'m%d','process':'collect','args':[{'$task':'%s'},"
                           "{'$task':{'function':'sleep','args':[0.003]}}]}]",
                           id, i, id),
                      201);
        for (int k = 0; k < MANY; k++)
            requests[k] = (struct request){.path = text(s, "/v1/tasks/%s/result?wait=10", id)};
        struct reply **replies = race_call(race, requests, MANY);
        note(s, "round %d", i);
        assert_int_equal(count_status(replies, MANY, 200), 1);
        assert_int_equal(count_status(replies, MANY, 410), MANY - 1);
        expect_result(race->server, text(s, "m%d", i), "[0.002,0.003]");
    }
    expect_rest(race);
}

/* 3.1: readers against retention: at most one has it, and then it is gone for all. */
SCENARIO(takers_against_retention)
{
    enum { TASKS = 400, MANY = 20 };
    struct server *server = server_start(s, "--retain 0.1");
    const char *batch = "";
    for (int i = 0; i < TASKS; i++)
        batch = json(s, "%s%s{'id':'o%d','function':'echo','args':[1],'result_access':'once'}",
                     batch, i ? "," : "", i);
    expect_status(post(server, "/v1/tasks", "[%s]", batch), 201);
    for (int i = 0; i < TASKS; i += MANY / 2) {
        struct request two_each[MANY];
        for (int k = 0; k < MANY; k++)
            two_each[k] =
                (struct request){.path = text(s, "/v1/tasks/o%d/result?wait=5", i + k / 2)};
        struct reply **replies = call_together(server, two_each, MANY);
        for (int k = 0; k < MANY; k += 2) {
            note(s, "o%d: %d and %d", i + k / 2, replies[k]->status, replies[k + 1]->status);
            int missing = count_status(replies + k, 2, 404) + count_status(replies + k, 2, 410);
            assert_in_range(missing, 1, 2);
            assert_int_equal(missing + count_status(replies + k, 2, 200), 2);
        }
    }
    eventually(count_tasks(server, "") == 0);
    struct reply *stats = get(server, "/v1/stats");
    expect_number(stats, "states.succeeded", 0);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(writers),
        RUN(put_against_end),
        RUN(put_against_exit),
        RUN(put_against_continuation),
        RUN(put_against_cancel),
        RUN(put_keeps_concurrency),
        RUN(takers),
        RUN(takers_and_a_meta_task),
        RUN(takers_against_retention),
    };
    return RUN_SCENARIOS("races_result", table);
}
