/* The members of one task: what each refuses, and with what place in the request. */
#include "base/mem.h"
#include "model/spec.h"
#include "tests/unit/plans.h"

/* A task with these members beside its name. */
#define TASK(members)   STR("{\"function\":\"echo\"," members "}")
#define CAPPED(members) STR("{\"function\":\"capped\"," members "}")
#define META(members)   STR("{\"process\":\"merge\"," members "}")

static const struct refusal {
    struct str body;
    enum problem_code code;
    struct str pointer;
} refusals[] = {
    /* the task itself */
    {STR("1"), PROBLEM_INVALID_REQUEST, STR("")},
    {STR("null"), PROBLEM_INVALID_REQUEST, STR("")},
    {STR("\"echo\""), PROBLEM_INVALID_REQUEST, STR("")},
    {STR("{}"), PROBLEM_INVALID_REQUEST, STR("")},
    {STR("{\"args\":[]}"), PROBLEM_INVALID_REQUEST, STR("")},
    {STR("{\"function\":null}"), PROBLEM_INVALID_REQUEST, STR("")},
    {STR("{\"function\":\"echo\",\"process\":\"merge\"}"), PROBLEM_INVALID_REQUEST, STR("")},
    {STR("{\"function\":null,\"process\":null}"), PROBLEM_INVALID_REQUEST, STR("")},
    {STR("{\"function\":1}"), PROBLEM_INVALID_REQUEST, STR("/function")},
    {STR("{\"process\":[\"merge\"]}"), PROBLEM_INVALID_REQUEST, STR("/process")},
    {STR("{\"function\":\"nope\"}"), PROBLEM_UNKNOWN_FUNCTION, STR("/function")},
    {STR("{\"function\":\"\"}"), PROBLEM_UNKNOWN_FUNCTION, STR("/function")},
    {STR("{\"function\":\"Echo\"}"), PROBLEM_UNKNOWN_FUNCTION, STR("/function")},
    {STR("{\"function\":\"echo\\u0000\"}"), PROBLEM_UNKNOWN_FUNCTION, STR("/function")},
    {STR("{\"process\":\"nope\"}"), PROBLEM_UNKNOWN_FUNCTION, STR("/process")},
    /* names of members */
    {TASK("\"nope\":1"), PROBLEM_INVALID_REQUEST, STR("/nope")},
    {TASK("\"nope\":null"), PROBLEM_INVALID_REQUEST, STR("/nope")},
    {TASK("\"\":1"), PROBLEM_INVALID_REQUEST, STR("/")},
    {TASK("\"Args\":[]"), PROBLEM_INVALID_REQUEST, STR("/Args")},
    {TASK("\"a/b~c\":1"), PROBLEM_INVALID_REQUEST, STR("/a~1b~0c")},
    {TASK("\"\\u00e9\":1"), PROBLEM_INVALID_REQUEST, STR("/\xC3\xA9")},
    {TASK("\"state\":\"queued\""), PROBLEM_INVALID_REQUEST, STR("/state")},
    {TASK("\"args\":[],\"args\":[]"), PROBLEM_INVALID_REQUEST, STR("/args")},
    {TASK("\"id\":null,\"\\u0069d\":\"a\""), PROBLEM_INVALID_REQUEST, STR("/id")},
    {TASK("\"function\":\"echo\""), PROBLEM_INVALID_REQUEST, STR("/function")},
    /* args, kwargs, metadata */
    {TASK("\"args\":{}"), PROBLEM_INVALID_REQUEST, STR("/args")},
    {TASK("\"args\":\"a\""), PROBLEM_INVALID_REQUEST, STR("/args")},
    {TASK("\"args\":false"), PROBLEM_INVALID_REQUEST, STR("/args")},
    {TASK("\"kwargs\":[]"), PROBLEM_INVALID_REQUEST, STR("/kwargs")},
    {TASK("\"kwargs\":0"), PROBLEM_INVALID_REQUEST, STR("/kwargs")},
    {TASK("\"metadata\":[]"), PROBLEM_INVALID_REQUEST, STR("/metadata")},
    {TASK("\"metadata\":\"m\""), PROBLEM_INVALID_REQUEST, STR("/metadata")},
    /* id */
    {TASK("\"id\":1"), PROBLEM_INVALID_REQUEST, STR("/id")},
    {TASK("\"id\":\"\""), PROBLEM_INVALID_REQUEST, STR("/id")},
    {TASK("\"id\":\"a b\""), PROBLEM_INVALID_REQUEST, STR("/id")},
    {TASK("\"id\":\"a\\u0000\""), PROBLEM_INVALID_REQUEST, STR("/id")},
    {TASK("\"id\":\"cancel\""), PROBLEM_INVALID_REQUEST, STR("/id")},
    {TASK("\"id\":\"0123456789012345678901234567890123456789012345678901234567890123X\""),
     PROBLEM_INVALID_REQUEST, STR("/id")},
    /* channels */
    {TASK("\"notify_channels\":\"a\""), PROBLEM_INVALID_REQUEST, STR("/notify_channels")},
    {TASK("\"notify_channels\":{}"), PROBLEM_INVALID_REQUEST, STR("/notify_channels")},
    {TASK("\"notify_channels\":[1]"), PROBLEM_INVALID_REQUEST, STR("/notify_channels/0")},
    {TASK("\"notify_channels\":[\"a\",null]"), PROBLEM_INVALID_REQUEST, STR("/notify_channels/1")},
    {TASK("\"notify_channels\":[\"a\",\"a\",\"\"]"), PROBLEM_INVALID_REQUEST,
     STR("/notify_channels/2")},
    /* numbers */
    {TASK("\"priority\":101"), PROBLEM_INVALID_REQUEST, STR("/priority")},
    {TASK("\"priority\":-101"), PROBLEM_INVALID_REQUEST, STR("/priority")},
    {TASK("\"priority\":0.5"), PROBLEM_INVALID_REQUEST, STR("/priority")},
    {TASK("\"priority\":\"1\""), PROBLEM_INVALID_REQUEST, STR("/priority")},
    {TASK("\"priority\":true"), PROBLEM_INVALID_REQUEST, STR("/priority")},
    {TASK("\"priority\":18446744073709551616"), PROBLEM_INVALID_REQUEST, STR("/priority")},
    {TASK("\"max_attempts\":0"), PROBLEM_INVALID_REQUEST, STR("/max_attempts")},
    {TASK("\"max_attempts\":101"), PROBLEM_INVALID_REQUEST, STR("/max_attempts")},
    {TASK("\"max_attempts\":1.5"), PROBLEM_INVALID_REQUEST, STR("/max_attempts")},
    {TASK("\"max_attempts\":[1]"), PROBLEM_INVALID_REQUEST, STR("/max_attempts")},
    {TASK("\"timeout\":0"), PROBLEM_INVALID_REQUEST, STR("/timeout")},
    {TASK("\"timeout\":-1"), PROBLEM_INVALID_REQUEST, STR("/timeout")},
    {TASK("\"timeout\":0.0001"), PROBLEM_INVALID_REQUEST, STR("/timeout")},
    {TASK("\"timeout\":\"1\""), PROBLEM_INVALID_REQUEST, STR("/timeout")},
    {TASK("\"timeout\":1E400"), PROBLEM_INVALID_REQUEST, STR("/timeout")},
    {CAPPED("\"timeout\":60.001"), PROBLEM_INVALID_REQUEST, STR("/timeout")},
    /* times */
    {TASK("\"delay\":-1"), PROBLEM_INVALID_REQUEST, STR("/delay")},
    {TASK("\"delay\":\"1\""), PROBLEM_INVALID_REQUEST, STR("/delay")},
    {TASK("\"delay\":3155760001"), PROBLEM_INVALID_REQUEST, STR("/delay")},
    {TASK("\"delay\":1e999"), PROBLEM_INVALID_REQUEST, STR("/delay")},
    {TASK("\"run_at\":0"), PROBLEM_INVALID_REQUEST, STR("/run_at")},
    {TASK("\"run_at\":\"\""), PROBLEM_INVALID_REQUEST, STR("/run_at")},
    {TASK("\"run_at\":\"tomorrow\""), PROBLEM_INVALID_REQUEST, STR("/run_at")},
    {TASK("\"run_at\":\"2026-02-30T00:00:00Z\""), PROBLEM_INVALID_REQUEST, STR("/run_at")},
    {TASK("\"run_at\":\"2026-11-20T20:15:00Z\",\"delay\":1"), PROBLEM_INVALID_REQUEST,
     STR("/delay")},
    {TASK("\"delay\":0,\"run_at\":\"1970-01-01T00:00:00Z\""), PROBLEM_INVALID_REQUEST,
     STR("/delay")},
    /* backoff */
    {TASK("\"backoff\":1"), PROBLEM_INVALID_REQUEST, STR("/backoff")},
    {TASK("\"backoff\":[1,2,300]"), PROBLEM_INVALID_REQUEST, STR("/backoff")},
    {TASK("\"backoff\":{\"start\":1}"), PROBLEM_INVALID_REQUEST, STR("/backoff/start")},
    {TASK("\"backoff\":{\"max\":1,\"max\":1}"), PROBLEM_INVALID_REQUEST, STR("/backoff/max")},
    {TASK("\"backoff\":{\"max\":null,\"max\":1}"), PROBLEM_INVALID_REQUEST, STR("/backoff/max")},
    {TASK("\"backoff\":{\"initial\":-1}"), PROBLEM_INVALID_REQUEST, STR("/backoff/initial")},
    {TASK("\"backoff\":{\"initial\":\"1\"}"), PROBLEM_INVALID_REQUEST, STR("/backoff/initial")},
    {TASK("\"backoff\":{\"max\":1E400}"), PROBLEM_INVALID_REQUEST, STR("/backoff/max")},
    {TASK("\"backoff\":{\"factor\":true}"), PROBLEM_INVALID_REQUEST, STR("/backoff/factor")},
    /* what only meta-tasks have */
    {TASK("\"wait_for\":\"all\""), PROBLEM_INVALID_REQUEST, STR("/wait_for")},
    {TASK("\"process_as_task\":false"), PROBLEM_INVALID_REQUEST, STR("/process_as_task")},
    {META("\"wait_for\":\"some\""), PROBLEM_INVALID_REQUEST, STR("/wait_for")},
    {META("\"wait_for\":\"\""), PROBLEM_INVALID_REQUEST, STR("/wait_for")},
    {META("\"wait_for\":true"), PROBLEM_INVALID_REQUEST, STR("/wait_for")},
    {META("\"process_as_task\":1"), PROBLEM_INVALID_REQUEST, STR("/process_as_task")},
    {META("\"process_as_task\":\"true\""), PROBLEM_INVALID_REQUEST, STR("/process_as_task")},
};

static void refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(refusals); i++)
        check_refused(refusals[i].body, refusals[i].code, refusals[i].pointer);
}

/* The place is the member, not the object around it. */
static void points_at_a_factor_below_1(void **state)
{
    (void)state;
    check_refused(TASK("\"backoff\":{\"initial\":1,\"factor\":0.5}"), PROBLEM_INVALID_REQUEST,
                  STR("/backoff/factor"));
}

/* A long name is cut in the detail, but never inside a character: it goes into JSON. */
static void cuts_long_names_between_characters(void **state)
{
    (void)state;
    for (size_t before = 0; before < 4; before++) {
        struct buf body = {0};
        buf_add_text(&body, "{\"function\":\"");
        buf_add(&body, "abc", before < 3 ? before : 3);
        for (int i = 0; i < 40; i++)
            buf_add_text(&body, "\xE2\x82\xAC");
        buf_add_text(&body, "\"}");
        check_refused(buf_str(&body), PROBLEM_UNKNOWN_FUNCTION, STR("/function"));
        buf_done(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_breaks_a_rule),
        cmocka_unit_test(points_at_a_factor_below_1),
        cmocka_unit_test(cuts_long_names_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
