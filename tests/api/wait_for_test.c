/* Section 5.1: the ways to wait for dependencies, `optional` ones, and $value. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* --- wait_for ------------------------------------------------------------------ */

/* 5.1: all_settled waits for all; a failed one's place holds {"$error":{"id","code","message"}}. */
SCENARIO(all_settled)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'m','process':'collect','wait_for':'all_settled','args':["
                   "{'$task':{'id':'bad','function':'fail','args':['no']}},"
                   "{'$task':{'id':'slow','function':'hold'}},"
                   "{'in':[{'$task':'bad'},'literal']}]}");
    expect_failure(server, "bad", "function-error");
    await_progress(server, "slow", 1);
    expect_state(server, "m", "waiting");
    release(s, "slow", "7");
    expect_result(server, "m",
                  "[{'$error':{'id':'bad','code':'function-error','message':'no'}},7,"
                  "{'in':[{'$error':{'id':'bad','code':'function-error','message':'no'}},"
                  "'literal']}]");
    expect_null(task(server, "m"), "error");
}

/* 5.1: also when nothing succeeds, and for one that was cancelled. */
SCENARIO(all_settled_without_success)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'gone','function':'echo','delay':3600}");
    create(server, "{'id':'m','process':'collect','wait_for':'all_settled','args':["
                   "{'$task':{'id':'bad','function':'fail','args':['no']}},{'$task':'gone'}]}");
    expect_failure(server, "bad", "function-error");
    expect_status(cancel(server, "gone", NULL), 200);
    struct reply *reply = get(server, "/v1/tasks/m/result?wait=19");
    expect_status(reply, 200);
    expect_text(reply, "0.$error.code", "function-error");
    expect_text(reply, "1.$error.id", "gone");
    expect_text(reply, "1.$error.code", "cancelled");
}

/* 5.1: any: the first success wins, its place (all of them) and null elsewhere; the rest are
 * cancelled if nobody else wants them. */
SCENARIO(any)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 3");
    create(server, "{'id':'mine','function':'hold'}");
    create(server, "{'id':'m','process':'collect','wait_for':'any','args':["
                   "{'$task':{'id':'later','function':'echo','delay':3600}},{'$task':'mine'},"
                   "{'$task':{'id':'runs','function':'hold'}},"
                   "{'x':{'$task':{'id':'first','function':'hold'}}},'literal',"
                   "{'$task':{'id':'shared','function':'echo','delay':3600}},{'$task':'first'}]}");
    create(server, "{'id':'other','process':'collect','args':[{'$task':'shared'}]}");
    await_progress(server, "mine", 1);
    await_progress(server, "runs", 1);
    await_progress(server, "first", 1);
    release(s, "first", "7");
    expect_result(server, "m", "[null,null,null,{'x':7},'literal',null,7]");
    expect_outcome(server, "later", "cancelled");
    expect_outcome(server, "runs", "cancelled");
    expect_state(server, "shared", "scheduled");
    expect_state(server, "other", "waiting");
    release(s, "mine", "1");
    expect_result(server, "mine", "1");
}

/* 5.1: a failure or a cancel is no success, and one that is left can still win. */
SCENARIO(any_after_failures)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'gone','function':'echo','delay':3600}");
    create(server, "{'id':'m','process':'collect','wait_for':'any','args':["
                   "{'$task':{'id':'bad','function':'fail','args':['no']}},{'$task':'gone'},"
                   "{'$task':{'id':'good','function':'hold'}}]}");
    expect_failure(server, "bad", "function-error");
    cancel(server, "gone", NULL);
    await_progress(server, "good", 1);
    expect_state(server, "m", "waiting");
    release(s, "good", "7");
    expect_result(server, "m", "[null,null,7]");
}

/* 5.1: all failed = failed, and that only with the last one. */
SCENARIO(any_and_all_failed)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','wait_for':'any','args':["
                   "{'$task':{'id':'a','function':'fail','args':['no']}},"
                   "{'$task':{'id':'b','function':'hold'}}]}");
    expect_failure(server, "a", "function-error");
    await_progress(server, "b", 1);
    expect_state(server, "m", "waiting");
    release(s, "b", "\377");
    expect_failure(server, "b", "invalid-result");
    const char *cause =
        json_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by");
    assert_true(!strcmp(cause, "a") || !strcmp(cause, "b"));
    expect_null(task(server, "m"), "started_at");
}

