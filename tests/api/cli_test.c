/* Section 1: flags, variables, the line on standard output, exit statuses. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/stand_in.h"
#include "tests/api/lib/tasks.h"

/* 1: exactly one line on standard output, with the real address, when it is ready. */
SCENARIO(ready_line_is_the_only_output)
{
    struct server *server = server_start(s, "--listen 127.0.0.1:0");
    assert_true(server->port > 0);
    expect_status(get(server, "/readyz"), 200);
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
    assert_int_equal(server_stop(server), 0);
    assert_string_equal(server_output(server),
                        text(s, "listening on http://127.0.0.1:%d\n", server->port));
}

/* 1: exit status 0 after SIGTERM and after SIGINT. */
SCENARIO(signals_end_it_with_0)
{
    const int signals[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        note(s, "signal %d", signals[i]);
        struct server *server = server_start(s, "%s", "");
        server_signal(server, signals[i]);
        assert_int_equal(server_wait(server), 0);
    }
}

/* 1: an unknown flag or a bad value is an error and exit status 2, said on standard error. */
SCENARIO(bad_usage_is_2)
{
    const char *bad[] = {
        "serve --bogus",
        "serve --slots many",
        "serve --slots -1",
        "serve --slots 3x",
        "serve --grace soon",
        "serve --grace -1",
        "serve --drain x",
        "serve --heartbeat x",
        "serve --on-shutdown maybe",
        "serve --retain 7y",
        "serve --retain x",
        "serve --max-body big",
        "serve --max-body -5",
        "serve --max-result 1.5x",
        "serve --max-queued none",
        "serve --listen nonsense",
        "serve --listen 127.0.0.1:99999",
        "serve --listen 127.0.0.1:port",
        "serve --cors-origin example.org",
        "serve --cors-origin http://example.org/",
        "serve --cors-origin http://Example.org",
        "serve --cors-origin http://",
        "serve --slots",
        "serve --idle-timeout 0",
        "serve --header-timeout 0",
        "serve --body-timeout 0",
        "serve --max-header 100",
        "serve --data=",
        "serve extra",
        "frobnicate",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "errand %s", bad[i]);
        struct run *run = errand_run(s, "%s", bad[i]);
        assert_int_equal(run->exit_status, 2);
        assert_string_not_equal(run->errors, "");
        assert_string_equal(run->output, "");
    }
}

/* What a number may be at least is said as it is. */
SCENARIO(least_values)
{
    static const struct {
        const char *words, *says;
    } bad[] = {
        {"serve --slots -1", "--slots wants a whole number, 0 or more"},
        {"serve --max-queued 0", "--max-queued wants a whole number of at least 1"},
        {"serve --heartbeat 0", "--heartbeat has to be at least 0.1 seconds"},
        {"serve --heartbeat 0.099", "--heartbeat has to be at least 0.1 seconds"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "errand %s", bad[i].words);
        struct run *run = errand_run(s, "%s", bad[i].words);
        assert_int_equal(run->exit_status, 2);
        assert_non_null(strstr(run->errors, bad[i].says));
    }
    server_start(s, "--heartbeat 0.1 --slots 0");
}

/* Without a command, and for --help, the list of commands. */
SCENARIO(commands_are_listed)
{
    static const char *const commands[] = {"serve", "backup", "check", "health", "version"};
    struct run *none = errand_run(s, "%s", ""), *help = errand_run(s, "--help");
    assert_int_equal(none->exit_status, 2);
    assert_int_equal(help->exit_status, 0);
    assert_string_equal(none->errors, help->output);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        assert_non_null(strstr(help->output, text(s, "\n  %s ", commands[i])));
    assert_string_equal(errand_run(s, "--version")->output, errand_run(s, "version")->output);
}

/* What is printed and lost is exit status 1, and said: a token is shown only once. */
SCENARIO(output_lost)
{
    static const char *const lost[] = {"token read",     "version",      "--version",
                                       "--help",         "serve --help", "check data/errand.db",
                                       "backup copy.db", "health"};
    struct server *server = server_start(s, "%s", "");
    server_environment(s, "ERRAND_DATA=%s", folder_path(s, "data"));
    server_environment(s, "ERRAND_LISTEN=127.0.0.1:%d", server->port);
    const char *program = stand_in_program(s);
    stand_in(s, text(s, "exec %s \"$@\" >/dev/full\n", program));
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        note(s, "errand %s", lost[i]);
        struct run *run = errand_run(s, "%s", lost[i]);
        assert_int_equal(run->exit_status, 1);
        assert_non_null(strstr(run->errors, "could not be written to standard output"));
    }
    assert_true(folder_has(s, "copy.db"));
    assert_int_equal(errand_run(s, "frobnicate")->exit_status, 2);
    stand_in(s, text(s, "exec %s \"$@\" >&-\n", program));
    assert_int_equal(errand_run(s, "token read")->exit_status, 1);
    assert_int_equal(errand_run(s, "check nowhere.db")->exit_status, 2);
}

