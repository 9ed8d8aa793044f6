/* Words of workers that are longer than what is kept of them: cut where a character ends, refused
 * with the place, or stored in parts. Here and elsewhere alike. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/kit.h"
#include "tests/api/lib/leases.h"

enum { MESSAGE_MAX = 1024 }; /* bytes of error.message */

/* n times the same. */
static char *many(struct scenario *s, const char *word, size_t count)
{
    size_t length = strlen(word);
    char *all = keep(s, count * length + 1);
    for (size_t i = 0; i < count; i++)
        memcpy(all + i * length, word, length);
    return all;
}

/* As much of x and then é as fits, or 1 byte less: é has two. */
static void expect_cut(struct reply *reply, bool odd)
{
    const char *message = json_text(reply, "error.message");
    assert_int_equal(strlen(message), odd ? MESSAGE_MAX - 1 : MESSAGE_MAX);
    assert_memory_equal(message, odd ? "x\xC3\xA9\xC3\xA9" : "\xC3\xA9\xC3\xA9", 4);
    assert_memory_equal(message + strlen(message) - 2, "\xC3\xA9", 2);
}

SCENARIO(messages)
{
    functions_remote(s, "far", "");
    functions_kit(s, "{'max':1}", "");
    struct server *server = server_start(s, "%s", "");
    const char *words = many(s, "\xC3\xA9", MESSAGE_MAX);
    for (int odd = 0; odd < 2; odd++) {
        note(s, "odd: %d", odd);
        const char *x = odd ? "x" : "";
        const char *warm =
            create(server, "{'function':'error','args':[{'code':1,'message':'%s%s'}]}", x, words);
        expect_cut(expect_failure(server, warm, "function-error"), odd);
        const char *far = create(server, "{'function':'far'}");
        expect_status(
            lease_error(server, lease_one(server, "far"), text(s, "{'message':'%s%s'}", x, words)),
            200);
        expect_cut(expect_failure(server, far, "function-error"), odd);
    }
}

SCENARIO(progress)
{
    functions_remote(s, "far", "");
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'far'}"), *token = lease_one(server, "far");
    expect_pointer(
        heartbeat(server, token, text(s, "{'progress':1,'message':'%s'}", many(s, "x", 65537))),
        "/message");
    expect_pointer(heartbeat(server, token, text(s, "{'progress':1.%031d}", 1)), "/progress");
    expect_null(task(server, id), "progress");
    expect_status(heartbeat(server, token, text(s, "{'progress':1.%030d}", 1)), 200);
    await_progress(server, id, 1);
    expect_json(task(server, id), "progress.value", text(s, "1.%030d", 1));
    expect_status(
        heartbeat(server, token, text(s, "{'progress':1,'message':'%s'}", many(s, "x", 65536))),
        200);
    expect_number(task(server, id), "progress.value", 1);
}

/* More of a log than is stored as one: every line of it is there, in order. */
SCENARIO(log_of_many_lines)
{
    enum { LINES = 3000, LENGTH = 100 };
    functions_remote(s, "far", "");
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'far'}"), *token = lease_one(server, "far");
    char *body = keep(s, LINES * (LENGTH + 4) + 64), *end = body;
    end = stpcpy(end, "{\"log\":[");
    for (int i = 0; i < LINES; i++)
        end = stpcpy(end, text(s, "%s\"%0100d\"", i ? "," : "", i));
    stpcpy(end, "]}");
    struct reply *reply =
        call(server, .path = text(s, "/v1/leases/%s/heartbeat", token), .body = body);
    expect_status(reply, 200);
    const char *log = get(server, "/v1/tasks/%s/logs", id)->body.text;
    for (int i = 0; i < LINES; i++) {
        log = strstr(log, text(s, " %0100d\n", i));
        if (!log)
            fail_at(HERE, "line %d is missing", i);
    }
}

/* 5.2: more than 50 reports a second are thinned, and the last one is told although nothing comes
 * after it. */
SCENARIO(many_reports)
{
    functions_remote(s, "far", "");
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'far'}"), *token = lease_one(server, "far");
    for (int i = 1; i <= 90; i++)
        expect_status(heartbeat(server, token, text(s, "{'progress':%d}", i)), 200);
    await_progress(server, id, 90);
    expect_status(lease_result(server, token, "7"), 200);
    expect_result(server, id, "7");
}

/* 4.10: a wait above 60 seconds counts as 60, and is no error. */
SCENARIO(waits)
{
    functions_remote(s, "far", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'far'}");
    expect_text(lease(server, "{'functions':['far'],'wait':100000}"), "leases.0.task.id", "a");
    struct reply *reply = call(server, .path = "/v1/tasks", .headers = "Prefer: wait=100000\r\n",
                               .body = "{\"function\":\"echo\",\"args\":[7]}");
    expect_status(reply, 201);
    expect_number(reply, "result", 7);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(messages), RUN(progress), RUN(log_of_many_lines), RUN(many_reports), RUN(waits),
    };
    return RUN_SCENARIOS("long_words", table);
}
