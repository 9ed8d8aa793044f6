/* One small thing of a request that stands for many: what is asked for a thousand times is not held
 * a thousand times. */
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* A meta-task that wants these tasks: the first once, the other so many times. */
static struct reply *gather(struct server *server, const char *process, const char *how,
                            const char *first, const char *other, int count)
{
    struct scenario *s = server->scenario;
    const char *start =
        text(s, "{\"process\":\"%s\",\"wait_for\":\"%s\",\"args\":[{\"$task\":\"%s\"}", process,
             how, first);
    const char *again = text(s, ",{\"$task\":\"%s\"}", other);
    struct reply *reply = call(server, .path = "/v1/tasks", .headers = "Prefer: return=minimal\r\n",
                               .body = text_repeat(s, start, again, count, "]}"));
    expect_status(reply, 201);
    return reply;
}

/* --- results ---------------------------------------------------------------------- */

/* Who loses is null in its place: its result is not even read. */
SCENARIO(results_of_losers)
{
    enum { MANY = 2000, LENGTH = 200000 };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'small','function':'echo','args':[1]}");
    create(server, "{'id':'large','function':'echo','args':['%s']}",
           text_repeat(s, "", "x", LENGTH, ""));
    finished(server, "small");
    finished(server, "large");
    long before = server_rss_kb(server);
    const char *id = json_text(gather(server, "collect", "any", "small", "large", MANY), "id");
    expect_result(server, id, text_repeat(s, "[1", ",null", MANY, "]"));
    expect_peak_growth(server, before, 100000);
}

/* What stands in many places is read once, and counts in each of them. */
SCENARIO(one_result_in_many_places)
{
    enum { LENGTH = 1000000, TOO_MANY = 270, FAILED = 5000 };
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'small','function':'echo','args':[1]}");
    create(server, "{'id':'large','function':'echo','args':['%s']}",
           text_repeat(s, "", "x", LENGTH, ""));
    create(server, "{'id':'bad','function':'fail','args':['%s']}",
           text_repeat(s, "", "m", LENGTH, ""));
    finished(server, "large");
    finished(server, "bad");
    long before = server_rss_kb(server);
    const char *id = json_text(gather(server, "collect", "all", "small", "large", TOO_MANY), "id");
    expect_failure(server, id, "result-too-large");
    id = json_text(gather(server, "cat", "all", "small", "large", TOO_MANY), "id");
    struct reply *failed = expect_failure(server, id, "start-failed");
    assert_non_null(strstr(json_text(failed, "error.message"), "too large together"));
    id = json_text(gather(server, "collect", "all_settled", "small", "bad", FAILED), "id");
    expect_outcome(server, id, "succeeded");
    expect_peak_growth(server, before, 100000);
}

/* --- places ----------------------------------------------------------------------- */

/* A long name, and so many references behind it: each has the name in its place. */
static struct reply *behind_a_name(struct server *server, int length, const char *reference,
                                   int count)
{
    struct scenario *s = server->scenario;
    const char *start =
        text_repeat(s, "{\"process\":\"collect\",\"kwargs\":{\"", "N", length, "\":[1");
    return call(server, .path = "/v1/tasks", .headers = "Prefer: return=minimal\r\n",
                .body = text_repeat(s, start, reference, count, "]}}"));
}

/* They are counted before any task is looked for, and for references and tasks alike. */
SCENARIO(places_behind_a_long_name)
{
    static const char *const references[] = {",{\"$task\":\"nobody\"}",
                                             ",{\"$task\":{\"function\":\"echo\"}}"};
    enum { LENGTH = 200000, MANY = 10000, MOST = 4 << 20 };
    struct server *server = server_start(s, "--max-body 2000000");
    long before = server_rss_kb(server);
    for (int i = 0; i < 2; i++) {
        note(s, "%s", references[i]);
        struct reply *reply = behind_a_name(server, LENGTH, references[i], MANY);
        expect_problem(reply, 422, "invalid-request");
        assert_non_null(strstr(json_text(reply, "errors.0.detail"), "4194304 bytes"));
        int place = MOST / LENGTH / (i + 1) + 1;
        expect_pointer(reply, text(s, "%s/%d", text_repeat(s, "/kwargs/", "N", LENGTH, ""), place));
    }
    expect_peak_growth(server, before, 100000);
    assert_int_equal(count_tasks(server, ""), 0);
    expect_status(behind_a_name(server, 400, references[1], 4000), 201);
}

