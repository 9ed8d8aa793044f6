/* Other programs in the database of a server that runs: a shell that holds its lock, triggers that
 * refuse a write, tables that are renamed. Each costs the requests that meet it and nothing else;
 * when it is over the server goes on by itself. */
#include <sqlite3.h>
#include <string.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"
#include "tests/api/lib/once.h"
#include "tests/api/lib/tasks.h"

#define FILE_NAME "data/errand.db"

/* As a shell in which somebody typed BEGIN IMMEDIATE. */
static sqlite3 *lock_take(struct scenario *s)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(folder_path(s, FILE_NAME), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, DEADLINE_MS);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void lock_drop(sqlite3 *db)
{
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Creates that wait for the lock are refused after ten seconds, all of them together and not one
 * after the other. Reads do not wait. */
SCENARIO(lock_is_held)
{
    enum { CREATES = 5 };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'before','function':'echo','args':[1]}");
    expect_outcome(server, "before", "succeeded");
    sqlite3 *lock = lock_take(s);
    int64_t start = now_ms();
    struct http **waiting = send_crowd(
        server, &(struct request){.path = "/v1/tasks", .body = "{\"function\":\"echo\"}"}, CREATES);
    expect_result(server, "before", "1");
    struct reply **replies = read_crowd(waiting, CREATES);
    assert_true(now_ms() - start < DEADLINE_MS + 10000);
    for (int i = 0; i < CREATES; i++) {
        expect_problem(replies[i], 503, "storage-busy");
        assert_non_null(header(replies[i], "Retry-After"));
    }
    lock_drop(lock);
    expect_result(server, create(server, "{'function':'echo','args':[2]}"), "2");
    assert_int_equal(count_tasks(server, ""), 2);
}

/* A statement that the database refuses. when: "BEFORE INSERT ON tasks" */
static void trigger(struct scenario *s, const char *when)
{
    database_run(
        s, FILE_NAME,
        text(s, "CREATE TRIGGER other %s BEGIN SELECT RAISE(ABORT, 'not here'); END", when));
}

static void trigger_drop(struct scenario *s)
{
    database_run(s, FILE_NAME, "DROP TRIGGER other");
}

SCENARIO(writes_are_refused)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','delay':3600}");
    create(server, "{'id':'o','function':'echo','args':[7],'result_access':'once'}");
    expect_outcome(server, "o", "succeeded");
    trigger(s, "BEFORE INSERT ON tasks");
    expect_problem(post(server, "/v1/tasks", "{'id':'b','function':'echo'}"), 500, "internal");
    expect_problem(post(server, "/v1/tasks", "[{'id':'b','function':'echo'}]"), 500, "internal");
    expect_problem(get(server, "/v1/tasks/b"), 404, "not-found");
    assert_non_null(strstr(server_log(server), "not here"));
    trigger_drop(s);
    trigger(s, "BEFORE UPDATE ON tasks");
    expect_problem(cancel(server, "a", NULL), 500, "internal");
    expect_problem(post(server, "/v1/tasks/cancel", "{}"), 500, "internal");
    trigger_drop(s);
    trigger(s, "BEFORE DELETE ON results");
    expect_problem(get(server, "/v1/tasks/o/result"), 500, "internal");
    expect_problem(call(server, .method = "DELETE", .path = "/v1/tasks/o"), 500, "internal");
    expect_state(server, "a", "scheduled");
    trigger_drop(s);
    expect_json(get(server, "/v1/tasks/o/result"), "", "7");
    expect_status(post(server, "/v1/tasks", "{'id':'b','function':'echo','delay':9}"), 201);
    expect_number(post(server, "/v1/tasks/cancel", "{}"), "cancelled", 2);
}

/* What could not be started or given away is, when it can be. */
SCENARIO(starts_are_refused)
{
    functions_standard(s);
    functions_remote(s, "far", "");
    struct server *server = server_start(s, "%s", "");
    trigger(s, "BEFORE UPDATE ON tasks WHEN NEW.state = 'running'");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'b','function':'far'}");
    struct http *poll = poll_start(server, "{'functions':['far'],'wait':60}");
    eventually(strstr(server_log(server), "not here"));
    expect_state(server, "a", "queued");
    expect_state(server, "b", "queued");
    trigger_drop(s);
    expect_text(poll_read(poll), "leases.0.task.id", "b");
    await_progress(server, "a", 1);
    expect_number(task(server, "a"), "attempt", 1);
    release(s, "a", "7");
    expect_result(server, "a", "7");
}

/* What has ended stays running until that can be stored; a shutdown does not wait for it. */
SCENARIO(ends_are_refused)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'b','function':'hold'}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    trigger(s, "BEFORE INSERT ON results");
    release(s, "a", "7");
    eventually(strstr(server_log(server), "not here"));
    expect_state(server, "a", "running");
    trigger_drop(s);
    expect_result(server, "a", "7");
    trigger(s, "BEFORE UPDATE ON tasks");
    release(s, "b", "8");
    assert_int_equal(server_stop(server), 0);
    trigger_drop(s);
    server = server_start(s, "%s", "");
    release(s, "b", "9");
    expect_number(expect_outcome(server, "b", "succeeded"), "attempt", 2);
}

static void rename_table(struct scenario *s, const char *from, const char *to)
{
    database_run(s, FILE_NAME,
                 text(s, "PRAGMA legacy_alter_table = ON; ALTER TABLE %s RENAME TO %s", from, to));
}

/* Each read that fails is told, and the next one is as good as ever. */
SCENARIO(reads_fail)
{
    static const struct {
        const char *table, *path, *body;
    } rows[] = {
        {"tasks", "/v1/tasks", NULL},
        {"tasks", "/v1/tasks/a", NULL},
        {"tasks", "/v1/tasks/a/events", NULL},
        {"tasks", "/v1/tasks/cancel", "{'state':['queued']}"},
        {"payloads", "/v1/tasks/a", NULL},
        {"results", "/v1/tasks/a/result", NULL},
        {"logs", "/v1/tasks/a/logs", NULL},
    };
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[7]}");
    expect_outcome(server, "a", "succeeded");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s without the table %s", rows[i].path, rows[i].table);
        rename_table(s, rows[i].table, "elsewhere");
        const char *body = rows[i].body ? requote(text(s, "%s", rows[i].body)) : NULL;
        expect_problem(call(server, .path = rows[i].path, .body = body), 500, "internal");
        rename_table(s, "elsewhere", rows[i].table);
        expect_result(server, "a", "7");
    }
}

/* A task whose arguments cannot be read fails, and says so; it does not run without them. */
SCENARIO(arguments_cannot_be_read)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    create(server,
           "{'id':'m','process':'cat','args':[{'$task':{'id':'d','function':'echo','args':[7]}}]}");
    expect_outcome(server, "d", "succeeded");
    await_state(server, "m", "queued");
    rename_table(s, "results", "elsewhere");
    cancel(server, "a", NULL); /* there is a slot now */
    struct reply *m = expect_failure(server, "m", "start-failed");
    assert_non_null(strstr(json_text(m, "error.message"), "could not be read"));
    rename_table(s, "elsewhere", "results");
    expect_result(server, "d", "7");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(lock_is_held),     RUN(writes_are_refused), RUN(starts_are_refused),
        RUN(ends_are_refused), RUN(reads_fail),         RUN(arguments_cannot_be_read),
    };
    return RUN_SCENARIOS("other_hands", table);
}