/* 1: exit status 0 after SIGTERM, also where the ready line cannot be written. */
SCENARIO(nobody_reads_the_ready_line)
{
    stand_in(s, text(s, "exec %s \"$@\" >/dev/full\n", stand_in_program(s)));
    struct server *server = server_try(s, "");
    eventually(strstr(server_log(server), "applied")); /* signals are heard from here on */
    server_signal(server, SIGTERM);
    assert_int_equal(server_wait(server), 0);
}

/* 1: every setting is an environment variable too, so a bad one is bad usage. */
SCENARIO(bad_variables_are_2)
{
    const char *bad[] = {
        "ERRAND_LISTEN=nonsense",
        "ERRAND_SLOTS=x",
        "ERRAND_GRACE=x",
        "ERRAND_DRAIN=x",
        "ERRAND_RETAIN=x",
        "ERRAND_MAX_BODY=x",
        "ERRAND_ON_SHUTDOWN=perhaps",
        "ERRAND_MAX_RESULT=x",
        "ERRAND_MAX_QUEUED=x",
        "ERRAND_HEARTBEAT=x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i]);
        s->environment[0] = bad[i];
        struct run *run = errand_run(s, "serve");
        assert_int_equal(run->exit_status, 2);
        assert_string_not_equal(run->errors, "");
    }
}

/* 1: settings from variables alone. */
SCENARIO(variables_set_it)
{
    server_environment(s, "ERRAND_LISTEN=127.0.0.1:0");
    server_environment(s, "ERRAND_DATA=%s/elsewhere", s->folder);
    server_environment(s, "ERRAND_MAX_BODY=60");
    struct server *server = server_start(s, "%s", "");
    assert_true(folder_has(s, "elsewhere/errand.db"));
    expect_status(post(server, "/v1/tasks", "{'function':'echo'}"), 201);
    expect_problem(post(server, "/v1/tasks", "{'function':'echo','args':['%060d']}", 0), 413,
                   "body-too-large");
}

static bool begins_with_flag(const char *line, const char *flag)
{
    size_t length = strlen(flag);
    line += strspn(line, " \t");
    return !strncmp(line, flag, length) &&
           (length == 2 || !line[length] || !strchr("-abcdefghijklmnopqrstuvwxyz", line[length]));
}

/* The paragraph of the help on one flag: up to the line that begins with the next. */
static const char *help_for(struct scenario *s, const char *help, const char *flag)
{
    const char *found = "";
    bool inside = false;
    char *rest = text(s, "%s", help);
    for (char *line; (line = strsep(&rest, "\n"));) {
        inside = begins_with_flag(line, flag) || (inside && !begins_with_flag(line, "--"));
        if (inside)
            found = text(s, "%s%s\n", found, line);
    }
    if (!*found)
        fail_at(HERE, "the help does not have %s:\n%s", flag, help);
    return found;
}

/* 1: `serve --help` shows every setting with its default. */
SCENARIO(help_lists_every_setting)
{
    static const struct {
        const char *flag, *standard;
    } settings[] = {
        {"--listen", "127.0.0.1:8080"},
        {"--data", "./errand-data"},
        {"--functions", "./functions"},
        {"--slots", ""},
        {"--grace", "3"},
        {"--drain", "5"},
        {"--on-shutdown", "requeue"},
        {"--retain", "7d"},
        {"--max-body", "1"},
        {"--max-result", "16"},
        {"--max-queued", "1"},
        {"--token-file", ""},
        {"--cors-origin", ""},
        {"--heartbeat", "15"},
        {"--no-auth", ""},
    };
    struct run *run = errand_run(s, "serve --help");
    assert_int_equal(run->exit_status, 0);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        note(s, "%s, by default %s", settings[i].flag, settings[i].standard);
        const char *help = help_for(s, run->output, settings[i].flag);
        assert_non_null(strstr(help, settings[i].standard));
    }
}

/* 1: a second server on the same data refuses to start and names the process that holds it (4.10:
 * 1). */
SCENARIO(data_in_use_is_refused)
{
    struct server *first = server_start(s, "%s", "");
    struct run *second =
        errand_run(s, "serve --listen 127.0.0.1:0 --data %s", folder_path(s, "data"));
    assert_int_equal(second->exit_status, 1);
    assert_non_null(strstr(second->errors, text(s, "%d", (int)first->pid)));
    assert_string_equal(second->output, "");
    expect_result(first, create(first, "{'function':'echo','args':[1]}"), "1");
}