/* --- channels --------------------------------------------------------------------- */

enum { SHARED_MAX = 1000, MOST_OF_ONE = 32 };

/* An array of creates that join by the key k, each with as many new channels as it may have. */
static char *joins_with_channels(struct scenario *s, int count, int *next)
{
    size_t room = (size_t)count * (64 + MOST_OF_ONE * 12) + 3;
    char *body = keep(s, room), *end = body;
    *end++ = '[';
    for (int i = 0; i < count; i++) {
        end = stpcpy(end,
                     text(s, "%s{\"function\":\"echo\",\"cache_key\":\"k\",\"notify_channels\":[",
                          i ? "," : ""));
        for (int k = 0; k < MOST_OF_ONE; k++)
            end = stpcpy(end, text(s, "%s\"c%d\"", k ? "," : "", (*next)++));
        end = stpcpy(end, "]}");
    }
    stpcpy(end, "]");
    return body;
}

/* Each who joins may bring channels; the task does not take ever more of them. */
SCENARIO(channels_of_a_shared_task)
{
    int next = 0;
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600,'cache_key':'k'}");
    int fits = SHARED_MAX / MOST_OF_ONE;
    struct reply *reply =
        call(server, .path = "/v1/tasks", .body = joins_with_channels(s, fits, &next));
    expect_status(reply, 201);
    assert_int_equal(json_count(reply, "tasks.0.notify_channels"), fits * MOST_OF_ONE);
    struct reply *before = task(server, "a");
    expect_number(before, "subscribers", 1 + fits);
    expect_number(before, "version", 1 + fits);
    expect_text(before, "notify_channels.991", "c991");
    reply = call(server, .path = "/v1/tasks", .body = joins_with_channels(s, 2, &next));
    expect_pointer(reply, "/0/notify_channels");
    assert_non_null(strstr(json_text(reply, "errors.0.detail"), "1000 channels"));
    assert_string_equal(task(server, "a")->body.text, before->body.text);
    assert_int_equal(count_tasks(server, "channel=c992"), 0);
    assert_int_equal(count_tasks(server, "channel=c991"), 1);
    expect_joined(post(server, "/v1/tasks",
                       "{'function':'echo','cache_key':'k','notify_channels':['c1','last']}"),
                  "a");
    assert_int_equal(json_count(task(server, "a"), "notify_channels"), fits * MOST_OF_ONE + 1);
}

/* The same where the task is made by the request itself: nothing of it is. */
SCENARIO(channels_of_a_task_in_the_array)
{
    int next = 0;
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = call(server, .path = "/v1/tasks",
                               .body = joins_with_channels(s, SHARED_MAX / MOST_OF_ONE + 1, &next));
    expect_pointer(reply, text(s, "/%d/notify_channels", SHARED_MAX / MOST_OF_ONE));
    assert_int_equal(count_tasks(server, ""), 0);
}

/* --- answers ---------------------------------------------------------------------- */

static struct reply *join_many(struct server *server, const char *first, int count,
                               const char *headers)
{
    struct scenario *s = server->scenario;
    const char *join = ",{\"function\":\"echo\",\"cache_key\":\"k\"}";
    return call(server, .path = "/v1/tasks", .headers = headers,
                .body = text_repeat(s, text(s, "[%s%s", first, *first ? "" : join + 1), join,
                                    count - 1, "]"));
}

