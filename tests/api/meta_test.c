/* Section 5.1: tasks whose arguments are other tasks. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* 3.1 and 5.1: a $task may stand anywhere, at any depth; results are put where it stood. */
SCENARIO(results_take_their_place)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'old','function':'echo','args':['O']}");
    create(server,
           "{'id':'m','process':'cat','args':[{'$task':{'function':'echo','args':['A']}},'literal',"
           "{'deep':[{'er':[[{'$task':'old'}]]},{'$task':{'function':'echo','args':[{'x':1}]}}]}],"
           "'kwargs':{'k':{'$task':{'function':'echo','args':[null]}},'l':[{'$task':'old'}]}}");
    struct reply *reply = get(server, "/v1/tasks/m/result?wait=20");
    expect_status(reply, 200);
    expect_json(reply, "args", "['A','literal',{'deep':[{'er':[['O']]},{'x':1}]}]");
    expect_json(reply, "kwargs", "{'k':null,'l':['O']}");
    expect_text(reply, "function", "cat");
}

/* 5.1: whatever the order of finishing. */
SCENARIO(order_of_finishing)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 3");
    create(server,
           "{'id':'m','process':'collect','args':[{'$task':{'id':'a','function':'hold'}},"
           "{'$task':{'id':'b','function':'hold'}},{'$task':{'id':'c','function':'hold'}}]}");
    release(s, "c", "3");
    expect_result(server, "c", "3");
    release(s, "a", "1");
    expect_result(server, "a", "1");
    expect_state(server, "m", "waiting");
    release(s, "b", "2");
    expect_result(server, "m", "[1,2,3]");
}

/* 5.1: all dependencies start together. */
SCENARIO(start_together)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 3");
    create(server, "{'id':'m','process':'collect','args':[{'$task':{'id':'a','function':'hold'}},"
                   "{'x':{'$task':{'id':'b','function':'hold'}}}],"
                   "'kwargs':{'k':{'$task':{'id':'c','function':'hold'}}}}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    await_progress(server, "c", 1);
    release(s, "a", "1");
    release(s, "b", "2");
    release(s, "c", "3");
    expect_result(server, "m", "[1,{'x':2}]");
}

/* 5.1: one id in two places runs once and fills both. */
SCENARIO(one_id_in_two_places)
{
    function_file(s, "count.sh", "#!/bin/sh\necho run >>../scratch/runs\nwc -l <../scratch/runs\n");
    struct server *server = server_start(s, "%s", "");
    expect_status(post(server, "/v1/tasks",
                       "[{'id':'c','function':'count','delay':0.05},"
                       "{'id':'l','process':'collect','args':[{'$task':'c'},{'$task':'c'}]},"
                       "{'id':'r','process':'collect','args':[[{'$task':'c'}]]},"
                       "{'id':'t','process':'collect','args':[{'$task':'l'},{'$task':'r'},"
                       "{'$task':'c'}]}]"),
                  201);
    expect_result(server, "t", "[[1,1],[[1]],1]");
    assert_string_equal(folder_read(s, "scratch/runs"), "run");
}

/* 5.1: a finished task may be referred to: its stored result is used. */
SCENARIO(finished_dependency)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'echo','args':[[1]]}");
    double version = json_number(finished(server, "d"), "version");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'d'},{'$task':'d'}]}");
    expect_result(server, "m", "[[1],[1]]");
    expect_number(task(server, "d"), "version", version);
}

/* 5.1: others that refer to a finished task do not end the wait of those that did so before. */
SCENARIO(finished_dependency_of_many)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'old','function':'echo','args':['O']}");
    finished(server, "old");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'old'},"
                   "{'$task':{'id':'h','function':'hold'}},{'$task':'old'}]}");
    await_progress(server, "h", 1);
    for (int i = 0; i < 4; i++) {
        create(server, "{'id':'o%d','process':'collect','args':[{'$task':'old'},{'$task':'old'}]}",
               i);
        expect_result(server, text(s, "o%d", i), "['O','O']");
        expect_state(server, "m", "waiting");
    }
    release(s, "h", "7");
    expect_result(server, "m", "['O',7,'O']");
}

