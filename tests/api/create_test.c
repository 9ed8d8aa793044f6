/* Section 3.1: the fields of a task: what is taken, and what is 422 with a pointer to the place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

struct row {
    const char *body, *pointer; /* pointer NULL: any */
};

static void check_refused(struct server *server, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        note(server->scenario, "%s -> %s", rows[i].body, rows[i].pointer ? rows[i].pointer : "422");
        const char *body = requote(text(server->scenario, "%s", rows[i].body));
        struct reply *reply = call(server, .path = "/v1/tasks", .body = body);
        if (rows[i].pointer)
            expect_pointer(reply, rows[i].pointer);
        expect_problem(reply, 422, "invalid-request");
    }
    assert_int_equal(count_tasks(server, ""), 0);
}
#define CHECK_REFUSED(server, rows) check_refused(server, rows, sizeof rows / sizeof *rows)

/* 3.1: wrong types. */
SCENARIO(wrong_types)
{
    static const struct row rows[] = {
        {"{'function':1}", "/function"},
        {"{'function':['echo']}", "/function"},
        {"{'process':{}}", "/process"},
        {"{'function':'echo','args':{}}", "/args"},
        {"{'function':'echo','args':'a'}", "/args"},
        {"{'function':'echo','kwargs':[]}", "/kwargs"},
        {"{'function':'echo','kwargs':1}", "/kwargs"},
        {"{'function':'echo','id':5}", "/id"},
        {"{'function':'echo','notify_channels':'a'}", "/notify_channels"},
        {"{'function':'echo','notify_channels':{}}", "/notify_channels"},
        {"{'function':'echo','notify_channels':['a',1]}", "/notify_channels/1"},
        {"{'function':'echo','notify_channels':[null]}", "/notify_channels/0"},
        {"{'function':'echo','priority':'1'}", "/priority"},
        {"{'function':'echo','priority':1.5}", "/priority"},
        {"{'function':'echo','priority':true}", "/priority"},
        {"{'function':'echo','run_at':12345}", "/run_at"},
        {"{'function':'echo','run_at':'tomorrow'}", "/run_at"},
        {"{'function':'echo','run_at':'2030-13-01T00:00:00Z'}", "/run_at"},
        {"{'function':'echo','run_at':'2030-02-30T00:00:00Z'}", "/run_at"},
        {"{'function':'echo','run_at':'2030-01-01'}", "/run_at"},
        {"{'function':'echo','run_at':'2030-01-01T00:00:00'}", "/run_at"},
        {"{'function':'echo','run_at':'2030-01-01T00:00:00Zjunk'}", "/run_at"},
        {"{'function':'echo','delay':'1'}", "/delay"},
        {"{'function':'echo','delay':[]}", "/delay"},
        {"{'function':'echo','timeout':'1'}", "/timeout"},
        {"{'function':'echo','max_attempts':'2'}", "/max_attempts"},
        {"{'function':'echo','max_attempts':1.5}", "/max_attempts"},
        {"{'function':'echo','backoff':1}", "/backoff"},
        {"{'function':'echo','backoff':{'initial':'1'}}", "/backoff/initial"},
        {"{'function':'echo','backoff':{'factor':true}}", "/backoff/factor"},
        {"{'function':'echo','backoff':{'max':[]}}", "/backoff/max"},
        {"{'function':'echo','metadata':[]}", "/metadata"},
        {"{'function':'echo','metadata':'x'}", "/metadata"},
        {"{'process':'collect','wait_for':1}", "/wait_for"},
        {"{'process':'collect','wait_for':'most'}", "/wait_for"},
        {"{'process':'collect','process_as_task':'yes'}", "/process_as_task"},
        {"{'process':'collect','process_as_task':1}", "/process_as_task"},
    };
    CHECK_REFUSED(server_start(s, "%s", ""), rows);
}

