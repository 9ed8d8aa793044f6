/* What a server does on a file that is not its database, or is damaged: the table of
 * docs/operations.md, "A file that is not in order". */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/stand_in.h"
#include "tests/api/lib/tasks.h"

enum { PAGE = 4096 };

/* data/errand.db of a server that has done some work and was stopped. */
static void make_database(struct scenario *s)
{
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 30; i++)
        create(server, "{'id':'t%d','function':'echo','args':['%01000d']}", i, i);
    for (int i = 0; i < 30; i++)
        expect_outcome(server, text(s, "t%d", i), "succeeded");
    assert_int_equal(server_stop(server), 0);
}

static struct bytes filled(struct scenario *s, size_t length, unsigned seed)
{
    char *bytes = keep(s, length);
    for (size_t i = 0; i < length && seed; i++)
        bytes[i] = (char)(i * i * seed + i / 7);
    return (struct bytes){bytes, length};
}

/* It does not start: exit status 1, a line that says why, and all is as it was. */
static void expect_refused(struct scenario *s, const char *says)
{
    static const char *const names[] = {"data/errand.db", "data/errand.db-wal"};
    struct bytes before[2] = {0};
    for (int i = 0; i < 2; i++) {
        if (folder_has(s, names[i]))
            before[i] = file_bytes(s, names[i]);
    }
    note(s, "it should say: %s", says);
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data data");
    assert_int_equal(run->exit_status, 1);
    assert_string_equal(run->output, "");
    if (!strstr(run->errors, says))
        fail_at(HERE, "%s", run->errors);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(folder_has(s, names[i]), before[i].data != NULL);
        if (before[i].data)
            expect_bytes(s, names[i], before[i]);
    }
}

SCENARIO(not_a_database)
{
    mkdir(folder_path(s, "data"), 0700);
    const struct bytes contents[] = {
        filled(s, 10000, 0),
        filled(s, 10000, 77),
        filled(s, 700, 3),
        {"Dear diary, today I have been put in the wrong place.\n", 54},
    };
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        file_put(s, "data/errand.db", contents[i]);
        expect_refused(s, "errand: data/errand.db: file is not a database");
    }
}

SCENARIO(of_another_program)
{
    mkdir(folder_path(s, "data"), 0700);
    database_run(s, "data/errand.db", "CREATE TABLE notes (text); INSERT INTO notes VALUES ('x')");
    expect_refused(s, "errand: data/errand.db: the database is of another program");
    database_run(s, "data/errand.db", "PRAGMA user_version = 2; PRAGMA journal_mode = WAL");
    expect_refused(s, "the database is of another program");
    remove(folder_path(s, "data/errand.db"));
    make_database(s);
    database_run(s, "data/errand.db", "PRAGMA application_id = 252006674");
    expect_refused(s, "the database is of another program");
}

SCENARIO(not_a_file)
{
    mkdir(folder_path(s, "data"), 0700);
    mkdir(folder_path(s, "data/errand.db"), 0700);
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data data");
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "errand: data/errand.db: Is a directory"));
    rmdir(folder_path(s, "data/errand.db"));
    assert_int_equal(mkfifo(folder_path(s, "data/errand.db"), 0600), 0);
    run = errand_run(s, "serve --listen 127.0.0.1:0 --data data");
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "errand: data/errand.db: is no file"));
}

/* What a kill in the first moment of all leaves. */
SCENARIO(empty_file)
{
    mkdir(folder_path(s, "data"), 0700);
    folder_write(s, "data/errand.db", "");
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
}

SCENARIO(truncated)
{
    make_database(s);
    struct bytes all = file_bytes(s, "data/errand.db");
    const size_t lengths[] = {50, 100, PAGE - 1, PAGE, 3 * PAGE, all.length / 2, all.length - PAGE};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        note(s, "%zu bytes of %zu", lengths[i], all.length);
        file_put(s, "data/errand.db", (struct bytes){all.data, lengths[i]});
        struct run *run = errand_run(s, "check data/errand.db");
        assert_int_not_equal(run->exit_status, 0);
        expect_refused(s, "data/errand.db: ");
    }
}

static void spoil(struct scenario *s, const char *name, size_t page)
{
    file_poke(s, name, (page - 1) * PAGE, filled(s, PAGE, 91));
}

