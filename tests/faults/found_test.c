/* What the rounds of live_test.c and start_test.c have found, each by itself. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/http.h"
#include "tests/api/lib/tasks.h"
#include "tests/faults/round.h"

/* While somebody stays connected: libmicrohttpd would listen again only when he leaves. (Who rests
 * between two requests would be sent away for the newcomer: docs/hostile.md.) */
SCENARIO(no_descriptor_for_a_connection)
{
    const struct fault fault = {FAULT_fd, "", EMFILE, true};
    struct fault_page *page = fault_page_open(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'sleep','args':[3600]}");
    struct http *stays = server_connect(server);
    http_say(stays, "GET /v1/tasks/a?wait=60 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    expect_status(get(server, "/healthz"), 200);
    fault_arm(page, &fault, 1);
    struct http *waits = server_connect(server);
    http_say(waits, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    eventually(atomic_load(&page->failed) > 1);
    fault_disarm(page);
    const struct reply *reply = http_read(waits, false);
    assert_non_null(reply);
    expect_status(reply, 200);
    assert_false(http_is_closed(stays));
    assert_non_null(strstr(server_log(server), "new connections have to wait"));
}

/* Nothing can be stored any more, not even that a task was stopped: it ends all the same. */
SCENARIO(shutdown_on_a_failing_disk)
{
    const struct fault fault = {FAULT_write, "", EIO, true};
    functions_standard(s);
    struct fault_page *page = fault_page_open(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    fault_arm(page, &fault, 1);
    server_signal(server, SIGTERM);
    server_wait(server);
    assert_non_null(strstr(server_log(server), "the database takes no writes"));
    fault_disarm(page);
    server = server_start(s, "%s", "");
    release(s, "h", "7");
    expect_result(server, "h", "7");
}

/* All that a stream sends, up to its end or a second without anything: then it goes on. */
static const char *read_events(struct server *server, bool *goes_on)
{
    struct http *http = server_connect(server);
    char *all = text(server->scenario, "%s", ""), piece[65536];
    long got = 0;
    *goes_on = false;
    http_say(http, "GET /v1/events?last_event_id=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    if (!http_read_head(http, false))
        return all;
    while ((got = http_read_some(http, piece, sizeof piece, 1000)) > 0)
        all = text(server->scenario, "%s%.*s", all, (int)got, piece);
    *goes_on = http_timed_out(http);
    http_close(http);
    return all;
}

/* Events that cannot be read are not left out: the stream ends before them. */
SCENARIO(no_gap_where_events_cannot_be_read)
{
    enum { CALLS = 8, TASKS = 50 };
    const struct fault fault = {FAULT_read, "", EIO, false};
    struct fault_page *page = fault_page_open(s);
    struct server *server = server_start(s, "%s", "");
    char *large = keep(s, 4001);
    memset(large, 'x', 4000);
    for (int i = 0; i < TASKS; i++)
        create(server, "{'id':'t%d','function':'echo','args':['%s']}", i, large);
    for (int i = 0; i < TASKS; i++)
        finished(server, text(s, "t%d", i));
    bool goes_on;
    const char *whole = read_events(server, &goes_on);
    int cut = 0;
    for (int n = 1; n <= CALLS; n++) {
        note(s, "read %d", n);
        server_stop(server);
        server = server_start(s, "%s", ""); /* whose hub has read nothing yet */
        get(server, "/v1/tasks/t0");
        fault_arm(page, &fault, n);
        const char *seen = read_events(server, &goes_on);
        fault_disarm(page);
        if (strncmp(seen, whole, strlen(seen)) != 0)
            fail_at(HERE, "it is not how the events begin: %s", seen);
        if (goes_on && strlen(seen) < strlen(whole))
            fail_at(HERE, "it goes on without the events after %s", seen);
        cut += !goes_on;
    }
    assert_true(cut > 0);
}

/* The time of day is set forward by an hour, or the machine slept for so long: who waits for a time
 * is not an hour late. */
SCENARIO(clock_set_forward)
{
    struct fault_page *page = fault_page_open(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'later','function':'echo','delay':1800}");
    expect_state(server, "later", "scheduled");
    atomic_store(&page->ahead, 3600);
    expect_outcome(server, "later", "succeeded");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(no_descriptor_for_a_connection),
        RUN(shutdown_on_a_failing_disk),
        RUN(no_gap_where_events_cannot_be_read),
        RUN(clock_set_forward),
    };
    return RUN_SCENARIOS("found by faults", table);
}
