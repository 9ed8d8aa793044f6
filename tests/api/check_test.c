/* `errand check`: what it finds in a database, and what it does not open. */
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"

static const char *const invariants[] = {
#define X(name, sql) #name,
#include "invariants.inc"
#undef X
};
enum { INVARIANTS = sizeof invariants / sizeof *invariants };

/* One task of each kind and state that is not passed in a moment. */
static struct server *start_with_tasks(struct scenario *s)
{
    functions_standard(s);
    functions_remote(s, "away", "");
    function_file(s, "says.sh", "#!/bin/sh\necho a line >&2\necho 1\n");
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'one','function':'echo','args':[1],'notify_channels':['a','b']}");
    create(server, "{'id':'log','function':'says'}");
    create(server, "{'id':'bad','function':'fail'}");
    create(server, "{'id':'once','function':'echo','args':[1],'result_access':'once'}");
    create(server, "{'id':'sum','process':'sum','args':[{'$task':'one'},2]}");
    create(server, "{'id':'first','process':'collect','wait_for':'any','args':[{'$task':'one'},"
                   "{'$task':'bad'}]}");
    const char *ended[] = {"one", "log", "once", "sum", "first"};
    for (size_t i = 0; i < sizeof ended / sizeof *ended; i++)
        expect_outcome(server, ended[i], "succeeded");
    expect_outcome(server, "bad", "failed");
    expect_status(get(server, "/v1/tasks/once/result"), 200);
    create(server, "{'id':'later','function':'echo','delay':3600,'cache_key':'k'}");
    create(server, "{'id':'not','function':'echo','delay':3600}");
    cancel(server, "not", "{'notify':false}");
    create(server, "{'id':'hold','function':'hold'}");
    await_progress(server, "hold", 1);
    create(server, "{'id':'next','function':'cat'}");
    create(server, "{'id':'far','function':'away'}");
    lease_for(server, "away", "3600");
    create(server,
           "{'id':'waits','process':'collect','args':[{'$task':'hold'},{'$task':'later'}]}");
    create(server, "{'id':'inside','process':'collect','args':[{'$task':{'id':'in','function':"
                   "'echo','delay':3600}}]}");
    return server;
}

/* Beside a server that runs, and after it died: what is in the log file counts. */
SCENARIO(in_order)
{
    struct server *server = start_with_tasks(s);
    const char *path = folder_path(s, "data/errand.db");
    for (int round = 0; round < 3; round++) {
        note(s, "round %d", round);
        struct run *run = errand_run(s, "check %s", path);
        assert_string_equal(run->errors, "");
        const char *want = text(s, "%s: ok, tasks: 14, of these live: 7, events: ", path);
        assert_memory_equal(run->output, want, strlen(want));
        assert_int_equal(run->exit_status, 0);
        if (round == 0)
            server_kill9(server);
        else if (round == 1)
            database_run(s, "data/errand.db", "SELECT count(*) FROM tasks");
    }
    assert_false(folder_has(s, "data/errand.db-wal"));
    assert_false(folder_has(s, "data/errand.db-shm"));
}