/* An array that joins one large task thousands of times is not answered with as many copies of it:
 * it is refused before anybody has joined, and says what to do. */
SCENARIO(one_task_in_many_answers)
{
    enum { LENGTH = 900000, MANY = 3000, FITS = 18 };
    struct server *server = server_start(s, "%s", "");
    char *made =
        text_repeat(s, "{\"id\":\"a\",\"function\":\"echo\",\"cache_key\":\"k\",\"args\":[\"", "x",
                    LENGTH, "\"]}");
    long begin = server_rss_kb(server);
    note(s, "made by the array");
    struct reply *reply = join_many(server, made, MANY, NULL);
    expect_pointer(reply, text(s, "/%d", FITS + 1));
    assert_int_equal(count_tasks(server, ""), 0);
    expect_status(call(server, .path = "/v1/tasks", .body = made), 201);
    finished(server, "a");
    note(s, "there before");
    struct reply *before = task(server, "a");
    for (int key = 0; key < 2; key++) {
        reply = join_many(server, "", MANY, key ? "Idempotency-Key: K\r\n" : NULL);
        expect_pointer(reply, text(s, "/%d", FITS));
        assert_non_null(strstr(json_text(reply, "errors.0.detail"), "Prefer: return=minimal"));
    }
    expect_peak_growth(server, begin, 150000);
    assert_string_equal(task(server, "a")->body.text, before->body.text);
    reply = join_many(server, "", MANY, "Prefer: return=minimal\r\n");
    expect_status(reply, 201);
    assert_int_equal(json_count(reply, "ids"), MANY);
    reply = join_many(server, "", FITS, NULL);
    expect_status(reply, 201);
    assert_int_equal(json_count(reply, "tasks"), FITS);
    assert_int_equal(strlen(json_text(reply, "tasks.17.args.0")), LENGTH);
}

/* The places of a meta-task count as its arguments do. */
SCENARIO(one_meta_task_in_many_answers)
{
    enum { PLACES = 5000 };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'echo','delay':3600}");
    char *made = text_repeat(s, "{\"process\":\"collect\",\"cache_key\":\"k\",\"args\":[1",
                             ",{\"$task\":\"x\"}", PLACES, "]}");
    long before = server_rss_kb(server);
    for (int there = 0; there < 2; there++) {
        note(s, "there: %d", there);
        struct reply *reply = join_many(server, made, 1000, NULL);
        expect_problem(reply, 422, "invalid-request");
        assert_int_equal(count_tasks(server, ""), 1 + there);
        reply = join_many(server, made, 4, NULL);
        expect_status(reply, 201);
        assert_int_equal(json_count(reply, "tasks.3.dependencies"), PLACES);
    }
    expect_peak_growth(server, before, 150000);
}

/* --- events ----------------------------------------------------------------------- */

/* A meta-task passes on how far a task is that it waits for; a long message is not told once more
 * by each of thousands. */
SCENARIO(one_report_to_many_who_wait)
{
    enum { LENGTH = 65000, MANY = 8000 };
    functions_remote(s, "far", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'f','function':'far'}");
    const char *meta = "{\"process\":\"collect\",\"args\":[{\"$task\":\"f\"}]}";
    expect_status(
        call(server, .path = "/v1/tasks", .headers = "Prefer: return=minimal\r\n",
             .body = text_repeat(s, text(s, "[%s", meta), text(s, ",%s", meta), MANY, "]")),
        201);
    create(server, "{'id':'last','process':'collect','args':[{'$task':'f'}]}");
    const char *token = lease_one(server, "far");
    long before = server_rss_kb(server);
    const char *words = text_repeat(s, "", "w", LENGTH, "");
    expect_status(heartbeat(server, token, text(s, "{'progress':40,'message':'%s'}", words)), 200);
    expect_peak_growth(server, before, 100000);
    expect_text(task(server, "f"), "progress.message", words);
    struct sse *sse = sse_open(server, "/v1/tasks/last/events");
    struct event *event = await_event(sse, "task.progress", "last");
    expect_json(event, "progress", "{'value':40,'message':null}");
    expect_text(event, "origin", "f");
    expect_status(heartbeat(server, token, "{'progress':50,'message':'short'}"), 200);
    expect_json(await_event(sse, "task.progress", "last"), "progress",
                "{'value':50,'message':'short'}");
}