/* 5.1: whenever a dependency that is referred to by id ends, before, during or after the create. */
SCENARIO(dependencies_that_end_meanwhile)
{
    enum { CLIENTS = 6, TURNS = 80 };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'old','function':'echo','args':['O']}");
    struct http *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = server_connect(server);
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < CLIENTS; i++) {
            const char *bodies[] = {
                json(s, "{'id':'d%d-%d','function':'echo','args':['D']}", i, turn),
                json(s,
                     "{'process':'collect','args':[{'$task':'old'},{'$task':'d%d-%d'},"
                     "{'$task':{'function':'echo','args':[1]}},{'$task':'d%d-%d'},"
                     "{'$task':{'function':'echo','args':[2]}},{'$task':'old'}]}",
                     i, turn, i, turn),
            };
            for (int j = 0; j < 2; j++) {
                size_t length;
                const struct request request = {.path = j ? "/v1/tasks?wait=19" : "/v1/tasks",
                                                .body = bodies[j]};
                const char *bytes = request_bytes(server, &request, &length);
                http_write(clients[i], bytes, length);
            }
        }
        for (int i = 0; i < CLIENTS; i++) {
            note(s, "turn %d, client %d", turn, i);
            struct reply *made = http_read(clients[i], false), *meta = http_read(clients[i], false);
            assert_true(made && meta);
            expect_status(made, 201);
            expect_json(meta, "result", "['O','D',1,'D',2,'O']");
        }
    }
}

/* 5.1: a failed one fails the meta-task at once; its process step never starts. */
SCENARIO(failed_dependency)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'fail','args':['no']}");
    finished(server, "d");
    struct reply *made =
        post(server, "/v1/tasks", "{'id':'m','process':'collect','args':[{'$task':'d'}]}");
    expect_status(made, 201);
    struct reply *reply = expect_failure(server, "m", "dependency-failed");
    expect_text(reply, "error.caused_by", "d");
    expect_number(reply, "attempt", 0);
    expect_null(reply, "started_at");
}

/* 5.1: so does one that was cancelled: the meta-task is then cancelled. */
SCENARIO(cancelled_dependency)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'echo','delay':3600}");
    cancel(server, "d", NULL);
    create(server, "{'id':'m','process':'collect','args':[{'$task':'d'}]}");
    expect_text(expect_outcome(server, "m", "cancelled"), "error.caused_by", "d");
}

/* 5.1: the first failure ends it, and dependencies that nobody else wants are cancelled; shared go
 * on. */
SCENARIO(failure_cancels_the_unwanted)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 3");
    create(server, "{'id':'mine','function':'hold'}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':{'id':'bad','function':'hold'}},"
                   "{'$task':{'id':'unwanted','function':'hold'}},{'$task':'mine'},"
                   "{'$task':{'id':'shared','function':'echo','delay':3600}},"
                   "{'$task':{'id':'later','function':'echo','delay':3600}}]}");
    create(server, "{'id':'other','process':'collect','args':[{'$task':'shared'}]}");
    await_progress(server, "bad", 1);
    await_progress(server, "unwanted", 1);
    await_progress(server, "mine", 1);
    release(s, "bad", "\377");
    expect_failure(server, "bad", "invalid-result");
    expect_text(expect_failure(server, "m", "dependency-failed"), "error.caused_by", "bad");
    expect_outcome(server, "unwanted", "cancelled");
    expect_outcome(server, "later", "cancelled");
    expect_state(server, "shared", "scheduled");
    expect_state(server, "other", "waiting");
    release(s, "mine", "1");
    expect_result(server, "mine", "1");
}

/* 5.1: at once: the meta-task does not wait for its other dependencies to die. */
SCENARIO(failure_is_at_once)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 2 --grace 60");
    create(server, "{'id':'m','process':'collect','args':["
                   "{'$task':{'id':'stubborn','function':'stubborn'}},"
                   "{'$task':{'id':'bad','function':'hold'}}]}");
    await_progress(server, "stubborn", 1);
    release(s, "bad", "\377");
    expect_failure(server, "m", "dependency-failed");
    struct reply *dying = expect_state(server, "stubborn", "running");
    expect_json(dying, "cancel_requested", "true");
    server_kill9(server);
}

/* 5.1: no dependencies at all: the process step runs with the literals. */
SCENARIO(no_dependencies)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':[1,{'a':[]}]}");
    expect_result(server, "m", "[1,{'a':[]}]");
    create(server, "{'id':'n','process':'cat'}");
    expect_json(get(server, "/v1/tasks/n/result?wait=20"), "args", "[]");
    expect_text(task(server, "n"), "kind", "meta");
    expect_json(task(server, "n"), "dependencies", "[]");
}

