/* Answers that are owed: what was done is said, also while others take no answers and fill all the
 * memory that there is for them (--max-in-flight). What is large is left out then, and named. */
#include <string.h>

#include "tests/api/lib/flood.h"
#include "tests/api/lib/scrape.h"
#include "tests/api/lib/tasks.h"

enum { LENGTH = 3900000 };

#define LEFT_OUT "['args','kwargs','dependencies','metadata']"

/* With a task "large" of that result, and a task "args" with as much in its arguments that has
 * ended. */
static struct server *start(struct scenario *s)
{
    struct server *server =
        server_start(s, "--max-in-flight 1 --max-result 4000000 --max-body 4000000");
    create(server, "{'id':'large','function':'echo','delay':3600,'cache_key':'k'}");
    expect_status(call(server, .method = "PUT", .path = "/v1/tasks/large/result",
                       .body = text(s, "\"%0*d\"", LENGTH, 1)),
                  200);
    create(server, "{'id':'args','function':'echo','cache_key':'a','args':['%0*d']}", LENGTH, 1);
    finished(server, "args");
    return server;
}

/* Clients that send this and take no answer, until no more memory is given. */
static void fill(struct server *server, const char *request, int clients)
{
    for (int i = 0; i < clients; i++) {
        struct http *http = server_connect(server);
        http_window(http, 4096);
        http_say(http, request);
    }
}

#define ASK_LARGE "{\"function\":\"echo\",\"cache_key\":\"k\"}"
#define WAITED                                                                                     \
    "POST /v1/tasks?wait=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"      \
    "Content-Length: 35\r\n\r\n" ASK_LARGE

/* A create that is waited for: 200 with all but the result, which is there for a GET. */
SCENARIO(waited_creates)
{
    enum { CLIENTS = 30 };
    struct server *server = start(s);
    long before = server_rss_kb(server);
    assert_int_equal(strlen(ASK_LARGE), 35);
    struct reply *whole = post(server, "/v1/tasks?wait=1", "{'function':'echo','cache_key':'k'}");
    expect_status(whole, 200);
    expect_absent(whole, "left_out");
    assert_true(whole->body.length > LENGTH);
    fill(server, WAITED, CLIENTS);
    eventually(metric(server, "errand_http_held_bytes") > LENGTH);
    struct reply *less;
    eventually((less = post(server, "/v1/tasks?wait=1", "{'function':'echo','cache_key':'k'}")) &&
               less->body.length < LENGTH);
    expect_status(less, 200);
    expect_text(less, "state", "succeeded");
    expect_json(less, "joined", "true");
    expect_json(less, "left_out", "['result']");
    expect_absent(less, "result");
    expect_prompt(server);
    expect_growth(server, before, 120000);
}

/* And a new one is 201, and stored: its own large result is left out too. */
SCENARIO(new_ones_are_acknowledged)
{
    struct server *server = start(s);
    fill(server, WAITED, 20);
    eventually(
        post(server, "/v1/tasks?wait=1", "{'function':'echo','cache_key':'k'}")->body.length <
        LENGTH);
    struct reply *made =
        post(server, "/v1/tasks?wait=20",
             "{'id':'new','process':'concat','args':[{'$task':'large'},'x'],'cache_key':'n'}");
    expect_status(made, 201);
    expect_text(made, "state", "succeeded");
    expect_json(made, "left_out", "['result']");
    expect_state(server, "new", "succeeded");
    expect_absent(task(server, "new"), "left_out");
}

#define CANCEL "POST /v1/tasks/args/cancel HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* A cancel: the task without what it was sent with. So is a create that meets a task. */
SCENARIO(cancels_and_joins)
{
    enum { CLIENTS = 30 };
    struct server *server = start(s);
    expect_absent(cancel(server, "args", NULL), "left_out");
    long before = server_rss_kb(server);
    fill(server, CANCEL, CLIENTS);
    struct reply *less;
    eventually((less = cancel(server, "args", NULL)) && less->body.length < LENGTH);
    expect_status(less, 200);
    expect_json(less, "cancelled", "false");
    expect_json(less, "left_out", LEFT_OUT);
    expect_absent(less, "args");
    less = post(server, "/v1/tasks", "{'function':'echo','cache_key':'a'}");
    expect_status(less, 200);
    expect_text(less, "id", "args");
    expect_json(less, "left_out", LEFT_OUT);
    expect_growth(server, before, 120000);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(waited_creates),
        RUN(new_ones_are_acknowledged),
        RUN(cancels_and_joins),
    };
    return RUN_SCENARIOS("hostile_answers", table);
}