/* Each line of a log is an event with the task's channels in it, for those who ask for lines. */
SCENARIO(many_lines_to_many_channels)
{
    enum { LINES = 200000, LENGTH = 128, MOST = 400000 };
    functions_remote(s, "far", "");
    struct server *server = server_start(s, "%s", "");
    const char *names = "";
    for (int i = 0; i < MOST_OF_ONE; i++)
        names = text(s, "%s%s\"%0*d\"", names, i ? "," : "", LENGTH, i);
    create(server, "{'id':'f','function':'far','notify_channels':[%s]}", names);
    const char *token = lease_one(server, "far");
    struct sse *sse = sse_open(server, "/v1/tasks/f/events?logs=1");
    long before = server_rss_kb(server);
    expect_status(call(server, .path = text(s, "/v1/leases/%s/heartbeat", token),
                       .body = text_repeat(s, "{\"log\":[\"first\"", ",\"\"", LINES, "]}")),
                  200);
    expect_text(await_event(sse, "task.log", "f"), "line", "first");
    expect_status(lease_result(server, token, "7"), 200);
    await_event(sse, "task.succeeded", "f");
    expect_peak_growth(server, before, MOST);
    assert_non_null(strstr(get(server, "/v1/tasks/f/logs")->body.text, "first"));
}

/* A success is told to the channels of all who wait for the task, at any distance: where many come
 * at once, not all of that is held at once. */
SCENARIO(many_successes_to_many_channels)
{
    enum { MANY = 300, ABOVE = 50, LENGTH = 126 };
    struct server *server = server_start(s, "%s", "");
    const char *nap = "{\"$task\":{\"function\":\"sleep\",\"args\":[2]}}";
    expect_status(call(server, .path = "/v1/tasks", .headers = "Prefer: return=minimal\r\n",
                       .body = text_repeat(
                           s, text(s, "{\"process\":\"collect\",\"id\":\"m\",\"args\":[%s", nap),
                           text(s, ",%s", nap), MANY - 1, "]}")),
                  201);
    char *body = keep(s, (size_t)ABOVE * (MOST_OF_ONE * (LENGTH + 4) + 100)), *end = body;
    for (int i = 0; i < ABOVE; i++) {
        end = stpcpy(end, text(s,
                               "%s{\"process\":\"collect\",\"args\":[{\"$task\":\"m\"}],"
                               "\"notify_channels\":[",
                               i ? "," : "["));
        for (int k = 0; k < MOST_OF_ONE; k++)
            end = stpcpy(end, text(s, "%s\"%0*d\"", k ? "," : "", LENGTH, i * MOST_OF_ONE + k));
        end = stpcpy(end, "]}");
    }
    stpcpy(end, "]");
    expect_status(
        call(server, .path = "/v1/tasks", .headers = "Prefer: return=minimal\r\n", .body = body),
        201);
    long before = server_rss_kb(server);
    expect_outcome(server, "m", "succeeded");
    expect_peak_growth(server, before, 250000);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(results_of_losers),
        RUN(one_result_in_many_places),
        RUN(places_behind_a_long_name),
        RUN(channels_of_a_shared_task),
        RUN(channels_of_a_task_in_the_array),
        RUN(one_task_in_many_answers),
        RUN(one_meta_task_in_many_answers),
        RUN(one_report_to_many_who_wait),
        RUN(many_lines_to_many_channels),
        RUN(many_successes_to_many_channels),
    };
    return RUN_SCENARIOS("multiplied", table);
}
