/* POST /v1/tickets, and ?ticket= on event streams. */
#include <signal.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"
#include "tests/api/lib/tokens.h"

static const char *ticket_as(struct server *server, const char *scopes, const char *body)
{
    struct reply *reply = ask(server, scopes, "/v1/tickets", body);
    expect_status(reply, 201);
    expect_header(reply, "Cache-Control", "no-store");
    assert_true(json_time(reply, "expires_at") > 0);
    return json_text(reply, "ticket");
}

/* As another would: nothing but the address. */
static struct reply *look(struct server *server, const char *path)
{
    return call(server, .method = "HEAD", .path = path);
}

/* HEAD first: if it were let in, GET would not end. */
static struct reply *refused(struct server *server, int status, const char *path)
{
    expect_status(look(server, path), status);
    return get(server, "%s", path);
}

static void run_echo(struct server *server, const char *id, const char *channel)
{
    struct reply *reply =
        ask(server, "admin", "/v1/tasks?wait=30",
            text(server->scenario, "{'id':'%s','function':'echo','notify_channels':['%s']}", id,
                 channel));
    expect_status(reply, 201);
}

SCENARIO(opens_event_streams)
{
    struct server *server = tokens_server(s, "read admin", "");
    const char *ticket = ticket_as(server, "read", "{}");
    struct sse *all = sse_open(server, "/v1/events?ticket=%s", ticket);
    struct sse *again = sse_open(server, "/v1/events?ticket=%s", ticket);
    run_echo(server, "a", "x");
    expect_story(all, "created a, started a, succeeded a");
    expect_story(again, "created a, started a, succeeded a");
    struct sse *own = sse_open(server, "/v1/tasks/a/events?ticket=%s", ticket);
    expect_story(own, "created a, started a, succeeded a");
    expect_end(own);
    expect_status(call(server, .method = "POST", .path = "/v1/tickets", .headers = as(s, "read")),
                  201); /* no body at all */
}

/* Nothing but event streams: elsewhere it is an unknown parameter, and no token. */
SCENARIO(opens_nothing_else)
{
    struct server *server = tokens_server(s, "read admin", "");
    const char *ticket = ticket_as(server, "read", "{}");
    const char *paths[] = {"/v1/tasks", "/v1/tasks/a", "/v1/tasks/a/logs", "/v1/stats", "/metrics"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const char *path = text(s, "%s?ticket=%s", paths[i], ticket);
        note(s, "%s", path);
        struct reply *reply = get(server, "%s", path);
        expect_problem(reply, 401, "unauthorized");
        assert_null(strstr(reply->body.text, ticket));
        reply = ask(server, "admin", path, NULL);
        expect_parameter(reply, "ticket");
        assert_null(strstr(reply->body.text, ticket));
    }
    expect_status(call(server, .path = text(s, "/v1/tickets?ticket=%s", ticket), .body = "{}"),
                  401);
    expect_status(call(server, .path = "/v1/tasks/a",
                       .headers = text(s, "Authorization: Bearer %s\r\n", ticket)),
                  401);
}

SCENARIO(has_to_be_one_of_ours)
{
    struct server *server = tokens_server(s, "read admin", "");
    const char *ticket = ticket_as(server, "read", "{}");
    const char *bad[] = {"",
                         "x",
                         "%00",
                         text(s, "%sA", ticket),
                         text(s, "%.*s", (int)strlen(ticket) - 1, ticket),
                         token_text(s, "read")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i]);
        struct reply *reply = refused(server, 401, text(s, "/v1/events?ticket=%s", bad[i]));
        expect_problem(reply, 401, "unauthorized");
        expect_header(reply, "WWW-Authenticate",
                      "Bearer realm=\"errand\", error=\"invalid_token\"");
    }
    struct reply *twice =
        refused(server, 422, text(s, "/v1/events?ticket=%s&ticket=%s", ticket, ticket));
    expect_parameter(twice, "ticket");
    server_stop(server);
    server = tokens_server(s, "read admin", "");
    expect_status(look(server, text(s, "/v1/events?ticket=%s", ticket)), 401);
}

/* Bound to channels: these alone, whatever the address asks for. */
SCENARIO(bound_to_channels)
{
    struct server *server = tokens_server(s, "read admin", "");
    const char *ticket = ticket_as(server, "read", "{'channel':['mine','also \\u00e9']}");
    struct sse *bound = sse_open(server, "/v1/events?ticket=%s", ticket);
    struct sse *narrow = sse_open(server, "/v1/events?channel=mine&ticket=%s", ticket);
    run_echo(server, "a", "other");
    run_echo(server, "b", "also \xc3\xa9");
    run_echo(server, "c", "mine");
    expect_story(bound, "created b, started b, succeeded b, created c, started c, succeeded c");
    expect_story(narrow, "created c, started c, succeeded c");
    struct sse *past = sse_open(server, "/v1/events?last_event_id=0&ticket=%s", ticket);
    expect_story(past, "created b, started b, succeeded b, created c, started c, succeeded c");
    const char *paths[] = {"/v1/events?channel=other", "/v1/events?channel=mine&channel=other",
                           "/v1/tasks/c/events?logs=1"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        note(s, "%s", paths[i]);
        expect_lacking(refused(server, 403, text(s, "%s&ticket=%s", paths[i], ticket)), "read");
    }
}