/* 5.1: finished tasks count at once, for each way to wait. */
SCENARIO(finished_ones_count_at_once)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'good','function':'echo','args':[1]}");
    create(server, "{'id':'bad','function':'fail','args':['no']}");
    finished(server, "good");
    finished(server, "bad");
    create(server, "{'id':'any','process':'collect','wait_for':'any','args':[{'$task':'bad'},"
                   "{'$task':'good'},{'$task':{'id':'never','function':'echo','delay':3600}}]}");
    expect_result(server, "any", "[null,1,null]");
    expect_outcome(server, "never", "cancelled");
    create(server, "{'id':'settled','process':'collect','wait_for':'all_settled','args':"
                   "[{'$task':'good'},{'$task':'bad'}]}");
    expect_result(server, "settled",
                  "[1,{'$error':{'id':'bad','code':'function-error','message':'no'}}]");
    create(server, "{'id':'none','process':'collect','wait_for':'any','args':[{'$task':'bad'}]}");
    expect_text(expect_failure(server, "none", "dependency-failed"), "error.caused_by", "bad");
    create(server, "{'id':'all','process':'collect','args':[{'$task':'good'},{'$task':'bad'},"
                   "{'$task':{'id':'unwanted','function':'echo','delay':3600}}]}");
    expect_text(expect_failure(server, "all", "dependency-failed"), "error.caused_by", "bad");
    expect_outcome(server, "unwanted", "cancelled");
}

/* 5.1: no dependencies at all: the process step runs with the literals, however it would wait. */
SCENARIO(nothing_to_wait_for)
{
    static const char *const ways[] = {"all", "all_settled", "any"};
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 3; i++) {
        note(s, "%s", ways[i]);
        create(server, "{'id':'%s','process':'collect','wait_for':'%s','args':[1,{'a':2}]}",
               ways[i], ways[i]);
        expect_result(server, ways[i], "[1,{'a':2}]");
    }
}

/* --- optional, $value ------------------------------------------------------------ */

/* 5.1: optional: its failure puts null there and fails nothing; its success is used. */
SCENARIO(optional)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'old','function':'fail','args':['no']}");
    finished(server, "old");
    create(server, "{'id':'m','process':'collect','args':["
                   "{'$task':{'id':'bad','function':'fail','args':['no']},'optional':true},"
                   "{'x':[{'$task':'old','optional':true}]},"
                   "{'$task':{'id':'good','function':'echo','args':[1]},'optional':true},"
                   "{'$task':{'id':'slow','function':'hold'}}]}");
    expect_failure(server, "bad", "function-error");
    await_progress(server, "slow", 1);
    expect_state(server, "m", "waiting");
    release(s, "slow", "7");
    expect_result(server, "m", "[null,{'x':[null]},1,7]");
}

/* 5.1: it is of one $task: what another place needs is still needed. */
SCENARIO(optional_in_one_place_only)
{
    struct server *server = server_start(s, "%s", "");
    expect_status(post(server, "/v1/tasks",
                       "[{'id':'bad','function':'fail','args':['no'],'delay':0.1},"
                       "{'id':'m','process':'collect','args':["
                       "{'$task':'bad','optional':true},{'$task':'bad'}]}]"),
                  201);
    expect_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by", "bad");
}

/* 5.1: a failure below an optional meta-task stops there. */
SCENARIO(optional_meta)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'t','process':'collect','args':[1,{'optional':true,'$task':{'id':'m',"
                   "'process':'collect','args':[{'$task':{'id':'d','function':'fail','args':['no'],"
                   "'delay':0.1}}]}}]}");
    expect_result(server, "t", "[1,null]");
    expect_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by", "d");
}

/* 3.1: {"$value": X} stands for the literal X, whatever X looks like. */
SCENARIO(literal_values)
{
    static const struct {
        const char *arguments, *result;
    } rows[] = {
        {"[{'$value':1}]", "[1]"},
        {"[{'$value':{'$task':'nope'}}]", "[{'$task':'nope'}]"},
        {"[[{'a':{'$value':{'$task':7,'x':[{'$task':{}}]}}}]]",
         "[[{'a':{'$task':7,'x':[{'$task':{}}]}}]]"},
        {"[{'$value':{'$value':{'$value':null}}}]", "[{'$value':{'$value':null}}]"},
        {"[{'$value':[{'$value':1}]},{'$value':'x'}]", "[[{'$value':1}],'x']"},
        {"[{'$value':null},{'$task':'d'},{'$value':{'$task':'d'}}]",
         "[null,{'$value':{'$task':'nope'}},{'$task':'d'}]"},
    };
    struct server *server = server_start(s, "%s", "");
    /* A result is data, and so is an argument of a background task. */
    create(server, "{'id':'d','function':'echo','args':[{'$value':{'$task':'nope'}}]}");
    expect_result(server, "d", "{'$value':{'$task':'nope'}}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].arguments);
        const char *arguments = requote(text(s, "%s", rows[i].arguments));
        const char *id = create(server, "{'process':'collect','args':%s}", arguments);
        expect_result(server, id, rows[i].result);
        /* 3.3: what was sent is what is shown. */
        expect_json(task(server, id), "args", rows[i].arguments);
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(all_settled),
        RUN(all_settled_without_success),
        RUN(any),
        RUN(any_after_failures),
        RUN(any_and_all_failed),
        RUN(finished_ones_count_at_once),
        RUN(nothing_to_wait_for),
        RUN(optional),
        RUN(optional_in_one_place_only),
        RUN(optional_meta),
        RUN(literal_values),
    };
    return RUN_SCENARIOS("wait_for", table);
}
