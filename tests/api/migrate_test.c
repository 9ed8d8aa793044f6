/* Databases of earlier versions are brought up to date at the start, those of newer ones refused.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

static const struct {
    int version;
    const char *sql;
} migrations[] = {
#define X(version, name, sql) {version, sql},
#include "migrations.inc"
#undef X
};
enum { NEWEST = sizeof migrations / sizeof *migrations };

static void make_version(struct scenario *s, int version)
{
    mkdir(folder_path(s, "data"), 0700);
    database_run(s, "data/errand.db", "PRAGMA journal_mode = WAL");
    for (int i = 0; i < NEWEST && migrations[i].version <= version; i++)
        database_run(s, "data/errand.db", migrations[i].sql);
    database_run(s, "data/errand.db", text(s, "PRAGMA user_version = %d", version));
}

static void add_event(struct scenario *s, int seq, const char *id, const char *type)
{
    database_run(
        s, "data/errand.db",
        text(s,
             "INSERT INTO events SELECT NULL, %d, created_at, '{\"task\":\"%s\","
             "\"type\":\"%s\",\"state\":\"queued\",\"kind\":\"task\",\"function\":\"echo\","
             "\"at\":\"2026-01-01T00:00:00.000Z\"}' FROM tasks WHERE seq = %d",
             seq, id, type, seq));
}

/* A row as the first version had it; the later ones added columns with defaults. more: "state =
 * 'running', attempt = 1". */
static void add_task(struct scenario *s, int seq, const char *id, const char *more)
{
    database_run(
        s, "data/errand.db",
        text(
            s,
            "INSERT INTO tasks (seq, id, kind, function, state, lane, priority, attempt, failures,"
            " interruptions, max_attempts, timeout, backoff_initial, backoff_factor, backoff_max,"
            " unresolved, winner, subscribers, cancel_requested, silent, version, created_at,"
            " run_at, started_at, finished_at) VALUES (%d, '%s', 'task', 'echo', 'queued', 1, 0, 0,"
            " 0, 0, 1, 0, 1, 2, 60, 0, 0, 1, 0, 0, 1, unixepoch() * 1000, 0, 0, 0);"
            "INSERT INTO payloads VALUES (%d, '[%d]', '{}', NULL);"
            "UPDATE tasks SET %s WHERE seq = %d",
            seq, id, seq, seq, more, seq));
    add_event(s, seq, id, "task.created");
}

static void add_tasks(struct scenario *s)
{
    add_task(s, 1, "ended",
             "state = 'succeeded', attempt = 1, started_at = created_at,"
             "finished_at = created_at, version = 3");
    add_event(s, 1, "ended", "task.started");
    add_event(s, 1, "ended", "task.succeeded");
    database_run(s, "data/errand.db", "INSERT INTO results VALUES (1, '1')");
    add_task(s, 2, "queued", "priority = 1");
    add_task(s, 3, "scheduled", "state = 'scheduled', run_at = 1000");
    add_task(s, 4, "running",
             "state = 'running', attempt = 1, started_at = created_at,"
             "version = 2");
    add_event(s, 4, "running", "task.started");
    add_task(s, 5, "waiting",
             "state = 'waiting', kind = 'meta', function = 'sum', lane = 0,"
             "wait_for = 'all', unresolved = 1");
    database_run(s, "data/errand.db",
                 "UPDATE payloads SET args = '[{\"$task\":\"running\"},5]' WHERE task = 5;"
                 "INSERT INTO dependencies VALUES (5, 0, 4, '/args/0', 0)");
}

/* All that an earlier version left is there and ends as it should. */
SCENARIO(earlier_versions)
{
    for (int version = 1; version <= NEWEST; version++) {
        note(s, "version %d", version);
        make_version(s, version);
        add_tasks(s);
        struct server *server = server_start(s, "%s", "");
        expect_result(server, "ended", "1");
        expect_result(server, "queued", "2");
        expect_result(server, "scheduled", "3");
        expect_result(server, "running", "4");
        expect_result(server, "waiting", "9");
        expect_number(task(server, "running"), "attempt", 2);
        struct event *first = sse_next(sse_open_from(server, "0", "/v1/events"));
        assert_int_equal(first->number, 1);
        expect_result(server, create(server, "{'function':'echo','args':[1],'cache_key':'k'}"),
                      "1");
        assert_int_equal(server_stop(server), 0);
        struct run *run = errand_run(s, "check %s", folder_path(s, "data/errand.db"));
        if (run->exit_status != 0)
            fail_at(HERE, "%s", run->output);
        assert_string_equal(database_ask(s, "data/errand.db", "PRAGMA user_version"),
                            text(s, "%d", migrations[NEWEST - 1].version));
        assert_string_equal(database_ask(s, "data/errand.db", "PRAGMA application_id"),
                            text(s, "%d", 0x65727264));
        remove(folder_path(s, "data/errand.db"));
    }
}

/* One that cannot be brought up to date is refused with the reason, and no task of it is lost. */
SCENARIO(in_the_way)
{
    make_version(s, 1);
    add_tasks(s);
    database_run(s, "data/errand.db", "CREATE TABLE leases (mine)");
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data data");
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "table leases already exists"));
    database_run(s, "data/errand.db", "DROP TABLE leases");
    struct server *server = server_start(s, "%s", "");
    expect_result(server, "ended", "1");
    expect_result(server, "waiting", "9");
}

/* One of an earlier version can be backed up by today's binary, before its server is started. */
SCENARIO(backup_before)
{
    make_version(s, 1);
    add_tasks(s);
    struct run *run = errand_run(s, "backup old.db --data data");
    assert_int_equal(run->exit_status, 0);
    assert_string_equal(run->errors, "");
    assert_string_equal(database_ask(s, "old.db", "PRAGMA user_version"), "1");
    assert_string_equal(database_ask(s, "old.db", "SELECT count(*) FROM tasks"), "5");
}

/* A newer one is left as it is, byte for byte. */
SCENARIO(newer_version)
{
    make_version(s, NEWEST);
    const char *journals[] = {"PRAGMA journal_mode = WAL", "PRAGMA journal_mode = DELETE"};
    for (size_t i = 0; i < sizeof journals / sizeof *journals; i++) {
        note(s, "%s", journals[i]);
        database_run(s, "data/errand.db", text(s, "PRAGMA user_version = 1000; %s", journals[i]));
        struct bytes before = file_bytes(s, "data/errand.db");
        struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data data");
        assert_int_equal(run->exit_status, 1);
        assert_string_equal(run->output, "");
        assert_non_null(strstr(run->errors,
                               "errand: data/errand.db: the database was made by a newer errand "
                               "(schema 1000, this one knows up to "));
        expect_bytes(s, "data/errand.db", before);
        assert_int_equal(errand_run(s, "backup new.db --data data")->exit_status, 1);
        assert_false(folder_has(s, "new.db"));
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(earlier_versions),
        RUN(in_the_way),
        RUN(backup_before),
        RUN(newer_version),
    };
    return RUN_SCENARIOS("migrate", table);
}