/* Bound to tasks: their own streams too, and no others, whether they are there or not. */
SCENARIO(bound_to_tasks)
{
    struct server *server = tokens_server(s, "read admin", "");
    const char *ticket = ticket_as(server, "read", "{'task':['a','later'],'channel':null}");
    struct sse *bound = sse_open(server, "/v1/events?ticket=%s", ticket);
    run_echo(server, "a", "x");
    run_echo(server, "b", "x");
    run_echo(server, "later", "x");
    expect_story(bound, "created a, started a, succeeded a, created later, started later, "
                        "succeeded later");
    expect_story(sse_open(server, "/v1/tasks/a/events?ticket=%s", ticket),
                 "created a, started a, succeeded a");
    expect_lacking(refused(server, 403, text(s, "/v1/tasks/b/events?ticket=%s", ticket)), "read");
    expect_lacking(refused(server, 403, text(s, "/v1/tasks/none/events?ticket=%s", ticket)),
                   "read");
    expect_lacking(refused(server, 403, text(s, "/v1/events?task=b&ticket=%s", ticket)), "read");
}

/* A proxy may add a token to all that passes: the ticket still narrows. */
SCENARIO(counts_beside_a_token)
{
    struct server *server = tokens_server(s, "read admin", "");
    const char *ticket = ticket_as(server, "read", "{'channel':['mine']}");
    struct sse *bound = sse_open_with(server, as(s, "admin"), "/v1/events?ticket=%s", ticket);
    run_echo(server, "a", "other");
    run_echo(server, "b", "mine");
    expect_story(bound, "created b, started b, succeeded b");
    expect_status(
        call(server, .method = "HEAD", .path = "/v1/events?ticket=x", .headers = as(s, "admin")),
        401);
}

SCENARIO(bodies)
{
    struct server *server = tokens_server(s, "read admin", "");
    const struct {
        const char *body, *pointer;
    } rows[] = {
        {"{'channel':[]}", "/channel"},
        {"{'channel':'a'}", "/channel"},
        {"{'channel':['a','']}", "/channel/1"},
        {"{'channel':[1]}", "/channel/0"},
        {"{'task':['a','b c']}", "/task/1"},
        {"{'task':[]}", "/task"},
        {"{'function':['a']}", "/function"},
        {"[]", ""},
        {text(s, "{'channel':['%02048d']}", 1), ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].body);
        struct reply *reply = ask(server, "read", "/v1/tickets", rows[i].body);
        expect_problem(reply, 422, "invalid-request");
        expect_pointer(reply, rows[i].pointer);
    }
    expect_status(ask(server, "read", "/v1/tickets", text(s, "{'channel':['%02043d']}", 1)), 201);
}

/* A token that is gone takes its tickets with it; so does one that may not read any more. */
SCENARIO(go_with_their_token)
{
    struct server *server = tokens_server(s, "read read,cancel admin", "");
    const char *gone = ticket_as(server, "read", "{}");
    const char *stays = ticket_as(server, "read,cancel", "{}");
    tokens_write(s, "read,cancel admin");
    tokens_reload(server, "tokens read from");
    expect_status(look(server, text(s, "/v1/events?ticket=%s", gone)), 401);
    expect_status(look(server, text(s, "/v1/events?ticket=%s", stays)), 200);
}

/* Without tokens a page works in the same way as with them. */
SCENARIO(without_tokens)
{
    struct server *server = server_start(s, "%s", "");
    const char *ticket = json_text(post(server, "/v1/tickets", "{'channel':['mine']}"), "ticket");
    struct sse *bound = sse_open(server, "/v1/events?ticket=%s", ticket);
    create(server, "{'function':'echo','notify_channels':['other']}");
    create(server, "{'id':'b','function':'echo','notify_channels':['mine']}");
    expect_story(bound, "created b, started b, succeeded b");
    expect_status(look(server, "/v1/events?ticket=x"), 401);
    expect_status(look(server, "/v1/events"), 200);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(opens_event_streams),
        RUN(opens_nothing_else),
        RUN(has_to_be_one_of_ours),
        RUN(bound_to_channels),
        RUN(bound_to_tasks),
        RUN(counts_beside_a_token),
        RUN(bodies),
        RUN(go_with_their_token),
        RUN(without_tokens),
    };
    return RUN_SCENARIOS("tickets", table);
}
