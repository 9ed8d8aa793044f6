/* `errand backup`: a copy of the database of a server that runs, and going back to it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

static struct run *backup(struct scenario *s, const char *words)
{
    return errand_run(s, "backup %s --data %s", words, folder_path(s, "data"));
}

static void expect_backup(struct scenario *s, const char *words)
{
    struct run *run = backup(s, words);
    if (run->exit_status != 0 || *run->errors)
        fail_at(HERE, "backup %s: %d: %s", words, run->exit_status, run->errors);
}

static void expect_refused(struct scenario *s, const char *words, const char *says)
{
    struct run *run = backup(s, words);
    note(s, "backup %s: %s", words, run->errors);
    assert_int_equal(run->exit_status, 1);
    assert_string_equal(run->output, "");
    assert_non_null(strstr(run->errors, says));
}

static void expect_in_order(struct scenario *s, const char *name)
{
    struct run *run = errand_run(s, "check %s", folder_path(s, name));
    if (run->exit_status != 0)
        fail_at(HERE, "%s%s", run->output, run->errors);
}

/* One file, for its owner's eyes, in order; from a server that runs, that died, that has stopped.
 */
SCENARIO(one_file)
{
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'id':'a','function':'echo','args':[1]}"), "1");
    for (int round = 0; round < 3; round++) {
        note(s, "round %d", round);
        const char *name = text(s, "copy%d.db", round);
        struct run *run = backup(s, name);
        struct stat status;
        assert_int_equal(run->exit_status, 0);
        assert_string_equal(run->errors, "");
        assert_int_equal(stat(folder_path(s, name), &status), 0);
        assert_string_equal(run->output,
                            text(s, "%s: bytes: %lld, tasks: 1, of these live: 0, events: 3", name,
                                 (long long)status.st_size));
        assert_int_equal(status.st_mode & 0777, 0600);
        const char *endings[] = {".partial", "-wal", "-shm", "-journal"};
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
            assert_false(folder_has(s, text(s, "%s%s", name, endings[i])));
        expect_in_order(s, name);
        if (round == 0) {
            server_kill9(server);
        } else if (round == 1) {
            server = server_start(s, "%s", "");
            assert_int_equal(server_stop(server), 0);
        }
    }
    assert_false(folder_has(s, "data/errand.db-shm"));
}

/* A shutdown in order leaves one file, whoever has read: that file may be copied. */
SCENARIO(folded_in_by_a_shutdown)
{
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events");
    expect_result(server, create(server, "{'id':'a','function':'echo','args':[1]}"), "1");
    await_event(sse, "task.succeeded", "a");
    assert_int_equal(server_stop(server), 0);
    assert_false(folder_has(s, "data/errand.db-wal"));
    assert_string_equal(database_ask(s, "data/errand.db", "SELECT count(*) FROM tasks"), "1");
}

/* The data folder is found as by the server: flag, variable, default. */
SCENARIO(data_folder)
{
    server_stop(server_start(s, "%s", ""));
    server_environment(s, "ERRAND_DATA=%s", folder_path(s, "data"));
    assert_int_equal(errand_run(s, "backup a.db")->exit_status, 0);
    struct run *run = errand_run(s, "backup b.db --data nowhere");
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "nowhere/errand.db: No such file or directory"));
    const char *bad[] = {"backup", "backup --force", "backup c.db d.db", "backup c.db --bogus"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        run = errand_run(s, "%s", bad[i]);
        assert_int_equal(run->exit_status, 2);
        assert_non_null(strstr(run->errors, "usage: errand backup FILE [--data DIR] [--force]"));
    }
}

/* What is there stays, unless it is told otherwise; and some things stay in any case. */
SCENARIO(what_is_there)
{
    struct server *server = server_start(s, "%s", "");
    folder_write(s, "there.db", "precious");
    struct bytes precious = file_bytes(s, "there.db");
    expect_refused(s, "there.db", "there.db: File exists");
    expect_bytes(s, "there.db", precious);
    folder_write(s, "there.db-wal", "a log");
    expect_refused(s, "there.db --force", "there.db-wal: is beside it");
    expect_bytes(s, "there.db", precious);
    remove(folder_path(s, "there.db-wal"));
    expect_backup(s, "there.db --force");
    expect_in_order(s, "there.db");

    expect_refused(s, "data/errand.db --force", "data/errand.db: is the database itself");
    expect_refused(s, "data --force", "data: Is a directory");
    expect_refused(s, "no/such/folder.db", "no/such/folder.db.partial: No such file or directory");
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
}

