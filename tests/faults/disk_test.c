/*
 * What the database says no with, and what the server makes of it: the table in
 * docs/operations.md, "When the disk says no", row by row.
 */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/api/lib/disk.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/http.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"
#include "tests/faults/scenes.h"

/* --- busy: another program holds the lock ----------------------------------------------- */

static void close_database(void *db)
{
    sqlite3_close(db);
}

static void sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_at(HERE, "%s: %s", text, sqlite3_errmsg(db));
}

/* As somebody's shell does: it has begun to write and goes for lunch. */
static sqlite3 *hold_database(struct scenario *s)
{
    sqlite3 *db;
    sqlite3_open_v2(folder_path(s, "data/errand.db"), &db, SQLITE_OPEN_READWRITE, NULL);
    at_end(s, close_database, db);
    sqlite3_busy_timeout(db, DEADLINE_MS);
    sql(db, "BEGIN IMMEDIATE");
    return db;
}

static struct http *send_create(struct server *server, const char *body)
{
    struct request request = {.path = "/v1/tasks",
                              .body = requote(text(server->scenario, "%s", body))};
    size_t length;
    const char *bytes = request_bytes(server, &request, &length);
    struct http *http = server_connect(server);
    http_write(http, bytes, length);
    return http;
}

/* The lock goes within the ten seconds: who waited is served. Reads and streams never wait. */
SCENARIO(busy_for_a_while)
{
    struct server *server = server_start(s, "--heartbeat 0.1");
    create(server, "{'id':'before','function':'echo','args':[1]}");
    finished(server, "before");
    struct sse *sse = sse_open(server, "/v1/events");
    sqlite3 *db = hold_database(s);
    struct http *waits = send_create(server, "{'id':'a','function':'echo','args':[2]}");
    sse_await_comment(sse);
    sse_await_comment(sse);
    expect_result(server, "before", "1");
    expect_status(get(server, "/healthz"), 200);
    expect_status(get(server, "/v1/tasks/a"), 404);
    sql(db, "COMMIT");
    struct reply *reply = http_read(waits, false);
    assert_non_null(reply);
    expect_status(reply, 201);
    expect_result(server, "a", "2");
    await_event(sse, "task.succeeded", "a");
}

/* It does not: all that wait are refused together after ten seconds, not ten seconds each. What
 * ends meanwhile is kept and stored when the lock is gone, by itself. */
SCENARIO(busy_for_too_long)
{
    enum { WAIT_MS = 10000, CREATES = 3 };
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    sqlite3 *db = hold_database(s);
    int64_t began = now_ms();
    struct http *waits[CREATES];
    for (int i = 0; i < CREATES; i++)
        waits[i] = send_create(server, text(s, "{'id':'a%d','function':'echo'}", i));
    release(s, "h", "7");
    for (int i = 0; i < CREATES; i++) {
        struct reply *reply = http_read(waits[i], false);
        assert_non_null(reply);
        expect_problem(reply, 503, "storage-busy");
        assert_non_null(header(reply, "Retry-After"));
        expect_status(get(server, "/v1/tasks/a%d", i), 404);
    }
    assert_in_range(now_ms() - began, WAIT_MS, 2 * WAIT_MS - 1);
    expect_state(server, "h", "running");
    sql(db, "COMMIT");
    expect_result(server, "h", "7");
    create(server, "{'id':'a0','function':'echo'}");
    expect_outcome(server, "a0", "succeeded");
}

/* A shutdown ends even so, and what it could not store runs again. A start says why it does not. */
SCENARIO(locked_at_the_end)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    sqlite3 *db = hold_database(s);
    server_signal(server, SIGTERM);
    eventually(server_over(server, 1000) || strstr(server_log(server), "locked"));
    eventually(server_over(server, 1000));
    assert_int_equal(server->exit_status, 0);
    server = server_try(s, "");
    assert_int_equal(server_wait(server), 1);
    assert_non_null(strstr(server_log(server), "another program has held the database"));
    sql(db, "COMMIT");
    server = server_start(s, "%s", "");
    release(s, "h", "7");
    expect_result(server, "h", "7");
}

