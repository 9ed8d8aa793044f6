/* Section 5.1: what goes into arguments, what stays and what goes with a meta-task, big graphs. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* 3.3: each dependency with the place of its $task, as a JSON Pointer. */
SCENARIO(places_of_dependencies)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':[0,{'a/b~c':["
                   "{'$task':{'id':'x','function':'echo','delay':3600}}]}],"
                   "'kwargs':{'':{'$task':{'id':'y','function':'echo','delay':3600}}}}");
    struct reply *reply = task(server, "m");
    assert_int_equal(json_count(reply, "dependencies"), 2);
    expect_json(reply, "dependencies",
                "[{'id':'x','state':'scheduled','at':'/args/1/a~1b~0c/0'},"
                "{'id':'y','state':'scheduled','at':'/kwargs/'}]");
}

/* 2.2: results keep their digits, code points and order on their way into arguments. */
SCENARIO(fidelity)
{
    static const char value[] =
        "{\"n\":[12345678901234567890,0.10,1E400,-0,1e-7],\"s\":\"a\\u0000b\\ud83d\\ude00\\ud800\","
        "\"b\":1,\"a\":2,\"b\":3}";
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    /* A tree of C strings has no place for such a value, so the answers are read as text. */
    expect_status(post(server, "/v1/tasks", "{'id':'d','function':'echo','args':[%s]}", value),
                  201);
    create(server, "{'id':'c','process':'collect','args':[{'$task':'d'}],'kwargs':{}}");
    create(server,
           "{'id':'m','process':'cat','args':[{'$task':'c'}],'kwargs':{'k':{'$task':'d'}}}");
    struct reply *reply = get(server, "/v1/tasks/m/result?wait=19");
    expect_status(reply, 200);
    expect_exact(reply, "args", text(s, "[[%s]]", value));
    expect_exact(reply, "kwargs", text(s, "{\"k\":%s}", value));
}

/* --- who else wants it ------------------------------------------------------------ */

/* 5.1: what only the unwanted wanted is unwanted too, level after level. */
SCENARIO(unwanted_subtrees)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 3");
    create(server, "{'id':'kept','function':'echo','delay':3600}");
    create(server,
           "{'id':'top','process':'collect','args':[{'$task':{'id':'bad','function':'hold'}},"
           "{'$task':{'id':'m1','process':'collect','args':[{'$task':'kept'},"
           "{'$task':{'id':'m2','process':'collect','args':["
           "{'$task':{'id':'runs','function':'hold'}},"
           "{'$task':{'id':'later','function':'echo','delay':3600}}]}}]}}]}");
    await_progress(server, "bad", 1);
    await_progress(server, "runs", 1);
    release(s, "bad", "\377");
    expect_failure(server, "top", "dependency-failed");
    const char *unwanted[] = {"m1", "m2", "runs", "later"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s", unwanted[i]);
        expect_outcome(server, unwanted[i], "cancelled");
    }
    expect_state(server, "kept", "scheduled");
}

/* 5.1: retention never takes what a live task needs. */
SCENARIO(pinned)
{
    functions_standard(s);
    struct server *server = server_start(s, "--retain 1s");
    create(server, "{'id':'d','function':'echo','args':[7]}");
    finished(server, "d");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'d'},"
                   "{'$task':{'id':'gate','function':'hold'}}]}");
    create(server, "{'id':'younger','function':'echo'}");
    finished(server, "younger");
    eventually(get(server, "/v1/tasks/younger")->status == 404);
    expect_state(server, "d", "succeeded");
    release(s, "gate", "1");
    expect_result(server, "m", "[7,1]");
    eventually(get(server, "/v1/tasks/d")->status == 404);
}

/* --- graphs ------------------------------------------------------------------------- */

/* 5.1: a waiting task holds no slot: one is enough for any graph, with processes at all levels. */
SCENARIO(one_slot_for_three_levels)
{
    function_file(s, "add.sh",
                  "#!/bin/sh\n"
                  "echo x >>../scratch/runs\n"
                  "echo $(($(sed 's/.*\"args\": *\\[\\([0-9, ]*\\)\\].*/\\1/; s/,/+/g')))\n");
    struct server *server = server_start(s, "--slots 1");
    static const char *const queues[] = {"false", "true"};
    for (int i = 0; i < 2; i++) {
        note(s, "process_as_task %s", queues[i]);
        folder_write(s, "scratch/runs", "");
        const char *leaf = json(s, "{'$task':{'function':'add','args':[5]}}");
        const char *middle =
            json(s, "{'$task':{'process':'add','process_as_task':%s,'args':[%s,%s,1,%s]}}",
                 queues[i], leaf, leaf, leaf);
        const char *id = create(server, "{'process':'add','process_as_task':%s,'args':[%s,%s,%s]}",
                                queues[i], middle, middle, middle);
        expect_result(server, id, "48");
        assert_int_equal(strlen(folder_read(s, "scratch/runs")), 2 * (9 + 3 + 1) - 1);
    }
}