/* Root may replace anything by a file: only files are replaced. */
SCENARIO(no_file_is_there)
{
    static const char *const names[] = {"pipe", "link", "device"};
    struct stat before, after;
    server_start(s, "%s", "");
    assert_int_equal(mkfifo(folder_path(s, "pipe"), 0600), 0);
    assert_int_equal(symlink("pipe", folder_path(s, "link")), 0);
    bool device = mknod(folder_path(s, "device"), S_IFCHR | 0600, makedev(1, 3)) == 0;
    for (size_t i = 0; i < 2 + (size_t)device; i++) {
        const char *says = text(s, "%s: is no file", names[i]);
        assert_int_equal(lstat(folder_path(s, names[i]), &before), 0);
        expect_refused(s, names[i], says);
        expect_refused(s, text(s, "%s --force", names[i]), says);
        assert_int_equal(lstat(folder_path(s, names[i]), &after), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        assert_int_equal(after.st_mode, before.st_mode);
    }
}

/* What a backup left that was killed is in nobody's way. */
SCENARIO(left_over)
{
    server_start(s, "%s", "");
    folder_write(s, "a.db.partial", "half of a backup");
    chmod(folder_path(s, "a.db.partial"), 0644);
    expect_backup(s, "a.db");
    expect_in_order(s, "a.db");
    assert_false(folder_has(s, "a.db.partial"));
}

/* Two at once do not write one file: the second is told, and spoils nothing. */
SCENARIO(another_writes_it)
{
    server_start(s, "%s", "");
    folder_write(s, "a.db.partial", "half of a backup");
    int fd = open(folder_path(s, "a.db.partial"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    expect_refused(s, "a.db", "a.db.partial: another backup writes it");
    assert_string_equal(folder_read(s, "a.db.partial"), "half of a backup");
    close(fd);
    expect_backup(s, "a.db");
    expect_in_order(s, "a.db");
}

/* Letters that mean something to SQLite where it is given the name of a file as a URI. */
SCENARIO(odd_names)
{
    const char *folder = folder_path(s, "d%41?mode=memory#x");
    struct server *server = server_start(s, "--data %s", folder);
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
    server_stop(server);
    struct run *run = errand_run(s, "backup a%%20?b#c.db --data %s", folder);
    assert_int_equal(run->exit_status, 0);
    assert_non_null(strstr(run->output, "tasks: 1,"));
    expect_in_order(s, "a%20?b#c.db");
    run = errand_run(s, "check %s/errand.db", folder);
    assert_int_equal(run->exit_status, 0);
    assert_non_null(strstr(run->output, "tasks: 1,"));
}

/* Without room there is no new file, the old one is as it was, and it says why. */
SCENARIO(no_room)
{
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 30; i++)
        create(server, "{'function':'echo','args':['%05000d']}", i);
    folder_write(s, "a.db", "the last one");
    struct bytes last = file_bytes(s, "a.db");
    const struct rlimit little = {100000, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &little);
    struct run *run = backup(s, "a.db --force");
    setrlimit(RLIMIT_FSIZE, &all);
    (void)signal(SIGXFSZ, before);
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "errand backup: a.db.partial: "));
    assert_non_null(strstr(run->errors, strerror(EFBIG)));
    expect_bytes(s, "a.db", last);
    assert_false(folder_has(s, "a.db.partial"));
}