static int64_t reserve_left(struct scenario *s)
{
    struct stat status;
    return stat(folder_path(s, "data/errand.reserve"), &status) == 0 ? status.st_size : 0;
}

/* A full disk, and the lock: the reserve is not given up for what it is no help against. */
SCENARIO(locked_on_a_full_disk)
{
    disk_make(s, DISK_KB);
    struct server *server = server_start(s, "%s", "");
    disk_fill_up(server);
    int64_t left = reserve_left(s);
    assert_true(left > 0);
    sqlite3 *db = hold_database(s);
    for (int round = 1; round <= 2; round++)
        eventually(disk_log_lines(server, "locked") == round);
    assert_int_equal(reserve_left(s), left);
    assert_int_equal(disk_ready(server), 503);
    sql(db, "COMMIT");
    disk_make_room(server);
    create(server, "{'id':'a','function':'echo','args':[1]}");
    expect_result(server, "a", "1");
}

/* What has no room, however much of it there is, keeps nobody else from ending, though all end at
 * once. */
SCENARIO(room_for_the_last)
{
    enum { LARGE = 20 };
    disk_make(s, DISK_KB);
    functions_standard(s);
    disk_function_large(s);
    struct server *server = server_start(s, "--slots %d", LARGE + 1);
    for (int i = 0; i < LARGE; i++) {
        create(server, "{'id':'l%d','function':'large'}", i);
        await_progress(server, text(s, "l%d", i), 1);
    }
    create(server, "{'id':'h','function':'hold'}");
    await_progress(server, "h", 1);
    disk_fill_up(server);
    sqlite3 *db = hold_database(s);
    for (int i = 0; i < LARGE; i++)
        release(s, text(s, "l%d", i), "go");
    for (int i = 0; i < LARGE; i++)
        eventually(folder_has(s, text(s, "scratch/l%d.over", i)));
    release(s, "h", "7");
    eventually(!process_alive(folder_pid(s, "h.pids", 0)));
    sql(db, "COMMIT");
    expect_result(server, "h", "7");
    expect_state(server, "l0", "running");
}

/* --- no room, and a disk that fails ------------------------------------------------------- */

static struct server *start_with(struct scenario *s, struct fault_page **page)
{
    functions_standard(s);
    *page = fault_page_open(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'h','function':'hold','notify_channels':['h']}");
    await_progress(server, "h", 1);
    return server;
}

static void refuses_and_goes_on(struct scenario *s, int error, int status, const char *slug)
{
    struct fault_page *page;
    struct server *server = start_with(s, &page);
    const struct fault fault = {FAULT_write, "", error, true};
    fault_arm(page, &fault, 1);
    expect_problem(post(server, "/v1/tasks", "{'id':'a','function':'echo'}"), status, slug);
    expect_status(get(server, "/healthz"), 200);
    expect_state(server, "h", "running");
    release(s, "h", "7");
    eventually(!strcmp(json_text(task(server, "h"), "state"), "running") &&
               atomic_load(&page->failed) > 2);
    expect_status(get(server, "/v1/tasks/a"), 404);
    fault_disarm(page);
    expect_result(server, "h", "7");
    eventually(disk_ready(server) == 200);
    create(server, "{'id':'a','function':'echo'}");
    expect_outcome(server, "a", "succeeded");
    struct events events = channel_so_far(server, "h");
    assert_int_equal(count_events(&events, "task.succeeded", "h"), 1);
    server_kill9(server); /* what was refused is not in the log either */
    server = server_start(s, "%s", "");
    expect_result(server, "h", "7");
}

/* SQLITE_FULL */
SCENARIO(no_room)
{
    refuses_and_goes_on(s, ENOSPC, 503, "storage-full");
}

/* SQLITE_IOERR, of a write */
SCENARIO(write_fails)
{
    refuses_and_goes_on(s, EIO, 500, "internal");
}

