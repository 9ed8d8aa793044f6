/* Section 5.7 on a full disk: start, recovery, shutdown. */
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/disk.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"

/* 5.7: a start with a disk that is full: the reserve is for it. */
SCENARIO(starts_with_its_reserve)
{
    disk_make(s, DISK_KB);
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    server_kill9(server);
    disk_fill(s);
    server = server_start(s, "%s", "");
    expect_state(server, "a", "queued");
    expect_json(get(server, "/readyz"), "", "{'status':'storage-full'}");
    disk_make_room(server);
    release(s, "a", "7");
    expect_result(server, "a", "7");
}

/* 5.7: without a byte of room it starts too, answers reads, and recovers when there is room. */
SCENARIO(starts_without_room)
{
    disk_make(s, DISK_KB);
    functions_standard(s);
    struct server *server = server_start(s, "--reserve 0");
    create(server, "{'id':'old','function':'echo','args':[1]}");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'gone','function':'stubborn'}");
    await_progress(server, "a", 1);
    await_progress(server, "gone", 1);
    expect_result(server, "old", "1");
    server_kill9(server);
    folder_write(s, "scratch/a.pids", "");
    disk_fill(s);
    for (int round = 0; round < 2; round++) {
        server = server_start(s, "--reserve 0");
        expect_json(get(server, "/readyz"), "", "{'status':'storage-full'}");
        expect_result(server, "old", "1");
        expect_problem(post(server, "/v1/tasks", "{'function':'echo'}"), 503, "storage-full");
        assert_int_equal(server_stop(server), 0);
    }
    server = server_start(s, "--reserve 0");
    assert_int_equal(disk_ready(server), 503);
    disk_make_room(server);
    release(s, "a", "7");
    expect_result(server, "a", "7");
    expect_number(task(server, "a"), "attempt", 2);
    cancel(server, "gone", NULL);
    expect_outcome(server, "gone", "cancelled");
}

/* Folds the write-ahead log into the file and removes it, as whoever closes a database last does:
 * the log has no room left of its own. */
static void fold_log(struct scenario *s)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(folder_path(s, "data/errand.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT count(*) FROM tasks", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_false(folder_has(s, "data/errand.db-wal"));
}

/* 5.7: what ran when the server died, and cannot be queued again for want of room, is when there is
 * some. A start that cannot even open the database says why. */
SCENARIO(recovers_when_there_is_room)
{
    disk_make(s, DISK_KB);
    functions_standard(s);
    struct server *server = server_start(s, "--reserve 0");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    server_kill9(server);
    fold_log(s);
    folder_write(s, "data/spare", text(s, "%36864s", ""));
    disk_fill(s);
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --functions %s",
                                 s->folder, folder_path(s, "functions"));
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "errand.db: the disk is full"));
    unlink(folder_path(s, "data/spare")); /* 32 KiB of it are what SQLite wants to open the file */
    server = server_start(s, "--reserve 0");
    expect_json(get(server, "/readyz"), "", "{'status':'storage-full'}");
    expect_state(server, "a", "running");
    assert_int_equal(disk_log_lines(server, "recovery: tasks that were running"), 0);
    disk_make_room(server);
    release(s, "a", "7");
    expect_result(server, "a", "7");
    expect_number(task(server, "a"), "attempt", 2);
    assert_int_equal(disk_log_lines(server, "recovery: tasks that were running"), 1);
}

/* 4, 5.7: what an earlier server left running may be ended from outside while the recovery waits
 * for room. It has no process here, and so no slot that would be taken for ever. */
SCENARIO(ended_before_it_is_recovered)
{
    enum { CROWD = 490 }; /* more than there is room for */
    disk_make(s, DISK_KB);
    functions_standard(s);
    struct server *server = server_start(s, "--reserve 0 --slots 1");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    for (int i = 0; i < CROWD; i++)
        create(server, "{'function':'sleep','args':[3600]}");
    eventually(count_tasks(server, "state=running") == CROWD + 1);
    server_kill9(server);
    fold_log(s);
    folder_write(s, "data/spare", text(s, "%98304s", ""));
    disk_fill(s);
    unlink(folder_path(s, "data/spare"));
    server = server_start(s, "--reserve 0 --slots 1");
    expect_state(server, "a", "running");
    expect_status(call(server, .method = "PUT", .path = "/v1/tasks/a/result", .body = "7"), 200);
    assert_int_equal(count_tasks(server, "state=running"), CROWD);
    disk_make_room(server);
    create(server, "{'id':'b','function':'cat'}");
    expect_outcome(server, "b", "succeeded");
    expect_result(server, "a", "7");
}

/* 5.7: a shutdown needs no room: what could not be stored runs again. */
SCENARIO(shuts_down_without_room)
{
    disk_make(s, DISK_KB);
    functions_standard(s);
    disk_function_large(s);
    struct server *server = server_start(s, "--reserve 0 --drain 0.2 --grace 0.1");
    create(server, "{'id':'a','function':'large'}");
    create(server, "{'id':'b','function':'stubborn'}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    int pid = folder_pid(s, "b.pids", 0);
    disk_fill_up(server);
    release(s, "a", "go");
    eventually(folder_has(s, "scratch/a.over"));
    assert_int_equal(server_stop(server), 0);
    assert_false(process_alive(pid));
    assert_non_null(strstr(server_log(server), "left unfinished"));
    disk_empty(s);
    unlink(folder_path(s, "scratch/a.gate"));
    folder_write(s, "scratch/b.pids", "");
    server = server_start(s, "--grace 0.1");
    release(s, "a", "go");
    expect_outcome(server, "a", "succeeded");
    folder_pid(s, "b.pids", 0);
    cancel(server, "b", NULL);
    expect_outcome(server, "b", "cancelled");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(starts_with_its_reserve),     RUN(starts_without_room),
        RUN(recovers_when_there_is_room), RUN(ended_before_it_is_recovered),
        RUN(shuts_down_without_room),
    };
    return RUN_SCENARIOS("storage_restart", table);
}