/* 1: on a full disk the lock has no process id in it, and holds all the same. */
SCENARIO(data_in_use_by_somebody)
{
    server_stop(server_start(s, "%s", ""));
    folder_write(s, "data/errand.lock", "");
    int fd = open(folder_path(s, "data/errand.lock"), O_RDWR | O_CLOEXEC);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_int_equal(fcntl(fd, F_SETLK, &whole), 0);
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data data");
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "data: another server uses this data folder"));
    assert_null(strstr(run->errors, "process"));
    close(fd);
    server_start(s, "%s", "");
}

/* 1: the lock is gone with its holder, even after kill -9. */
SCENARIO(data_is_free_after_kill9)
{
    server_kill9(server_start(s, "%s", ""));
    struct server *next = server_start(s, "%s", "");
    expect_status(get(next, "/healthz"), 200);
}

/* 1: --data is created if missing and holds errand.db; one that cannot be used is exit 1 (4.10). */
SCENARIO(data_folder_is_created)
{
    server_start(s, "--data %s/new", s->folder);
    assert_true(folder_has(s, "new/errand.db"));
    folder_write(s, "file", "not a folder");
    const char *const bad[] = {"file", "file/below", "/proc/below"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s", bad[i]);
        assert_int_equal(run->exit_status, 1);
        assert_non_null(strstr(run->errors, bad[i]));
    }
}

/* 4.10: a port that is taken is exit 1, and standard error says why. */
SCENARIO(port_in_use_is_1)
{
    struct server *first = server_start(s, "%s", "");
    struct run *second =
        errand_run(s, "serve --listen 127.0.0.1:%d --data %s/other", first->port, s->folder);
    assert_int_equal(second->exit_status, 1);
    assert_non_null(strstr(second->errors, text(s, "%d", first->port)));
    struct run *nowhere =
        errand_run(s, "serve --listen no-such-host.invalid:0 --data %s/other", s->folder);
    assert_int_equal(nowhere->exit_status, 1);
    assert_non_null(strstr(nowhere->errors, "cannot listen on no-such-host.invalid:0"));
}

/* 4.10: the default functions folder may be missing, and the log says so; a named one must exist.
 */
SCENARIO(functions_folder_missing)
{
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'echo','args':[2]}"), "2");
    assert_non_null(strstr(server_log(server), "functions"));
    struct run *run =
        errand_run(s, "serve --listen 127.0.0.1:0 --data %s/other --functions %s/nowhere",
                   s->folder, s->folder);
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "nowhere"));
}

/* 1: without a token it listens on loopback only (exit 2), unless told --no-auth. */
SCENARIO(elsewhere_needs_a_token)
{
    const char *listen = "serve --listen 0.0.0.0:0 --data";
    folder_write(s, "empty-token", "");
    assert_int_equal(errand_run(s, "%s %s/data", listen, s->folder)->exit_status, 2);
    assert_int_equal(
        errand_run(s, "%s %s/data --token-file %s/empty-token", listen, s->folder, s->folder)
            ->exit_status,
        2);
    s->environment[0] = "ERRAND_TOKEN=";
    assert_int_equal(errand_run(s, "%s %s/data", listen, s->folder)->exit_status, 2);
    s->environment[0] = "ERRAND_TOKEN=secret";
    struct server *guarded = server_start(s, "--listen 0.0.0.0:0");
    expect_status(get(guarded, "/v1/tasks"), 401);
    assert_int_equal(server_stop(guarded), 0);
    s->environment[0] = NULL;
    struct server *open = server_start(s, "--listen 0.0.0.0:0 --no-auth");
    expect_status(get(open, "/v1/tasks"), 200);
}

/* 1: a token file that cannot be read is no reason to go on without a token. */
SCENARIO(token_file_must_exist)
{
    struct run *run =
        errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --token-file %s/nowhere",
                   s->folder, s->folder);
    assert_int_not_equal(run->exit_status, 0);
    assert_non_null(strstr(run->errors, "nowhere"));
    run = errand_run(s, "serve --listen 127.0.0.1:0 --data data --token-file %s", s->folder);
    assert_int_not_equal(run->exit_status, 0);
    assert_non_null(strstr(run->errors, "cannot be read"));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(ready_line_is_the_only_output),
        RUN(signals_end_it_with_0),
        RUN(bad_usage_is_2),
        RUN(least_values),
        RUN(bad_variables_are_2),
        RUN(variables_set_it),
        RUN(help_lists_every_setting),
        RUN(data_in_use_is_refused),
        RUN(data_in_use_by_somebody),
        RUN(data_is_free_after_kill9),
        RUN(commands_are_listed),
        RUN(output_lost),
        RUN(nobody_reads_the_ready_line),
        RUN(data_folder_is_created),
        RUN(port_in_use_is_1),
        RUN(functions_folder_missing),
        RUN(elsewhere_needs_a_token),
        RUN(token_file_must_exist),
    };
    return RUN_SCENARIOS("cli", table);
}