/* Whichever write of a commit fails: what was refused is not found by a server that starts on what
 * the dead one left. */
SCENARIO(refused_stays_refused)
{
    const struct fault fault = {FAULT_write, "", EIO, false};
    struct fault_page *page = fault_page_open(s);
    struct server *server = server_start(s, "%s", "");
    bool failed = true;
    for (int n = 1; failed; n++) {
        const char *id = text(s, "a%d", n);
        note(s, "write %d", n);
        create(server, "{'id':'before%d','function':'echo','delay':3600}", n);
        fault_arm(page, &fault, n);
        const struct reply *reply =
            post(server, "/v1/tasks", "{'id':'%s','function':'echo','delay':3600}", id);
        failed = atomic_load(&page->failed) > 0;
        fault_disarm(page);
        server_kill9(server);
        server = server_start(s, "%s", "");
        expect_status(get(server, "/v1/tasks/%s", id), reply->status == 201 ? 200 : 404);
        assert_true(failed || reply->status == 201);
    }
}

/* What could not be deleted when it was too old is, once it can be. */
SCENARIO(deletes_later)
{
    struct fault_page *page = fault_page_open(s);
    struct server *server = server_start(s, "--retain 1s");
    const struct fault fault = {FAULT_write, "", EIO, true};
    create(server, "{'id':'a','function':'echo'}");
    finished(server, "a");
    fault_arm(page, &fault, 1);
    eventually(atomic_load(&page->failed) > 0);
    fault_disarm(page);
    expect_status(get(server, "/v1/tasks/a"), 200);
    eventually(get(server, "/v1/tasks/a")->status == 404);
}

/* SQLITE_IOERR, of a read: 500, and the next is served. */
SCENARIO(read_fails)
{
    struct fault_page *page;
    struct server *server = start_with(s, &page);
    char *large = keep(s, 400001);
    memset(large, 'x', 400000);
    create(server, "{'id':'big','function':'echo','args':['%s']}", large);
    finished(server, "big");
    const struct fault fault = {FAULT_read, "", EIO, true};
    fault_arm(page, &fault, 1);
    expect_problem(get(server, "/v1/tasks/big/result"), 500, "internal");
    fault_disarm(page);
    expect_status(get(server, "/v1/tasks/big/result"), 200);
}

/* SQLITE_IOERR_FSYNC: nobody is told anything, the process ends and says why, and the next start
 * makes what it finds durable before it goes on from there. */
SCENARIO(sync_fails)
{
    struct fault_page *page;
    struct server *server = start_with(s, &page);
    const struct fault fault = {FAULT_sync, "", EIO, false}, count = {FAULT_sync, "", 0, false};
    fault_arm(page, &fault, 1);
    assert_null(http_read(send_create(server, "{'id':'a','function':'echo','args':[1]}"), false));
    assert_int_equal(server_wait(server), 1);
    assert_non_null(strstr(server_log(server), "it cannot be said whether the last commit"));
    fault_arm(page, &count, 0);
    server = server_start(s, "%s", "");
    fault_disarm(page);
    assert_true(atomic_load(&page->seen) >= 2); /* the log, and the database with what is in it */
    release(s, "h", "7");
    expect_result(server, "h", "7");
    const struct reply *reply = get(server, "/v1/tasks/a");
    if (reply->status == 200)
        expect_result(server, "a", "1");
    else
        expect_status(reply, 404);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(busy_for_a_while),
        RUN(busy_for_too_long),
        RUN(no_room),
        RUN(room_for_the_last),
        RUN(write_fails),
        RUN(refused_stays_refused),
        RUN(deletes_later),
        RUN(read_fails),
        RUN(sync_fails),
        RUN(locked_at_the_end),
        RUN(locked_on_a_full_disk),
    };
    if (getenv("ROUNDS") && strcmp(getenv("ROUNDS"), "0") != 0 && !getenv("ONLY"))
        cmocka_set_skip_filter("locked_*"); /* half a minute: not in the short form */
    return RUN_SCENARIOS("when the disk says no", table);
}
