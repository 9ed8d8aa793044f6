/* What comes at the same moment as the end of a task: cancel, a create that joins, DELETE. Each
 * race is run so often that both sides win some of it. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/race.h"
#include "tests/api/lib/tasks.h"

enum { ROUND = 40, SMALL_ROUND = 20 };

/* --- cancel ----------------------------------------------------------------------- */

/* Cancels a round of tasks; says which of them were told to be cancelled. */
static void cancel_round(struct race *race, const char *prefix, int from, int count,
                         bool *cancelled)
{
    int ended = 0;
    race_meet(race, race->heard, prefix, from, count);
    struct reply **replies = race_ask(race, "POST", prefix, "/cancel", from, count);
    for (int i = 0; i < count; i++) {
        note(race->s, "cancel of %s%d: %s", prefix, from + i, replies[i]->body.text);
        cancelled[from + i] = is_true(replies[i], "cancelled");
        expect_status(replies[i], is_live(replies[i]) ? 202 : 200);
        expect_text(replies[i], "id", text(race->s, "%s%d", prefix, from + i));
        if (!cancelled[from + i])
            expect_text(replies[i], "state", "succeeded");
        ended += !cancelled[from + i];
    }
    race_pace(race, ended, count);
}

/* One end for each, the one that the answer promised, on the stream and in the list. */
static void expect_ends(struct race *race, const char *prefix, const bool *cancelled, int count)
{
    int won = 0;
    expect_rest(race);
    stream_read(race->heard);
    struct told *told = told_of(race->heard, prefix, count);
    const char **states = states_of(race, prefix, count);
    for (int i = 0; i < count; i++) {
        note(race->s, "%s%d, cancelled: %d", prefix, i, cancelled[i]);
        assert_non_null(states[i]);
        assert_string_equal(states[i], cancelled[i] ? "cancelled" : "succeeded");
        assert_int_equal(told[i].ended, 1);
        assert_string_equal(told[i].end, states[i]);
        assert_in_range(told[i].started, cancelled[i] ? 0 : 1, 1);
        assert_false(told[i].after);
        won += cancelled[i];
    }
    expect_race(won, count);
    assert_int_equal(count_tasks(race->server, "state=failed"), 0);
}

static void cancel_race(struct race *race, int count, int round)
{
    bool *cancelled = keep(race->s, (size_t)count * sizeof *cancelled);
    for (int from = 0; from < count; from += round) {
        race_create(race, "x", from, round);
        cancel_round(race, "x", from, round, cancelled);
    }
    expect_ends(race, "x", cancelled, count);
}

/* 5.3: cancel against the end, a thousand times: what the answer says is what becomes of it. */
SCENARIO(cancel_against_end)
{
    cancel_race(race_begin(s, "sleep", 8), 1000, ROUND);
}

/* 5.3: the same with processes, which take a while to die. */
SCENARIO(cancel_against_exit)
{
    cancel_race(race_begin(s, "nap", 12), 200, SMALL_ROUND);
}

/* 3.5 and 5.3: cancel of a task that continues: before, while and after it hands over. */
SCENARIO(cancel_against_continuation)
{
    cancel_race(race_begin(s, "relay", 20), 120, SMALL_ROUND);
}

/* 5.3: cancel of a meta-task when its dependencies end: none of these is left over. */
SCENARIO(cancel_against_dependencies)
{
    enum { METAS = 200 };
    struct race *race = race_begin(s, "sleep", 8);
    bool cancelled[METAS];
    for (int from = 0; from < METAS; from += ROUND) {
        const char *batch = "";
        for (int i = from; i < from + ROUND; i++)
            batch = json(s,
                         "%s%s{'id':'m%d','process':'sum','notify_channels':['c'],'args':["
                         "{'$task':{'function':'sleep','args':[%.4f]}},"
                         "{'$task':{'function':'sleep','args':[%.4f]}}]}",
                         batch, i > from ? "," : "", i, race_seconds(race, i),
                         race_seconds(race, i + 1));
        expect_status(post(race->server, "/v1/tasks", "[%s]", batch), 201);
        cancel_round(race, "m", from, ROUND, cancelled);
    }
    expect_ends(race, "m", cancelled, METAS);
}

