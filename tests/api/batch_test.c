/* Section 3.1: creating many at once, references by id, cycles. Section 4: Prefer: return=minimal.
 */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* 3.1 and 4: an array is created in order; the answer has the tasks in that order. */
SCENARIO(in_order)
{
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?type=task.created");
    struct reply *reply = post(server, "/v1/tasks",
                               "[{'id':'c','function':'echo','args':[3]},"
                               "{'id':'a','function':'echo','args':[1]},"
                               "{'function':'echo'},"
                               "{'id':'b','function':'echo','args':[2]}]");
    expect_status(reply, 201);
    assert_int_equal(json_count(reply, "tasks"), 4);
    expect_text(reply, "tasks.0.id", "c");
    expect_text(reply, "tasks.1.id", "a");
    expect_text(reply, "tasks.3.id", "b");
    expect_story(sse, "created c, created a");
    expect_event(sse, "task.created", json_text(reply, "tasks.2.id"));
    expect_story(sse, "created b");
    expect_result(server, "c", "3");
    expect_result(server, "b", "2");
}

/* 3.1: all or none: a fault in one, and none is stored; the pointer says which. */
SCENARIO(all_or_none)
{
    static const struct {
        const char *last, *pointer;
    } rows[] = {
        {"{'function':'nope'}", "/2/function"},
        {"{'function':'echo','priority':101}", "/2/priority"},
        {"{'function':'echo','colour':1}", "/2/colour"},
        {"7", "/2"},
        {"[]", "/2"},
        {"{'process':'collect','args':[{'$task':{'function':'nope'}}]}",
         "/2/args/0/$task/function"},
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].last);
        const char *last = requote(text(s, "%s", rows[i].last));
        struct reply *reply =
            post(server, "/v1/tasks",
                 "[{'id':'a','function':'echo'},{'id':'b','function':'echo'},%s]", last);
        expect_pointer(reply, rows[i].pointer);
    }
    assert_int_equal(count_tasks(server, ""), 0);
    struct sse *all = sse_open(server, "/v1/events?last_event_id=0");
    create(server, "{'id':'first','function':'echo'}");
    expect_story(all, "created first");
    expect_status(get(server, "/v1/tasks/a"), 404);
}

/* 3.1: an id twice in one batch, or one that is taken: 409, none is stored. */
SCENARIO(ids_clash)
{
    struct server *server = server_start(s, "%s", "");
    expect_problem(
        post(server, "/v1/tasks", "[{'id':'a','function':'echo'},{'id':'a','function':'echo'}]"),
        409, "duplicate-id");
    assert_int_equal(count_tasks(server, ""), 0);
    create(server, "{'id':'a','function':'echo'}");
    expect_problem(
        post(server, "/v1/tasks", "[{'id':'b','function':'echo'},{'id':'a','function':'echo'}]"),
        409, "duplicate-id");
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 3.1: tasks in a batch refer to each other by id, backwards and forwards. */
SCENARIO(refer_to_each_other)
{
    struct server *server = server_start(s, "%s", "");
    expect_status(post(server, "/v1/tasks",
                       "[{'id':'top','process':'collect','args':[{'$task':'mid'},{'$task':'x'}]},"
                       "{'id':'x','function':'echo','args':['X']},"
                       "{'id':'mid','process':'collect','args':[{'$task':'x'},{'$task':'y'}]},"
                       "{'id':'y','function':'echo','args':['Y']}]"),
                  201);
    expect_result(server, "top", "[['X','Y'],'X']");
}

/* 3.1: "in the same request": an inline task with an id can be referred to elsewhere in it. */
SCENARIO(refer_to_an_inline_task)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'x'},"
                   "{'$task':{'id':'x','function':'echo','args':[1]}},{'$task':'x'}]}");
    expect_result(server, "m", "[1,1,1]");
    assert_int_equal(count_tasks(server, ""), 2);
}

/* 3.1: a cycle or a self-reference is 422 cycle, and nothing is stored. */
SCENARIO(cycles)
{
    static const char *const bodies[] = {
        "{'id':'a','process':'collect','args':[{'$task':'a'}]}",
        "{'id':'a','process':'collect','args':[{'$task':{'process':'collect',"
        "'kwargs':{'k':{'$task':'a'}}}}]}",
        "[{'id':'a','process':'collect','args':[{'$task':'b'}]},"
        "{'id':'b','process':'collect','args':[{'$task':'a'}]}]",
        "[{'id':'z','function':'echo'},"
        "{'id':'a','process':'collect','args':[{'$task':'b'}]},"
        "{'id':'b','process':'collect','args':[{'$task':'z'},[{'deep':{'$task':'c'}}]]},"
        "{'id':'c','process':'collect','kwargs':{'x':{'$task':'a'}}}]",
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        note(s, "%s", bodies[i]);
        const char *body = requote(text(s, "%s", bodies[i]));
        expect_problem(call(server, .path = "/v1/tasks", .body = body), 422, "cycle");
    }
    assert_int_equal(count_tasks(server, ""), 0);
}