/* 3.1: values out of bounds. */
SCENARIO(out_of_bounds)
{
    static const struct row rows[] = {
        {"{'function':'echo','id':''}", "/id"},
        {"{'function':'echo','id':'a b'}", "/id"},
        {"{'function':'echo','id':'a/b'}", "/id"},
        {"{'function':'echo','id':'a.b'}", "/id"},
        {"{'function':'echo','id':'\303\251'}", "/id"},
        {"{'function':'echo','id':'a\\u0000'}", "/id"},
        {"{'function':'echo','id':'cancel'}", "/id"},
        {"{'function':'echo','notify_channels':['']}", "/notify_channels/0"},
        {"{'function':'echo','notify_channels':['a','b','']}", "/notify_channels/2"},
        {"{'function':'echo','priority':101}", "/priority"},
        {"{'function':'echo','priority':-101}", "/priority"},
        {"{'function':'echo','priority':1e99}", "/priority"},
        {"{'function':'echo','priority':99999999999999999999}", "/priority"},
        {"{'function':'echo','delay':-1}", "/delay"},
        {"{'function':'echo','delay':1e400}", "/delay"},
        {"{'function':'echo','timeout':-1}", "/timeout"},
        {"{'function':'echo','max_attempts':0}", "/max_attempts"},
        {"{'function':'echo','max_attempts':101}", "/max_attempts"},
        {"{'function':'echo','max_attempts':-1}", "/max_attempts"},
        {"{'function':'echo','backoff':{'initial':-1}}", "/backoff/initial"},
    };
    struct server *server = server_start(s, "%s", "");
    CHECK_REFUSED(server, rows);
    struct reply *reply = post(server, "/v1/tasks", "{'function':'echo','id':'%065d'}", 0);
    expect_pointer(reply, "/id");
    reply = post(server, "/v1/tasks", "{'function':'echo','notify_channels':['%0129d']}", 0);
    expect_pointer(reply, "/notify_channels/0");
    reply = post(server, "/v1/tasks", "{'function':'echo','metadata':{'m':'%016384d'}}", 0);
    expect_pointer(reply, "/metadata");
}

/* 3.1: unknown fields, also where the API has objects of its own; the pointer is escaped (RFC
 * 6901). */
SCENARIO(unknown_fields)
{
    static const struct row rows[] = {
        {"{'function':'echo','colour':'red'}", "/colour"},
        {"{'function':'echo','Args':[]}", "/Args"},
        {"{'function':'echo','a/b~c':1}", "/a~1b~0c"},
        {"{'function':'echo','':1}", "/"},
        {"{'function':'echo','colour':null}", "/colour"},
        {"{'function':'echo','state':'queued'}", "/state"},
        {"{'function':'echo','backoff':{'jitter':1}}", "/backoff/jitter"},
        {"{'process':'collect','args':[1,{'$task':{'function':'echo','colour':1}}]}",
         "/args/1/$task/colour"},
        {"{'process':'collect','kwargs':{'a/b':[{'$task':{'function':'echo','priority':'x'}}]}}",
         "/kwargs/a~1b/0/$task/priority"},
        {"{'process':'collect','args':[{'$task':{'process':'collect','args':"
         "[{'$task':{'function':'echo','id':7}}]}}]}",
         "/args/0/$task/args/0/$task/id"},
    };
    CHECK_REFUSED(server_start(s, "%s", ""), rows);
}

/* 3.1: exactly one of `function` and `process`; the body is an object. */
SCENARIO(wrong_shapes)
{
    static const struct row rows[] = {
        {"{}", NULL},
        {"{'args':[]}", NULL},
        {"{'function':'echo','process':'collect'}", NULL},
        {"{'process':'collect','args':[{'$task':{}}]}", NULL},
        {"null", NULL},
        {"1", NULL},
        {"'echo'", NULL},
        {"true", NULL},
        {"[1]", "/0"},
        {"[{'function':'echo'},null]", "/1"},
    };
    CHECK_REFUSED(server_start(s, "%s", ""), rows);
}

/* 3.1: an object with $task has no other member than "optional": true, and holds a task or an id.
 */
SCENARIO(wrong_references)
{
    static const char *const bodies[] = {
        "{'process':'collect','args':[{'$task':1}]}",
        "{'process':'collect','args':[{'$task':null}]}",
        "{'process':'collect','args':[{'$task':[]}]}",
        "{'process':'collect','args':[{'$task':true}]}",
        "{'process':'collect','args':[{'$task':{'function':'echo'},'other':1}]}",
        "{'process':'collect','args':[{'other':1,'$task':{'function':'echo'}}]}",
        "{'process':'collect','args':[{'$task':{'function':'echo'},'optional':false}]}",
        "{'process':'collect','args':[{'$task':{'function':'echo'},'optional':'yes'}]}",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        note(s, "%s", bodies[i]);
        const char *body = requote(text(s, "%s", bodies[i]));
        struct reply *reply = call(server, .path = "/v1/tasks", .body = body);
        expect_problem(reply, 422, NULL);
        assert_int_equal(strncmp(json_text(reply, "errors.0.pointer"), "/args/0", 7), 0);
    }
    assert_int_equal(count_tasks(server, ""), 0);
}