static size_t root_page(struct scenario *s, const char *table)
{
    return (size_t)atoi(
        database_ask(s, "data/errand.db",
                     text(s, "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table)));
}

/* Where the start has to look it says so; it does not look everywhere. */
SCENARIO(damaged_at_the_start)
{
    make_database(s);
    struct bytes good = file_bytes(s, "data/errand.db");
    const char *tables[] = {"tasks", "events", "tasks_by_state"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        note(s, "%s", tables[i]);
        spoil(s, "data/errand.db", root_page(s, tables[i]));
        struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data data");
        assert_int_equal(run->exit_status, 1);
        assert_non_null(strstr(run->errors, "database disk image is malformed"));
        assert_int_equal(errand_run(s, "check data/errand.db")->exit_status, 1);
        file_put(s, "data/errand.db", good);
    }
    struct server *server = server_start(s, "%s", "");
    expect_outcome(server, "t7", "succeeded");
}

/* Damage that a read meets is a 500 for that request; the others are answered. */
SCENARIO(damaged_for_a_reader)
{
    make_database(s);
    spoil(s, "data/errand.db", root_page(s, "results"));
    struct server *server = server_start(s, "%s", "");
    expect_problem(get(server, "/v1/tasks/t7/result"), 500, "internal");
    expect_status(get(server, "/v1/tasks?limit=5"), 200);
    expect_status(get(server, "/healthz"), 200);
    expect_problem(get(server, "/v1/tasks/t8/result"), 500, "internal");
}

/* Damage that the writer meets ends the server, and what was committed stays. */
SCENARIO(damaged_for_the_writer)
{
    make_database(s);
    spoil(s, "data/errand.db", root_page(s, "results"));
    struct server *server = server_start(s, "%s", "");
    struct http *http = server_connect(server);
    size_t length;
    const char *body = json(s, "{'id':'new','function':'echo','args':[1]}");
    const char *bytes =
        request_bytes(server, &(struct request){.path = "/v1/tasks", .body = body}, &length);
    http_write(http, bytes, length); /* its result cannot be stored */
    assert_int_equal(server_wait(server), 1);
    assert_non_null(strstr(server_log(server), "the database is damaged"));
    assert_non_null(strstr(server_log(server), "the server stops"));
    assert_string_equal(database_ask(s, "data/errand.db",
                                     "SELECT count(*) FROM tasks "
                                     "WHERE id = 't7'"),
                        "1");
}

/* --- the log file ------------------------------------------------------------------------ */

/* Without errand.db a log is all that is left of it: it is not thrown away. */
SCENARIO(log_without_a_database)
{
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
    server_kill9(server);
    struct bytes database = file_bytes(s, "data/errand.db");
    remove(folder_path(s, "data/errand.db"));
    expect_refused(s, "data/errand.db-wal beside it is the log of another file");
    file_put(s, "data/errand.db", database);
    server = server_start(s, "%s", "");
    assert_int_equal(count_tasks(server, "state=succeeded"), 1);
}

/* A backup that is put beside the log of what was there before would be spoilt by it. */
SCENARIO(log_of_another_file)
{
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'id':'a','function':'echo','args':[1]}"), "1");
    assert_int_equal(errand_run(s, "backup b.db --data data")->exit_status, 0);
    expect_result(server, create(server, "{'id':'b','function':'echo','args':[1]}"), "1");
    server_kill9(server);
    file_copy(s, "b.db", "data/errand.db");
    expect_refused(s, "data/errand.db-wal beside it is the log of another file");
    struct run *run = errand_run(s, "check data/errand.db");
    assert_int_equal(run->exit_status, 2);
    remove(folder_path(s, "data/errand.db-wal"));
    server = server_start(s, "%s", "");
    expect_result(server, "a", "1");
    expect_status(get(server, "/v1/tasks/b"), 404);
}

/* A log that makes no sense, or was cut off, counts up to where it does. */
SCENARIO(log_that_is_cut_off)
{
    make_database(s);
    struct bytes database = file_bytes(s, "data/errand.db");
    file_put(s, "data/errand.db-wal", filled(s, 3 * PAGE, 5));
    struct server *server = server_start(s, "%s", "");
    expect_outcome(server, "t7", "succeeded");
    server_kill9(server);
    file_put(s, "data/errand.db", database);
    struct bytes log = file_bytes(s, "data/errand.db-wal");
    file_put(s, "data/errand.db-wal", (struct bytes){log.data, log.length / 2});
    server = server_start(s, "%s", "");
    expect_outcome(server, "t7", "succeeded");
    assert_int_equal(server_stop(server), 0);
    assert_int_equal(errand_run(s, "check data/errand.db")->exit_status, 0);
}

/* --- what may not be written ------------------------------------------------------------- */

/* A file or a folder that cannot be written is no place to begin. */
SCENARIO(read_only)
{
    make_database(s);
    stand_in_nobody(s);
    chmod(folder_path(s, "data"), 0777);
    chmod(folder_path(s, "data/errand.lock"), 0666);
    chmod(folder_path(s, "data/errand.children"), 0666);
    chmod(folder_path(s, "data/errand.db"), 0444);
    expect_refused(s, "errand: data/errand.db: cannot be written");
    chmod(folder_path(s, "data/errand.db"), 0666);
    chmod(folder_path(s, "data"), 0555);
    expect_refused(s, "errand: data");
    struct run *run = errand_run(s, "check data/errand.db");
    assert_int_equal(run->exit_status, 0);
    run = errand_run(s, "backup data/b.db --data data");
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "data/b.db.partial: Permission denied"));
    chmod(folder_path(s, "data"), 0700);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(not_a_database),
        RUN(of_another_program),
        RUN(not_a_file),
        RUN(empty_file),
        RUN(truncated),
        RUN(damaged_at_the_start),
        RUN(damaged_for_a_reader),
        RUN(damaged_for_the_writer),
        RUN(log_without_a_database),
        RUN(log_of_another_file),
        RUN(log_that_is_cut_off),
        RUN(read_only),
    };
    return RUN_SCENARIOS("damage", table);
}