static const struct {
    const char *invariant, *script;
} broken[] = {
    {"pages", "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX tasks_due "
              "ON tasks (created_at) WHERE state = ''scheduled''' WHERE name = 'tasks_due'"},
    {"foreign_keys", "CREATE TABLE x (a REFERENCES tasks (seq)); INSERT INTO x VALUES (999999)"},
    {"words", "UPDATE tasks SET state = 'asleep' WHERE id = 'later'"},
    {"words", "UPDATE tasks SET kind = 'meta' WHERE id = 'one'"},
    {"words", "UPDATE tasks SET wait_for = 'none' WHERE id = 'sum'"},
    {"words", "UPDATE tasks SET result_access = 'twice' WHERE id = 'one'"},
    {"finished_at", "UPDATE tasks SET finished_at = 1 WHERE id = 'later'"},
    {"finished_at", "UPDATE tasks SET finished_at = 0 WHERE id = 'one'"},
    {"error", "UPDATE tasks SET error = NULL WHERE id = 'bad'"},
    {"error", "UPDATE tasks SET error = '{}' WHERE id = 'one'"},
    {"cancel_requested", "UPDATE tasks SET cancel_requested = 1 WHERE id = 'one'"},
    {"cancel_requested", "UPDATE tasks SET silent = 1 WHERE id = 'hold'"},
    {"attempts", "UPDATE tasks SET interruptions = 1 WHERE id = 'hold'"},
    {"attempts", "UPDATE tasks SET attempt = 0 WHERE id = 'one'"},
    {"attempts_left", "UPDATE tasks SET attempt = 1, started_at = 1, failures = 1 "
                      "WHERE id = 'later'"},
    {"run_at", "UPDATE tasks SET run_at = 0 WHERE id = 'later'"},
    {"live_key", "DROP INDEX tasks_live_key; UPDATE tasks SET cache_key = 'k' "
                 "WHERE finished_at = 0"},
    {"wanted", "UPDATE tasks SET subscribers = 0 WHERE id = 'next'"},
    {"wanted", "UPDATE dependencies SET dependency = 1 WHERE task = "
               "(SELECT seq FROM tasks WHERE id = 'inside')"},
    {"subscribers", "UPDATE tasks SET subscribers = -1 WHERE id = 'one'"},
    {"result_early", "INSERT INTO results SELECT seq, '1' FROM tasks WHERE id = 'later'"},
    {"result_missing", "DELETE FROM results WHERE task = (SELECT seq FROM tasks WHERE id = 'one')"},
    {"result_gone", "UPDATE tasks SET result_gone = 1 WHERE id = 'one'"},
    {"result_gone", "UPDATE tasks SET result_gone = 1 WHERE id = 'later'"},
    {"result_kept", "INSERT INTO results SELECT seq, '1' FROM tasks WHERE id = 'once'"},
    {"dependency", "UPDATE dependencies SET dependency = 999999 WHERE task = "
                   "(SELECT seq FROM tasks WHERE id = 'inside')"},
    {"unresolved", "UPDATE tasks SET unresolved = 1 WHERE id = 'waits'"},
    {"unresolved", "UPDATE tasks SET unresolved = 0 WHERE id = 'inside'"},
    {"circle", "UPDATE dependencies SET dependency = task WHERE task = "
               "(SELECT seq FROM tasks WHERE id = 'inside')"},
    {"winner", "UPDATE tasks SET winner = seq WHERE id = 'first'"},
    {"winner", "UPDATE tasks SET winner = 1 WHERE id = 'sum'"},
    {"continued", "UPDATE tasks SET continued = 1 WHERE id = 'hold'"},
    {"continued", "UPDATE tasks SET state = 'waiting' WHERE id = 'next'"},
    {"lease", "UPDATE tasks SET state = 'queued' WHERE id = 'far'"},
    {"lease", "UPDATE leases SET attempt = 2"},
    {"lease_ended", "UPDATE leases SET due_at = 0"},
    {"lease_ended", "UPDATE leases SET ended = 'answered'"},
    {"orphan", "INSERT INTO payloads VALUES (999999, '[]', '{}', NULL)"},
    {"orphan", "INSERT INTO results VALUES (999999, '1')"},
    {"orphan", "INSERT INTO task_channels VALUES ('c', 999999)"},
    {"orphan", "INSERT INTO dependencies VALUES (999999, 0, 1, '', 0)"},
    {"orphan", "UPDATE subscriptions SET task = 999999"},
    {"orphan", "UPDATE leases SET task = 999999"},
    {"orphan", "UPDATE logs SET task = 999999"},
    {"orphan", "UPDATE log_totals SET task = 999999"},
    {"channels", "DELETE FROM task_channels WHERE channel = 'a'"},
    {"channels", "INSERT INTO task_channels VALUES ('c', 1)"},
    {"log_bytes", "UPDATE log_totals SET head_bytes = head_bytes + 1"},
    {"log_bytes", "DELETE FROM log_totals"},
    {"json", "UPDATE results SET value = '[1,' WHERE task = 1"},
    {"json", "UPDATE tasks SET progress = '{' WHERE id = 'hold'"},
    {"event_number", "UPDATE events SET id = 0 WHERE id = 1"},
    {"event_task", "UPDATE events SET task = 2 WHERE id = 1"},
    {"event_created", "INSERT INTO events SELECT NULL, task, at, data FROM events WHERE id = 1"},
    {"end_untold", "DELETE FROM events WHERE task = 1 AND data LIKE '%task.succeeded%'"},
    {"end_untold", "UPDATE tasks SET silent = 0 WHERE id = 'not'"},
    {"end_told", "INSERT INTO events SELECT NULL, task, at, data FROM events "
                 "WHERE task = 1 AND data LIKE '%task.succeeded%'"},
    {"end_told", "INSERT INTO events SELECT NULL, task, at, data FROM events "
                 "WHERE task = 1 AND data LIKE '%task.started%'"},
    {"end_told", "UPDATE tasks SET state = 'running', finished_at = 0 WHERE id = 'one'"},
    {"starts", "UPDATE tasks SET attempt = 2 WHERE id = 'one'"},
    {"starts", "DELETE FROM events WHERE task = 1 AND data LIKE '%task.started%'"},
    {"version", "UPDATE tasks SET version = 1 WHERE id = 'one'"},
};
enum { BROKEN = sizeof broken / sizeof *broken };

/* Broken in one way, a database is found to be so, by the invariant that is meant. */
SCENARIO(each_invariant_finds)
{
    server_kill9(start_with_tasks(s));
    database_fold(s, "data/errand.db");
    for (size_t i = 0; i < BROKEN; i++) {
        note(s, "%s: %s", broken[i].invariant, broken[i].script);
        file_copy(s, "data/errand.db", "broken.db");
        database_run(s, "broken.db", broken[i].script);
        struct run *run = errand_run(s, "check %s", folder_path(s, "broken.db"));
        assert_int_equal(run->exit_status, 1);
        assert_non_null(
            strstr(text(s, "\n%s", run->output), text(s, "\n%s: ", broken[i].invariant)));
        assert_non_null(strstr(run->output, "broken.db: not in order, findings: "));
    }
}

