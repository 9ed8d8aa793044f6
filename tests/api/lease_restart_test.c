/* Sections 4.9 and 5.7: leases outlive the server that gave them. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"

static bool is_draining(struct server *server)
{
    return get(server, "/readyz")->status == 503;
}

/* 5.7: the worker goes on through a shutdown and a crash as if there had been none. */
SCENARIO(goes_on)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    create(server, "{'id':'m','process':'a','args':[{'$task':'x'}]}");
    const char *token = lease_for(server, "a", "60");
    for (int round = 0; round < 4; round++) {
        note(s, "round %d", round);
        if (round % 2)
            server_kill9(server);
        else
            assert_int_equal(server_stop(server), 0);
        server = server_start(s, "%s", "");
        expect_no_lease(server, "a");
        expect_state(server, "x", "running");
        struct reply *reply = heartbeat(server, token, text(s, "{'progress':%d}", round));
        expect_status(reply, 200);
        expect_json(reply, "cancel", "false");
        expect_number(task(server, "x"), "progress.value", round);
    }
    lease_result(server, token, "5");
    expect_number(task(server, "x"), "attempt", 1);
    lease_result(server, lease_one(server, "a"), "6");
    expect_result(server, "m", "6");
}

/* 4.9: one that expired while there was no server is interrupted by the next. */
SCENARIO(expired_meanwhile)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    struct reply *reply = lease(server, "{'functions':['a'],'ttl':1}");
    const char *token = json_text(reply, "leases.0.lease");
    int64_t expires = json_time(reply, "leases.0.expires_at");
    server_kill9(server);
    struct timespec now;
    do
        clock_gettime(CLOCK_REALTIME, &now);
    while ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 <= expires);
    server = server_start(s, "%s", "");
    expect_state(server, "x", "queued");
    expect_over(server, token, "x");
    lease_result(server, lease_one(server, "a"), "1");
    expect_number(task(server, "x"), "attempt", 2);
}

/* 4.10: a cancel that was answered 202 survives a crash: after the restart it is cancelled. */
SCENARIO(cancel_survives)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    const char *token = lease_for(server, "a", "60");
    expect_status(cancel(server, "x", NULL), 202);
    server_kill9(server);
    server = server_start(s, "%s", "");
    expect_state(server, "x", "cancelled");
    expect_over(server, token, "x");
}

/* 5.7: while it drains nothing is leased; those who wait are answered; what is leased may end. */
SCENARIO(drains)
{
    functions_standard(s);
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "--drain 60");
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    create(server, "{'id':'x','function':'a'}");
    create(server, "{'id':'y','function':'a'}");
    const char *x = lease_for(server, "a", "60"), *y = lease_for(server, "a", "60");
    struct http *poll = poll_start(server, "{'functions':['a'],'wait':60}");
    server_signal(server, SIGTERM);
    expect_json(poll_read(poll), "", "{'leases':[]}");
    eventually(is_draining(server));
    expect_problem(post(server, "/v1/leases", "{'functions':['a'],'wait':60}"), 503, "draining");
    expect_status(heartbeat(server, x, "{'progress':1}"), 200);
    expect_text(lease_result(server, x, "1"), "state", "succeeded");
    release(s, "h", "1");
    assert_int_equal(server_wait(server), 0);
    assert_non_null(
        strstr(server_log(server), "shutdown: 1 running and 0 not started are left unfinished"));
    server = server_start(s, "%s", "");
    expect_status(lease_result(server, y, "2"), 200);
    expect_result(server, "y", "2");
    expect_number(task(server, "y"), "attempt", 1);
}

/* 5.7: --on-shutdown cancel is for what is elsewhere, too. */
SCENARIO(cancelled_at_shutdown)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "--on-shutdown cancel");
    create(server, "{'id':'x','function':'a'}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'x'}]}");
    create(server, "{'id':'p','process':'a','args':[]}");
    const char *p = lease_for(server, "a", "60"), *x = lease_for(server, "a", "60");
    create(server, "{'id':'y','function':'a'}");
    assert_int_equal(server_stop(server), 0);
    assert_null(strstr(server_log(server), "left unfinished"));
    server = server_start(s, "%s", "");
    const char *ids[] = {"x", "m", "p", "y"};
    for (int i = 0; i < 4; i++) {
        note(s, "%s", ids[i]);
        expect_text(expect_state(server, ids[i], "cancelled"), "error.code", "cancelled");
    }
    expect_number(get(server, "/v1/stats"), "live", 0);
    expect_problem(heartbeat(server, x, "{}"), 409, "task-finished");
    expect_problem(lease_result(server, p, "1"), 409, "task-finished");
}

/* 2: a function that is taken away cannot be leased; what is leased may end. */
SCENARIO(function_taken_away)
{
    functions_remote(s, "a", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'x','function':'a'}");
    const char *token = lease_one(server, "a");
    remove(folder_path(s, "functions/a.json"));
    server_signal(server, SIGHUP);
    eventually(post(server, "/v1/leases", "{'functions':['a']}")->status == 422);
    expect_status(heartbeat(server, token, "{}"), 200);
    expect_text(lease_result(server, token, "1"), "state", "succeeded");
    expect_result(server, "x", "1");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(goes_on), RUN(expired_meanwhile),     RUN(cancel_survives),
        RUN(drains),  RUN(cancelled_at_shutdown), RUN(function_taken_away),
    };
    return RUN_SCENARIOS("lease_restart", table);
}