/* --- join ------------------------------------------------------------------------- */

enum got { NEW, JOINED, CACHED };

/* Which of the three the second create with a key got. */
static enum got got_of(struct race *race, const struct reply *reply, int number)
{
    note(race->s, "the second create with k%d: %s", number, reply->body.text);
    if (reply->status == 201) {
        expect_text(reply, "id", text(race->s, "n%d", number));
        expect_absent(reply, "joined");
        return NEW;
    }
    expect_joined(reply, text(race->s, "j%d", number));
    if (is_live(reply)) {
        json_text(reply, "subscription");
        return JOINED;
    }
    expect_text(reply, "state", "succeeded");
    expect_absent(reply, "subscription");
    return CACHED;
}

/* Keyed tasks, and a second create with each key when they end. Half of them are good for no time
 * at all, so that their key leads to a new task. Only the second create has a channel. */
static void join_round(struct race *race, struct stream *all, int from, int count, enum got *got)
{
    struct scenario *s = race->s;
    struct request *requests = keep(s, (size_t)count * sizeof *requests);
    const char *batch = "";
    int ended = 0;
    for (int i = from; i < from + count; i++) {
        batch = json(s, "%s%s{'id':'j%d','function':'%s','args':[%.4f],'cache_key':'k%d'%s}", batch,
                     i > from ? "," : "", i, race->function, race_seconds(race, i), i,
                     i % 2 ? ",\"cache_ttl\":0.001" : "");
        requests[i - from] = (struct request){
            .path = "/v1/tasks",
            .body = json(s,
                         "{'id':'n%d','function':'%s','args':[0],'cache_key':'k%d',"
                         "'notify_channels':['c']}",
                         i, race->function, i)};
    }
    expect_status(post(race->server, "/v1/tasks", "[%s]", batch), 201);
    race_meet(race, all, "j", from, count);
    struct reply **replies = race_call(race, requests, count);
    for (int i = 0; i < count; i++) {
        got[from + i] = got_of(race, replies[i], from + i);
        ended += got[from + i] != JOINED;
    }
    race_pace(race, ended, count);
}

/* Who joined is told of the one end; who got a finished task or a new one is not told of the
 * other's. */
static void join_race(struct race *race, int keys, int round)
{
    struct scenario *s = race->s;
    enum got *got = keep(s, (size_t)keys * sizeof *got);
    struct stream *all = stream_open(race->server, "/v1/events");
    int joined = 0;
    for (int from = 0; from < keys; from += round)
        join_round(race, all, from, round, got);
    eventually(json_number(get(race->server, "/v1/stats"), "live") == 0);
    stream_read(all);
    stream_read(race->heard);
    sse_close(all->sse);
    const struct told *first = told_of(all, "j", keys), *second = told_of(all, "n", keys);
    const struct told *heard = told_of(race->heard, "j", keys);
    const struct told *own = told_of(race->heard, "n", keys);
    for (int i = 0; i < keys; i++) {
        note(s, "key k%d: %d", i, (int)got[i]);
        assert_int_equal(first[i].started, 1);
        assert_int_equal(first[i].ended, 1);
        assert_string_equal(first[i].end, "succeeded");
        assert_int_equal(second[i].started, got[i] == NEW);
        assert_int_equal(heard[i].ended, got[i] == JOINED);
        assert_int_equal(own[i].ended, got[i] == NEW);
        joined += got[i] == JOINED;
    }
    expect_race(joined, keys);
    expect_rest(race);
}

/* 5.4: a create with the key of a task that ends: it is in time, or it gets what there is, or a new
 * task; it is never lost. */
SCENARIO(join_against_end)
{
    join_race(race_begin(s, "sleep", 8), 400, ROUND);
}

