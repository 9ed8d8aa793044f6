/* One small thing of a request that stands for many: what is asked for a thousand times is not held
 * a thousand times. */
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* A meta-task that wants these tasks: the first once, the other so many times. */
static struct reply *gather(struct server *server, const char *how, const char *first,
                            const char *other, int count)
{
    struct scenario *s = server->scenario;
    const char *start = text(
        s, "{\"process\":\"collect\",\"wait_for\":\"%s\",\"args\":[{\"$task\":\"%s\"}", how, first);
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
    const char *id = json_text(gather(server, "any", "small", "large", MANY), "id");
    expect_result(server, id, text_repeat(s, "[1", ",null", MANY, "]"));
    expect_peak_growth(server, before, 100000);
}

/* What stands in many places is read once, and counts in each of them. */
SCENARIO(one_result_in_many_places)
{
    enum { LENGTH = 1000000, TOO_MANY = 270, FAILED = 5000 };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'small','function':'echo','args':[1]}");
    create(server, "{'id':'large','function':'echo','args':['%s']}",
           text_repeat(s, "", "x", LENGTH, ""));
    create(server, "{'id':'bad','function':'fail','args':['%s']}",
           text_repeat(s, "", "m", LENGTH, ""));
    finished(server, "large");
    finished(server, "bad");
    long before = server_rss_kb(server);
    const char *id = json_text(gather(server, "all", "small", "large", TOO_MANY), "id");
    struct reply *failed = expect_failure(server, id, "start-failed");
    assert_non_null(strstr(json_text(failed, "error.message"), "too large together"));
    id = json_text(gather(server, "all_settled", "small", "bad", FAILED), "id");
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

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(results_of_losers),
        RUN(one_result_in_many_places),
        RUN(places_behind_a_long_name),
    };
    return RUN_SCENARIOS("multiplied", table);
}