/* 3.1: an unknown function is 422 unknown-function with the place. */
SCENARIO(unknown_functions)
{
    static const struct row rows[] = {
        {"{'function':'nope'}", "/function"},
        {"{'function':''}", "/function"},
        {"{'function':'ECHO'}", "/function"},
        {"{'function':'echo\\u0000'}", "/function"},
        {"{'process':'nope'}", "/process"},
        {"{'process':'collect','kwargs':{'k':{'$task':{'function':'nope'}}}}",
         "/kwargs/k/$task/function"},
        {"[{'function':'echo'},{'function':'nope'}]", "/1/function"},
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].body);
        const char *body = requote(text(s, "%s", rows[i].body));
        struct reply *reply = call(server, .path = "/v1/tasks", .body = body);
        expect_problem(reply, 422, "unknown-function");
        expect_pointer(reply, rows[i].pointer);
    }
    assert_int_equal(count_tasks(server, ""), 0);
}

/* 3.1: bounds are taken in. */
SCENARIO(at_the_bounds)
{
    struct server *server = server_start(s, "%s", "");
    const char *id = text(s, "%064d", 7);
    assert_string_equal(create(server, "{'function':'echo','id':'%s'}", id), id);
    create(server, "{'function':'echo','id':'AZaz09_-'}");
    create(server, "{'function':'echo','priority':100}");
    create(server, "{'function':'echo','priority':-100}");
    create(server, "{'function':'echo','max_attempts':100}");
    create(server, "{'function':'echo','notify_channels':['%0128d','a b\\n']}", 0);
    create(server, "{'function':'echo','delay':0}");
    create(server, "{'function':'echo','delay':0.001}");
    create(server, "{'function':'echo','run_at':'2001-02-03T04:05:06Z'}");
    create(server, "{'function':'echo','run_at':'2001-02-03T04:05:06.789+05:30'}");
    create(server, "{'function':'echo','timeout':0.5}");
    create(server, "{'function':'echo','backoff':{}}");
    create(server, "{'function':'echo','backoff':{'initial':0.5,'factor':1,'max':1}}");
    create(server, "{'function':'echo','metadata':{'m':'%016000d'}}", 0);
    create(server, "{'process':'collect','process_as_task':false}");
    create(server, "{'process':'collect','wait_for':'all'}");
}

static char *many(struct scenario *s, const char *what, int count)
{
    size_t length = strlen(what) + 1;
    char *out = keep(s, length * (size_t)count + 1);
    for (int i = 0; i < count; i++)
        memcpy(out + (size_t)i * length, text(s, "%s%s", what, i + 1 < count ? "," : " "), length);
    return out;
}

/* 3.1: at most 32 channels of 128 characters (not bytes); a name given twice counts once. */
SCENARIO(channels)
{
    struct server *server = server_start(s, "%s", "");
    const char *list = "'c0'";
    for (int i = 1; i < 32; i++)
        list = text(s, "%s,'c%d'", list, i);
    list = requote(text(s, "%s", list));
    create(server, "{'id':'full','function':'echo','notify_channels':[%s]}", list);
    assert_int_equal(json_count(task(server, "full"), "notify_channels"), 32);
    struct reply *over =
        post(server, "/v1/tasks", "{'function':'echo','notify_channels':[%s,'c32']}", list);
    expect_problem(over, 422, "invalid-request");
    assert_non_null(strstr(json_text(over, "errors.0.pointer"), "/notify_channels"));
    create(server, "{'id':'twice','function':'echo','notify_channels':['b','a','b','a']}");
    expect_json(task(server, "twice"), "notify_channels", "['b','a']");
    create(server, "{'function':'echo','notify_channels':[%s,'c0','c31']}", list);
    char *wide = keep(s, 257);
    for (int i = 0; i < 128; i++)
        memcpy(wide + i * 2, "\303\251", 2);
    create(server, "{'function':'echo','notify_channels':['%s']}", wide);
    struct reply *wider =
        post(server, "/v1/tasks", "{'function':'echo','notify_channels':['%se']}", wide);
    expect_pointer(wider, "/notify_channels/0");
}