/* 5.4: the same with processes; each task ran once. */
SCENARIO(join_against_exit)
{
    enum { KEYS = 100 };
    function_file(s, "counted.sh",
                  "#!/bin/sh\necho \" $ERRAND_TASK_ID \" >>../scratch/runs\n"
                  "exec ./nap.sh\n");
    struct race *race = race_begin(s, "counted", 12);
    join_race(race, KEYS, SMALL_ROUND);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(count_runs(s, text(s, "j%d", i)), 1);
}

/* 4: twenty connections with one Idempotency-Key: one task, and one answer for all. */
SCENARIO(one_key_for_twenty)
{
    enum { KEYS = 25, MANY = 20 };
    struct race *race = race_begin(s, "sleep", 1);
    for (int key = 0; key < KEYS; key++) {
        struct request requests[MANY];
        for (int i = 0; i < MANY; i++)
            requests[i] = (struct request){
                .path = "/v1/tasks",
                .headers = text(s, "Idempotency-Key: key %d\r\n", key),
                .body = json(s, "{'function':'sleep','args':[0.001],'metadata':{'key':%d}}", key)};
        struct reply **replies = race_call(race, requests, MANY);
        int first = 0;
        for (int i = 0; i < MANY; i++) {
            note(s, "key %d, answer %d", key, i);
            expect_status(replies[i], 201);
            assert_string_equal(replies[i]->body.text, replies[0]->body.text);
            assert_string_equal(header(replies[i], "Location"), header(replies[0], "Location"));
            first += !header(replies[i], "Idempotency-Replayed");
        }
        assert_int_equal(first, 1);
    }
    expect_rest(race);
    assert_int_equal(count_tasks(race->server, "function=sleep"), KEYS + 1);
}

/* --- DELETE ----------------------------------------------------------------------- */

static int stat_of(struct race *race, const char *state)
{
    return (int)json_number(get(race->server, "/v1/stats"), text(race->s, "states.%s", state));
}

/* 4: DELETE when it ends: gone or refused; no ghost in the list, in the channel or the counts. */
SCENARIO(delete_against_end)
{
    enum { TASKS = 400 };
    struct race *race = race_begin(s, "sleep", 8);
    bool gone[TASKS];
    int left = 0;
    for (int from = 0; from < TASKS; from += ROUND) {
        race_create(race, "d", from, ROUND);
        race_meet(race, race->heard, "d", from, ROUND);
        struct reply **replies = race_ask(race, "DELETE", "d", "", from, ROUND);
        int ended = 0;
        for (int i = 0; i < ROUND; i++) {
            gone[from + i] = replies[i]->status == 204;
            if (!gone[from + i])
                expect_problem(replies[i], 409, "task-live");
            ended += gone[from + i];
        }
        race_pace(race, ended, ROUND);
        left += ROUND - ended;
    }
    expect_race(left, TASKS);
    expect_rest(race);
    const char **states = states_of(race, "d", TASKS);
    for (int i = 0; i < TASKS; i++) {
        note(s, "d%d, gone: %d", i, gone[i]);
        assert_int_equal(states[i] == NULL, gone[i]);
        expect_status(get(race->server, "/v1/tasks/d%d", i), gone[i] ? 404 : 200);
    }
    assert_int_equal(count_tasks(race->server, "channel=c"), left);
    assert_int_equal(stat_of(race, "succeeded"), left + 1);
    struct reply **replies = race_ask(race, "DELETE", "d", "", 0, TASKS);
    assert_int_equal(count_status(replies, TASKS, 204), left);
    assert_int_equal(count_status(replies, TASKS, 404), TASKS - left);
    assert_int_equal(stat_of(race, "succeeded"), 1);
    stream_read(race->heard);
    struct told *told = told_of(race->heard, "d", TASKS);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(told[i].ended, 1);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(cancel_against_end),
        RUN(cancel_against_exit),
        RUN(cancel_against_continuation),
        RUN(cancel_against_dependencies),
        RUN(join_against_end),
        RUN(join_against_exit),
        RUN(one_key_for_twenty),
        RUN(delete_against_end),
    };
    return RUN_SCENARIOS("races", table);
}