/* 3.1: an unknown id is 422 unknown-task with the place, and nothing is stored. */
SCENARIO(unknown_ids)
{
    static const struct {
        const char *body, *pointer;
    } rows[] = {
        {"{'process':'collect','args':[1,{'$task':'nope'}]}", "/args/1"},
        {"{'process':'collect','args':[{'$task':''}]}", "/args/0"},
        {"{'process':'collect','kwargs':{'k':[[{'$task':'nope'}]]}}", "/kwargs/k/0/0"},
        {"[{'id':'a','function':'echo'},{'process':'collect','args':[{'$task':'b'}]}]",
         "/1/args/0"},
    };
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].body);
        const char *body = requote(text(s, "%s", rows[i].body));
        struct reply *reply = call(server, .path = "/v1/tasks", .body = body);
        expect_problem(reply, 422, NULL);
        const char *pointer = json_text(reply, "errors.0.pointer");
        assert_int_equal(strncmp(pointer, rows[i].pointer, strlen(rows[i].pointer)), 0);
    }
    expect_problem(post(server, "/v1/tasks", "{'process':'collect','args':[{'$task':'nope'}]}"),
                   422, "unknown-task");
    assert_int_equal(count_tasks(server, ""), 0);
}

/* 4.10: an empty batch is 422; so is one with `wait`. */
SCENARIO(batches_that_are_none)
{
    struct server *server = server_start(s, "%s", "");
    expect_problem(post(server, "/v1/tasks", "[]"), 422, "invalid-request");
    expect_problem(post(server, "/v1/tasks?wait=1", "[{'function':'echo'}]"), 422,
                   "invalid-request");
    struct reply *preferred = call(server, .path = "/v1/tasks", .headers = "Prefer: wait=1\r\n",
                                   .body = "[{\"function\":\"echo\"}]");
    expect_problem(preferred, 422, "invalid-request");
    assert_int_equal(count_tasks(server, ""), 0);
}

static char *batch_of(struct scenario *s, int count)
{
    static const char one[] = "{\"function\":\"echo\"}";
    size_t each = sizeof one; /* with the comma */
    char *out = keep(s, each * (size_t)count + 2);
    for (int i = 0; i < count; i++) {
        out[(size_t)i * each] = i ? ',' : '[';
        memcpy(out + (size_t)i * each + 1, one, sizeof one - 1);
    }
    out[each * (size_t)count] = ']';
    return out;
}

/* 3.1: at most 10,000. */
SCENARIO(largest_batch)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *over = call(server, .path = "/v1/tasks", .body = batch_of(s, 10001));
    expect_problem(over, 422, "invalid-request");
    assert_int_equal(count_tasks(server, ""), 0);
    struct reply *full = call(server, .path = "/v1/tasks", .body = batch_of(s, 10000),
                              .headers = "Prefer: return=minimal\r\n");
    expect_status(full, 201);
    assert_int_equal(json_count(full, "ids"), 10000);
    expect_outcome(server, json_text(full, "ids.9999"), "succeeded");
}

/* 4: Prefer: return=minimal: only {"id"}, or {"ids":[…]}. */
SCENARIO(minimal_answers)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *one = call(server, .path = "/v1/tasks", .headers = "Prefer: return=minimal\r\n",
                             .body = "{\"id\":\"a\",\"function\":\"echo\"}");
    expect_status(one, 201);
    expect_json(one, "", "{'id':'a'}");
    assert_non_null(strstr(header(one, "Location"), "/v1/tasks/a"));
    struct reply *two =
        call(server, .path = "/v1/tasks", .headers = "Prefer: return=minimal\r\n",
             .body = "[{\"id\":\"c\",\"function\":\"echo\"},{\"id\":\"b\",\"function\":\"echo\"}]");
    expect_status(two, 201);
    expect_json(two, "", "{'ids':['c','b']}");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(in_order),
        RUN(all_or_none),
        RUN(ids_clash),
        RUN(refer_to_each_other),
        RUN(refer_to_an_inline_task),
        RUN(cycles),
        RUN(unknown_ids),
        RUN(batches_that_are_none),
        RUN(largest_batch),
        RUN(minimal_answers),
    };
    return RUN_SCENARIOS("batch", table);
}