SCENARIO(each_invariant_is_tried)
{
    for (size_t i = 0; i < INVARIANTS; i++) {
        size_t k = 0;
        note(s, "%s", invariants[i]);
        while (k < BROKEN && strcmp(broken[k].invariant, invariants[i]) != 0)
            k++;
        assert_true(k < BROKEN);
    }
}

/* Events that are deleted because they are old are not missing. */
SCENARIO(old_events_may_be_gone)
{
    server_kill9(start_with_tasks(s));
    database_run(s, "data/errand.db",
                 "DELETE FROM events WHERE id <= (SELECT max(e.id) FROM events e JOIN tasks t "
                 "ON t.seq = e.task WHERE t.id = 'not')");
    struct run *run = errand_run(s, "check %s", folder_path(s, "data/errand.db"));
    assert_string_equal(run->errors, "");
    assert_int_equal(run->exit_status, 0);
}

/* Of one invariant a hundred findings are told, the others counted; each is one line. */
SCENARIO(many_findings)
{
    struct server *server = server_start(s, "%s", "");
    server_kill9(server);
    database_run(s, "data/errand.db",
                 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)"
                 "INSERT INTO task_channels SELECT char(10) || char(27) || i, 1000 + i FROM n");
    struct run *run = errand_run(s, "check %s", folder_path(s, "data/errand.db"));
    assert_int_equal(run->exit_status, 1);
    int lines = 0;
    for (const char *p = run->output; (p = strstr(p, "orphan: there is no task for")); p++)
        lines++;
    assert_int_equal(lines, 100);
    assert_non_null(strstr(run->output, "orphan: and 50 more\n"));
    assert_non_null(strstr(run->output, "findings: 150"));
    assert_null(strchr(run->output, 27));
}

/* A page of nonsense in the middle is a finding, and no end of the check. */
SCENARIO(damaged_page)
{
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 40; i++)
        create(server, "{'function':'echo','args':['%01000d']}", i);
    server_kill9(server);
    database_fold(s, "data/errand.db");
    size_t page = (size_t)atoi(database_ask(
        s, "data/errand.db", "SELECT rootpage FROM sqlite_schema WHERE name = 'events'"));
    char nonsense[4096];
    memset(nonsense, 0xA5, sizeof nonsense);
    file_poke(s, "data/errand.db", (page - 1) * sizeof nonsense,
              (struct bytes){nonsense, sizeof nonsense});
    struct run *run = errand_run(s, "check %s", folder_path(s, "data/errand.db"));
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->output, "pages: "));
    assert_non_null(strstr(run->output, "version: database disk image is malformed\n"));
    assert_non_null(strstr(run->output, "not in order"));
}

/* What is no database of errand, or newer than this one, is exit 2 and a line that says so. */
SCENARIO(not_opened)
{
    server_kill9(server_start(s, "%s", ""));
    database_fold(s, "data/errand.db");
    file_copy(s, "data/errand.db", "newer.db");
    database_run(s, "newer.db", "PRAGMA user_version = 1000");
    database_run(s, "other.db", "CREATE TABLE tasks (a); CREATE TABLE events (a)");
    file_copy(s, "data/errand.db", "foreign.db");
    database_run(s, "foreign.db", "PRAGMA application_id = 1");
    folder_write(s, "text.db", "The quick brown fox jumps over the lazy dog, again and again.");
    folder_write(s, "empty.db", "");
    static const struct {
        const char *arguments, *says;
    } bad[] = {
        {"check", "usage: errand check FILE"},
        {"check a b", "usage: errand check FILE"},
        {"check --help", "usage: errand check FILE"},
        {"check nowhere.db", "nowhere.db: No such file or directory"},
        {"check data", "data: Is a directory"},
        {"check text.db", "text.db: file is not a database"},
        {"check empty.db", "empty.db: the database is empty"},
        {"check newer.db", "newer.db: the database was made by a newer errand"},
        {"check other.db", "other.db: the database is of another program"},
        {"check foreign.db", "foreign.db: the database is of another program"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i].arguments);
        struct run *run = errand_run(s, "%s", bad[i].arguments);
        assert_int_equal(run->exit_status, 2);
        assert_string_equal(run->output, "");
        assert_non_null(strstr(run->errors, bad[i].says));
    }
}

/* Of a database of an older version only the file itself is looked at. */
SCENARIO(older_version)
{
    database_run(s, "old.db",
                 "CREATE TABLE tasks (a); CREATE TABLE events (a); PRAGMA user_version = 1");
    struct run *run = errand_run(s, "check old.db");
    assert_int_equal(run->exit_status, 0);
    assert_string_equal(
        run->output,
        "old.db: ok as a file; the schema is 1, an older one, so nothing else was looked at");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(in_order),
        RUN(each_invariant_finds),
        RUN(each_invariant_is_tried),
        RUN(old_events_may_be_gone),
        RUN(many_findings),
        RUN(damaged_page),
        RUN(not_opened),
        RUN(older_version),
    };
    return RUN_SCENARIOS("check", table);
}