/* 3.1: `null` counts as absent, for every optional field. */
SCENARIO(null_is_absent)
{
    struct server *server = server_start(s, "%s", "");
    const char *id = create(
        server, "{'function':'echo','args':null,'kwargs':null,'id':null,'notify_channels':null,"
                "'priority':null,'run_at':null,'delay':null,'timeout':null,'max_attempts':null,"
                "'backoff':null,'metadata':null,'wait_for':null,'process_as_task':null,"
                "'cache_key':null,'cache_ttl':null,'force':null,'result_access':null,"
                "'forever':null,'guard':null}");
    struct reply *reply = task(server, id);
    expect_json(reply, "args", "[]");
    expect_json(reply, "kwargs", "{}");
    expect_json(reply, "notify_channels", "[]");
    expect_number(reply, "priority", 0);
    expect_number(reply, "max_attempts", 1);
    expect_text(reply, "kind", "task");
}

/* 3.1: and for what is inside of them; but a member is given once, null or not. */
SCENARIO(null_inside_is_absent)
{
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'echo','backoff':{'initial':null,'factor':null,"
                                    "'max':null}}");
    expect_outcome(server, id, "succeeded");
    id = create(server, "{'process':'collect','args':[{'$task':{'function':'echo','args':[1],"
                        "'backoff':{'max':null}},'optional':null}]}");
    expect_result(server, id, "[1]");
    id = create(server, "{'process':'collect','args':[{'optional':null,"
                        "'$task':{'function':'fail','args':['no']}}]}");
    expect_failure(server, id, "dependency-failed");
    expect_pointer(post(server, "/v1/tasks", "{'function':'echo','backoff':{'max':null,'max':1}}"),
                   "/backoff/max");
    expect_pointer(post(server, "/v1/tasks",
                        "{'process':'collect','args':[{'optional':null,'$task':'%s',"
                        "'optional':true}]}",
                        id),
                   "/args/0");
}

/* 3.1: the manifest's timeout may be lowered, not raised. */
SCENARIO(timeout_of_the_manifest)
{
    function_file(s, "quick.sh", "#!/bin/sh\necho 1\n");
    function_manifest(s, "quick.json", "{'timeout':10,'max_attempts':4}");
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'quick'}");
    expect_number(task(server, id), "max_attempts", 4);
    create(server, "{'function':'quick','timeout':9.5}");
    create(server, "{'function':'quick','timeout':10}");
    id = create(server, "{'function':'quick','max_attempts':9}");
    expect_number(task(server, id), "max_attempts", 9);
    expect_pointer(post(server, "/v1/tasks", "{'function':'quick','timeout':10.5}"), "/timeout");
}

/* 3.1: an id that is taken is 409 duplicate-id, and the first task stays as it is. */
SCENARIO(duplicate_id)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[1]}");
    expect_result(server, "a", "1");
    expect_problem(post(server, "/v1/tasks", "{'id':'a','function':'echo','args':[2]}"), 409,
                   "duplicate-id");
    expect_problem(post(server, "/v1/tasks",
                        "{'process':'collect','args':"
                        "[{'$task':{'id':'a','function':'echo'}}]}"),
                   409, "duplicate-id");
    assert_int_equal(count_tasks(server, ""), 1);
    expect_result(server, "a", "1");
}

/* 4.10: a request has at most 10,000 $tasks. */
SCENARIO(too_many_dependencies)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo'}");
    const char *references = many(s, "{\"$task\":\"a\"}", 10001);
    expect_problem(post(server, "/v1/tasks", "{'process':'collect','args':[%s]}", references), 422,
                   "invalid-request");
    assert_int_equal(count_tasks(server, ""), 1);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(wrong_types),
        RUN(out_of_bounds),
        RUN(unknown_fields),
        RUN(wrong_shapes),
        RUN(wrong_references),
        RUN(unknown_functions),
        RUN(at_the_bounds),
        RUN(channels),
        RUN(null_is_absent),
        RUN(null_inside_is_absent),
        RUN(timeout_of_the_manifest),
        RUN(duplicate_id),
        RUN(too_many_dependencies),
    };
    return RUN_SCENARIOS("create", table);
}
