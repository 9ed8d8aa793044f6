/* Section 4: Idempotency-Key on POST /v1/tasks. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

static const char *key_header(struct scenario *s, const char *key)
{
    return text(s, "Idempotency-Key: %s\r\n", key);
}

static struct reply *post_keyed(struct server *server, const char *key, const char *body)
{
    struct scenario *s = server->scenario;
    return call(server, .path = "/v1/tasks", .headers = key_header(s, key),
                .body = requote(text(s, "%s", body)));
}

/* It is the stored answer, byte for byte. */
static void expect_replay(const struct reply *again, const struct reply *first)
{
    expect_status(again, first->status);
    expect_header(again, "Idempotency-Replayed", "true");
    assert_string_equal(again->body.text, first->body.text);
    if (header(first, "Location"))
        expect_header(again, "Location", header(first, "Location"));
    if (header(first, "Content-Type"))
        expect_header(again, "Content-Type", header(first, "Content-Type"));
}

/* 4: the same key and body: the first answer again, though the task has long changed. */
SCENARIO(replay)
{
    static const char body[] = "{'function':'work','args':[1],'delay':0.1,'notify_channels':['x']}";
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    struct reply *first = post_keyed(server, "k", body);
    expect_status(first, 201);
    assert_null(header(first, "Idempotency-Replayed"));
    const char *id = json_text(first, "id");
    assert_non_null(strstr(header(first, "Location"), id));
    expect_replay(post_keyed(server, "k", body), first);
    expect_outcome(server, id, "succeeded");
    for (int i = 0; i < 3; i++)
        expect_replay(post_keyed(server, "k", body), first);
    expect_text(first, "state", "scheduled");
    assert_int_equal(count_tasks(server, ""), 1);
    assert_int_equal(count_runs(s, NULL), 1);
    assert_string_equal(story_of(server, "x"),
                        text(s, "created %s, started %s, succeeded %s", id, id, id));
}

/* 4: another body, be it by a blank: 422; and the first answer is still there. */
SCENARIO(another_body)
{
    static const char body[] = "{'function':'echo','args':[1]}";
    static const char *const others[] = {
        "{'function':'echo','args':[2]}",   "{'function':'echo','args':[1] }",
        "{'args':[1],'function':'echo'}",   "[{'function':'echo','args':[1]}]",
        "{'function':'echo','args':[1]}\n",
    };
    struct server *server = server_start(s, "%s", "");
    struct reply *first = post_keyed(server, "k", body);
    expect_status(first, 201);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        note(s, "%s", others[i]);
        expect_problem(post_keyed(server, "k", others[i]), 422, "idempotency-mismatch");
    }
    expect_replay(post_keyed(server, "k", body), first);
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 4: another key, or none, is another task; keys differ by the case of a letter. */
SCENARIO(another_key)
{
    static const char body[] = "{'function':'echo'}";
    static const char *const keys[] = {"k", "K", "k2", "\"k\"", "k k"};
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 5; i++) {
        note(s, "%s", keys[i]);
        struct reply *reply = post_keyed(server, keys[i], body);
        expect_status(reply, 201);
        assert_null(header(reply, "Idempotency-Replayed"));
    }
    create(server, "{'function':'echo'}");
    create(server, "{'function':'echo'}");
    assert_int_equal(count_tasks(server, ""), 7);
}

/* 4: twenty with one key at the same moment make one task, and have the same answer. */
SCENARIO(twenty_at_once)
{
    enum { MANY = 20 };
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    struct request request = {.path = "/v1/tasks",
                              .headers = key_header(s, "k"),
                              .body = "{\"function\":\"work\",\"delay\":0.2}"};
    struct reply **replies = call_crowd(server, &request, MANY);
    int replayed = 0;
    for (int i = 0; i < MANY; i++) {
        note(s, "answer %d", i);
        expect_status(replies[i], 201);
        assert_string_equal(replies[i]->body.text, replies[0]->body.text);
        replayed += header(replies[i], "Idempotency-Replayed") != NULL;
    }
    assert_int_equal(replayed, MANY - 1);
    assert_int_equal(count_tasks(server, ""), 1);
    expect_outcome(server, json_text(replies[0], "id"), "succeeded");
    assert_int_equal(count_runs(s, NULL), 1);
}