/* 3.1: in a background task $task means nothing: it is data. */
SCENARIO(reference_as_data)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[{'$task':'nope','x':[{'$task':7}]}]}");
    expect_result(server, "a", "{'$task':'nope','x':[{'$task':7}]}");
    expect_json(task(server, "a"), "dependencies", "[]");
    create(server,
           "{'id':'m','process':'collect','args':[{'$task':'a'},{'$task':{'function':'echo',"
           "'args':[{'$task':'nope'}]}}]}");
    expect_result(server, "m", "[{'$task':'nope','x':[{'$task':7}]},{'$task':'nope'}]");
}

/* 3.1: an inline task may be a meta-task too, level after level. */
SCENARIO(nested)
{
    struct server *server = server_start(s, "%s", "");
    create(server,
           "{'id':'m','process':'sum','args':[{'$task':{'process':'sum','args':["
           "{'$task':{'process':'sum','args':[{'$task':{'function':'echo','args':[1]}},2]}},"
           "{'$task':{'function':'echo','args':[4]}}]}},"
           "{'$task':{'process':'sum','args':[8,{'$task':{'function':'echo','args':[16]}}]}}]}");
    expect_result(server, "m", "31");
    assert_int_equal(count_tasks(server, "kind=meta"), 4);
    assert_int_equal(count_tasks(server, "kind=task"), 3);
}

/* 5.1: a long chain by id. */
SCENARIO(chain)
{
    enum { LINKS = 60 };
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'c0','function':'echo','args':[1],'delay':0.1}");
    for (int i = 1; i <= LINKS; i++)
        create(server, "{'id':'c%d','process':'sum','args':[1,{'$task':'c%d'}]}", i, i - 1);
    expect_result(server, text(s, "c%d", LINKS), text(s, "%d", LINKS + 1));
}

/* 5.1: a wide one. */
SCENARIO(fan)
{
    enum { WIDE = 500 };
    struct server *server = server_start(s, "--slots 2");
    const char *all = "", *want = "";
    for (int i = 0; i < WIDE; i++) {
        all = json(s, "%s%s{'$task':{'function':'echo','args':[%d]}}", all, i ? "," : "", i);
        want = text(s, "%s%s%d", want, i ? "," : "", i);
    }
    create(server, "{'id':'m','process':'collect','args':[%s]}", all);
    expect_result(server, "m", text(s, "[%s]", want));
}

/* 5.1: the process step fails like any task: under the meta-task's own id. */
SCENARIO(process_step_fails)
{
    struct server *server = server_start(s, "%s", "");
    create(server,
           "{'id':'m','process':'sum','args':[{'$task':{'function':'echo','args':['x']}}]}");
    struct reply *reply = expect_failure(server, "m", "function-error");
    expect_number(reply, "attempt", 1);
    create(server, "{'id':'r','process':'fail','max_attempts':2,'backoff':{'initial':0.01},"
                   "'args':[{'$task':{'id':'d','function':'echo','args':['no']}}]}");
    reply = expect_failure(server, "r", "function-error");
    expect_number(reply, "attempt", 2);
    expect_text(reply, "error.message", "no");
    expect_number(task(server, "d"), "attempt", 1);
}

/* 5.1: a dependency with attempts left has not failed yet. */
SCENARIO(retrying_dependency)
{
    function_file(s, "flaky.sh", "#!/bin/sh\n[ $ERRAND_ATTEMPT -ge 3 ] && echo $ERRAND_ATTEMPT\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':[{'$task':{'function':'flaky',"
                   "'max_attempts':3,'backoff':{'initial':0.01}}}]}");
    expect_result(server, "m", "[3]");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(results_take_their_place),
        RUN(order_of_finishing),
        RUN(start_together),
        RUN(one_id_in_two_places),
        RUN(finished_dependency),
        RUN(finished_dependency_of_many),
        RUN(dependencies_that_end_meanwhile),
        RUN(failed_dependency),
        RUN(cancelled_dependency),
        RUN(failure_cancels_the_unwanted),
        RUN(failure_is_at_once),
        RUN(no_dependencies),
        RUN(reference_as_data),
        RUN(nested),
        RUN(chain),
        RUN(fan),
        RUN(process_step_fails),
        RUN(retrying_dependency),
    };
    return RUN_SCENARIOS("meta", table);
}