/* 5.1: a chain by id in one request, each task before the one that it needs. */
SCENARIO(chain_in_one_request)
{
    enum { LINKS = 300 };
    struct server *server = server_start(s, "--slots 1");
    const char *batch = "";
    for (int i = LINKS; i > 0; i--)
        batch =
            json(s, "%s{'id':'c%d','process':'sum','args':[1,{'$task':'c%d'}]},", batch, i, i - 1);
    expect_status(post(server, "/v1/tasks", "[%s{'id':'c0','function':'echo','args':[1]}]", batch),
                  201);
    expect_result(server, text(s, "c%d", LINKS), text(s, "%d", LINKS + 1));
}

/* 5.1: a failure at the end of a chain ends all of it, and its cause is where it began. */
SCENARIO(chain_of_failures)
{
    enum { LINKS = 300 };
    struct server *server = server_start(s, "--slots 1");
    const char *batch = "";
    for (int i = LINKS; i > 0; i--)
        batch =
            json(s, "%s{'id':'c%d','process':'sum','args':[1,{'$task':'c%d'}]},", batch, i, i - 1);
    expect_status(
        post(server, "/v1/tasks", "[%s{'id':'c0','function':'fail','args':['no']}]", batch), 201);
    expect_text(expect_failure(server, text(s, "c%d", LINKS), "dependency-failed"),
                "error.caused_by", "c0");
    assert_int_equal(count_tasks(server, "state=failed"), LINKS + 1);
}

/* 5.1: inline tasks as deep as 128 levels of JSON allow. */
SCENARIO(deep)
{
    enum { DEEP = 40 };
    struct server *server = server_start(s, "--slots 1");
    const char *tree = "1";
    for (int i = 0; i < DEEP; i++)
        tree = json(s, "{'$task':{'process':'sum','args':[1,%s]}}", tree);
    create(server, "{'id':'m','process':'sum','args':[%s]}", tree);
    expect_result(server, "m", text(s, "%d", DEEP + 1));
    assert_int_equal(count_tasks(server, "kind=meta"), DEEP + 1);
}

/* 5.1: 200 dependencies, of each kind, some of which fail. */
SCENARIO(two_hundred)
{
    enum { WIDE = 200 };
    functions_standard(s);
    struct server *server = server_start(s, "--slots 2");
    const char *batch = "", *places = "", *want = "";
    for (int i = 0; i < WIDE; i++) {
        const char *comma = i ? "," : "";
        batch = json(s, "%s{'id':'d%d','function':'%s','args':['%d']},", batch, i,
                     i % 3 == 0 ? "fail" : "echo", i);
        places = json(s, "%s%s{'$task':'d%d'}", places, comma, WIDE - 1 - i);
        int at = WIDE - 1 - i;
        want = at % 3 == 0 ? text(s,
                                  "%s%s{'$error':{'id':'d%d','code':'function-error','message':"
                                  "'%d'}}",
                                  want, comma, at, at)
                           : text(s, "%s%s'%d'", want, comma, at);
    }
    expect_status(post(server, "/v1/tasks",
                       "[%s{'id':'m','process':'collect','wait_for':'all_settled','args':[%s]}]",
                       batch, places),
                  201);
    expect_result(server, "m", text(s, "[%s]", want));
    create(server, "{'id':'n','process':'collect','args':[%s]}", places);
    expect_failure(server, "n", "dependency-failed");
}

/* 5.1: one dependency that 200 meta-tasks wait for. */
SCENARIO(wanted_by_two_hundred)
{
    enum { WIDE = 200 };
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'d','function':'hold'}");
    const char *batch = "", *places = "", *want = "";
    for (int i = 0; i < WIDE; i++) {
        const char *comma = i ? "," : "";
        batch = json(s, "%s{'id':'m%d','process':'sum','args':[{'$task':'d'},%d]},", batch, i, i);
        places = json(s, "%s%s{'$task':'m%d'}", places, comma, i);
        want = text(s, "%s%s%d", want, comma, 7 + i);
    }
    expect_status(
        post(server, "/v1/tasks", "[%s{'id':'t','process':'collect','args':[%s]}]", batch, places),
        201);
    release(s, "d", "7");
    expect_result(server, "t", text(s, "[%s]", want));
    expect_number(task(server, "d"), "attempt", 1);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(places_of_dependencies),
        RUN(fidelity),
        RUN(unwanted_subtrees),
        RUN(pinned),
        RUN(one_slot_for_three_levels),
        RUN(chain_in_one_request),
        RUN(chain_of_failures),
        RUN(deep),
        RUN(two_hundred),
        RUN(wanted_by_two_hundred),
    };
    return RUN_SCENARIOS("dependencies", table);
}