/* 4: the key is stored in the transaction that makes the task: a crash parts them not. */
SCENARIO(after_a_crash)
{
    static const char body[] = "{'function':'echo','args':[1]}";
    struct server *server = server_start(s, "%s", "");
    struct reply *first = post_keyed(server, "k", body);
    expect_status(first, 201);
    for (int round = 0; round < 2; round++) {
        server_kill9(server);
        server = server_start(s, "%s", "");
        expect_replay(post_keyed(server, "k", body), first);
        expect_problem(post_keyed(server, "k", "{'function':'echo'}"), 422, "idempotency-mismatch");
    }
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 4: arrays, and answers that were asked to be short. */
SCENARIO(arrays)
{
    static const char body[] = "[{'function':'echo','args':[1]},"
                               "{'process':'collect','args':[{'$task':{'function':'echo'}}]}]";
    struct server *server = server_start(s, "%s", "");
    struct reply *first = post_keyed(server, "k", body);
    expect_status(first, 201);
    expect_outcome(server, json_text(first, "tasks.1.id"), "succeeded");
    expect_replay(post_keyed(server, "k", body), first);
    assert_int_equal(count_tasks(server, ""), 3);
    struct request minimal = {.path = "/v1/tasks",
                              .headers = "Prefer: return=minimal\r\nIdempotency-Key: m\r\n",
                              .body = requote(text(s, "%s", body))};
    first = server_call(server, &minimal, HERE);
    expect_status(first, 201);
    assert_int_equal(json_count(first, "ids"), 2);
    expect_replay(server_call(server, &minimal, HERE), first);
    assert_int_equal(count_tasks(server, ""), 6);
}

/* 4: with wait the same task is waited for again. */
SCENARIO(with_wait)
{
    functions_standard(s);
    functions_counted(s);
    struct server *server = server_start(s, "%s", "");
    struct request request = {.path = "/v1/tasks?wait=0.05",
                              .headers = key_header(s, "k"),
                              .body = "{\"id\":\"a\",\"function\":\"held\"}"};
    struct reply *first = server_call(server, &request, HERE);
    expect_status(first, 201);
    expect_absent(first, "result");
    request.path = "/v1/tasks?wait=19";
    struct http **waiting = send_crowd(server, &request, 3);
    await_progress(server, "a", 1);
    release(s, "a", "7");
    struct reply **replies = read_crowd(waiting, 3);
    for (int i = 0; i < 3; i++) {
        expect_status(replies[i], 201);
        expect_header(replies[i], "Idempotency-Replayed", "true");
        expect_text(replies[i], "id", "a");
        expect_text(replies[i], "state", "succeeded");
        expect_number(replies[i], "result", 7);
    }
    struct reply *late = server_call(server, &request, HERE);
    expect_header(late, "Idempotency-Replayed", "true");
    expect_number(late, "result", 7);
    assert_int_equal(count_runs(s, NULL), 1);
}

/* 4: what was refused is not kept: the same key may be used for what is right. */
SCENARIO(refusals_are_not_kept)
{
    static const char *const refused[] = {
        "{'function':'nope'}",
        "{'function':'echo','colour':1}",
        "{",
        "{'id':'taken','function':'echo'}",
        "{'process':'collect','args':[{'$task':'nobody'}]}",
    };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'taken','function':'echo'}");
    finished(server, "taken");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        note(s, "%s", refused[i]);
        for (int j = 0; j < 2; j++) {
            struct reply *reply = post_keyed(server, "k", refused[i]);
            assert_in_range(reply->status, 400, 499);
            assert_null(header(reply, "Idempotency-Replayed"));
            assert_null(strstr(reply->body.text, "idempotency-mismatch"));
        }
    }
    expect_status(call(server, .method = "DELETE", .path = "/v1/tasks/taken"), 204);
    struct reply *first = post_keyed(server, "k", refused[3]);
    expect_status(first, 201);
    assert_null(header(first, "Idempotency-Replayed"));
    expect_replay(post_keyed(server, "k", refused[3]), first);
}

/* 4.10: a key has 1 to 255 bytes. */
SCENARIO(keys)
{
    static const char body[] = "{'function':'echo'}";
    const char *a255 = text(s, "%0255d", 0);
    struct server *server = server_start(s, "%s", "");
    struct reply *first = post_keyed(server, a255, body);
    expect_status(first, 201);
    expect_replay(post_keyed(server, a255, body), first);
    struct reply *longer = post_keyed(server, text(s, "%s0", a255), body);
    expect_problem(longer, 422, "invalid-request");
    expect_parameter(longer, "Idempotency-Key");
    struct reply *empty = post_keyed(server, "", body);
    expect_problem(empty, 422, "invalid-request");
    expect_parameter(empty, "Idempotency-Key");
    assert_int_equal(count_tasks(server, ""), 1);
}

/* 4: the answer is kept by itself: the task may be gone. */
SCENARIO(deleted_task)
{
    static const char body[] = "{'id':'a','function':'echo'}";
    struct server *server = server_start(s, "%s", "");
    struct reply *first = post_keyed(server, "k", body);
    expect_outcome(server, "a", "succeeded");
    expect_status(call(server, .method = "DELETE", .path = "/v1/tasks/a"), 204);
    expect_replay(post_keyed(server, "k", body), first);
    expect_problem(get(server, "/v1/tasks/a"), 404, "not-found");
    assert_int_equal(count_tasks(server, ""), 0);
}

/* 4 and 1: the answer is kept for 24 hours; the task, and those after it, are not for that. */
SCENARIO(expired_task)
{
    static const char body[] = "{'id':'a','function':'echo'}";
    struct server *server = server_start(s, "--retain 0.5s");
    struct reply *first = post_keyed(server, "k", body);
    expect_status(first, 201);
    create(server, "{'id':'b','function':'echo'}");
    eventually(get(server, "/v1/tasks/b")->status == 404);
    eventually(get(server, "/v1/tasks/a")->status == 404);
    expect_replay(post_keyed(server, "k", body), first);
    assert_int_equal(count_tasks(server, ""), 0);
}

/* 4 and 5.4: a create that joined has joined once. */
SCENARIO(joins)
{
    static const char body[] = "{'function':'echo','cache_key':'c','delay':3600}";
    struct server *server = server_start(s, "%s", "");
    struct reply *made = post_keyed(server, "first", body);
    struct reply *joined = post_keyed(server, "second", body);
    expect_status(made, 201);
    expect_joined(joined, json_text(made, "id"));
    for (int i = 0; i < 2; i++) {
        expect_replay(post_keyed(server, "first", body), made);
        expect_replay(post_keyed(server, "second", body), joined);
    }
    expect_number(task(server, json_text(made, "id")), "subscribers", 2);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(replay),        RUN(another_body), RUN(another_key),  RUN(twenty_at_once),
        RUN(after_a_crash), RUN(arrays),       RUN(with_wait),    RUN(refusals_are_not_kept),
        RUN(keys),          RUN(deleted_task), RUN(expired_task), RUN(joins),
    };
    return RUN_SCENARIOS("idempotency", table);
}