/* A damaged database gives no backup; one that is not in order is copied as it is, and said so. */
SCENARIO(of_a_bad_database)
{
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
    assert_int_equal(server_stop(server), 0);
    file_copy(s, "data/errand.db", "good.db");
    database_run(s, "data/errand.db", "DELETE FROM results");
    struct run *run = backup(s, "odd.db");
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->output, "result_missing: "));
    assert_non_null(strstr(run->errors, "the database is not in order, and so is the copy"));
    assert_string_equal(database_ask(s, "odd.db", "SELECT count(*) FROM tasks"), "1");

    file_copy(s, "good.db", "data/errand.db");
    database_run(s, "data/errand.db",
                 "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX "
                 "tasks_finished ON tasks (seq) WHERE finished_at > 0' "
                 "WHERE name = 'tasks_finished'");
    run = backup(s, "bad.db");
    note(s, "%s%s", run->output, run->errors);
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "errand.db: is damaged, and so is the copy"));
    assert_false(folder_has(s, "bad.db"));
    assert_false(folder_has(s, "bad.db.partial"));
}

/* --- going back ------------------------------------------------------------------------ */

/* Another process that creates without end, on a connection of its own. */
static pid_t create_for_ever(struct server *server)
{
    struct scenario *s = server->scenario;
    const char *body = json(s, "{'function':'echo','args':['%01000d']}", 1);
    size_t length;
    const char *bytes =
        request_bytes(server, &(struct request){.path = "/v1/tasks", .body = body}, &length);
    struct http *http = server_connect(server);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (http_write(http, bytes, length) && http_read(http, false))
        ;
    _exit(0);
}

static void put_back(struct scenario *s, const char *copy)
{
    mkdir(folder_path(s, "data2"), 0700);
    file_copy(s, copy, "data2/errand.db");
    file_copy(s, "data/errand.children", "data2/errand.children"); /* the server was killed */
}

/* All that was acknowledged before the backup began is there and ends as it should. */
SCENARIO(restored)
{
    enum { EARLIER = 300 };
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    for (int i = 0; i < EARLIER; i++)
        create(server, "{'id':'e%d','function':'echo','args':[%d]}", i, i);
    create(server, "{'id':'hold','function':'hold'}");
    await_progress(server, "hold", 1);
    create(server, "{'id':'queued','function':'cat','args':[5]}");
    create(server, "{'id':'sum','process':'sum','args':[{'$task':'hold'},{'$task':'e7'}]}");
    create(server, "{'id':'soon','function':'echo','args':[3],'delay':2}");
    pid_t load = create_for_ever(server);
    eventually(count_tasks(server, "state=succeeded") > EARLIER + 10);
    for (int i = 0; i < 3; i++)
        expect_backup(s, text(s, "%d.db", i));
    kill(load, SIGKILL);
    waitpid(load, NULL, 0);
    create(server, "{'id':'after','function':'echo'}");
    const char *newest = sse_next(sse_open_from(server, "0", "/v1/tasks/after/events"))->id;
    int left = folder_pid(s, "hold.pids", 0);
    server_kill9(server);
    assert_true(process_alive(left));

    put_back(s, "2.db");
    server = server_start(s, "--data %s", folder_path(s, "data2"));
    assert_false(process_alive(left));
    expect_status(get(server, "/v1/tasks/after"), 404);
    struct sse *sse = sse_open_from(server, newest, "/v1/events");
    struct event *event = sse_next(sse);
    assert_string_equal(event->type, "reset");
    struct sse *hold = sse_open_from(server, "0", "/v1/tasks/hold/events");
    long long started = await_event(hold, "task.started", "hold")->number;
    assert_true(await_event(hold, "task.started", "hold")->number > started);
    for (int i = 0; i < EARLIER; i++)
        expect_result(server, text(s, "e%d", i), text(s, "%d", i));
    release(s, "hold", "4");
    expect_result(server, "sum", "11");
    expect_number(task(server, "hold"), "attempt", 2);
    expect_outcome(server, "queued", "succeeded");
    expect_result(server, "soon", "3");
    expect_result(server, create(server, "{'id':'after','function':'echo','args':[1]}"), "1");
    assert_int_equal(server_stop(server), 0);
    expect_in_order(s, "data2/errand.db");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(one_file),          RUN(folded_in_by_a_shutdown),
        RUN(data_folder),       RUN(what_is_there),
        RUN(left_over),         RUN(no_room),
        RUN(another_writes_it), RUN(odd_names),
        RUN(of_a_bad_database), RUN(restored),
        RUN(no_file_is_there),
    };
    return RUN_SCENARIOS("backup", table);
}
