#include "tests/api/lib/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/stand_in.h"

enum { ARGUMENTS_MAX = 64 };

struct command {
    const char *arguments[ARGUMENTS_MAX];
    int count;
    int output; /* where its standard output goes */
    int errors;
};

static void add(struct command *command, const char *argument)
{
    if (command->count + 1 >= ARGUMENTS_MAX)
        abort();
    command->arguments[command->count++] = argument;
}

static void add_words(struct scenario *s, struct command *command, const char *words)
{
    char *rest = text(s, "%s", words);
    for (char *word; (word = strsep(&rest, " "));) {
        if (*word)
            add(command, word);
    }
}

static bool has_variable(struct scenario *s, const char *name)
{
    for (int i = 0; i < ENVIRONMENT_MAX && s->environment[i]; i++) {
        if (!strncmp(s->environment[i], name, strlen(name)))
            return true;
    }
    return false;
}

/* A flag of the harness's own, unless the scenario says it by itself. */
static void add_default(struct scenario *s, struct command *command, const char *flags,
                        const char *name, const char *value)
{
    char variable[64];
    snprintf(variable, sizeof variable, "ERRAND_%s=", name + 2);
    for (char *p = variable; *p; p++)
        *p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    if (strstr(flags, name) || has_variable(s, variable))
        return;
    add(command, name);
    add(command, value);
}

static void become(struct scenario *s, const char *program, struct command *command)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    extern char **environ;
    for (char **variable = environ; *variable;) {
        if (!strncmp(*variable, "ERRAND", 6)) {
            unsetenv(text(s, "%.*s", (int)strcspn(*variable, "="), *variable));
            variable = environ;
        } else {
            variable++;
        }
    }
    for (int i = 0; i < ENVIRONMENT_MAX && s->environment[i]; i++)
        putenv(text(s, "%s", s->environment[i]));
    dup2(command->output, 1);
    dup2(command->errors, 2);
    const char **arguments = command->arguments;
    if (chdir(s->folder) == 0)
        execv(program, (char **)(uintptr_t)arguments);
    _exit(127);
}

static pid_t spawn(struct scenario *s, struct command *command)
{
    const char *program = stand_in_program(s);
    command->arguments[0] = program;
    pid_t pid = fork();
    if (pid == 0)
        become(s, program, command);
    if (pid < 0)
        abort();
    return pid;
}

static int scratch_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        abort();
    return fd;
}

static int exit_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool is_sanitizer_report(const char *log)
{
    return strstr(log, "Sanitizer") || strstr(log, "runtime error:");
}

const char *server_log(struct server *server)
{
    return folder_read(server->scenario, server->errors);
}

static void show_log(struct server *server)
{
    enum { TAIL = 12000 };
    const char *log = server_log(server);
    size_t length = strlen(log);
    fprintf(stderr, "--- %s%s\n%s\n---\n", server->errors, length > TAIL ? ", its end:" : ":",
            length > TAIL ? log + length - TAIL : log);
}

/* At the end of a scenario: what still runs is asked to stop, and should do so well. */
static void end_server(void *server_)
{
    struct server *server = server_;
    struct scenario *s = server->scenario;
    int status = 0;
    if (server->pid && s->finished) {
        kill(server->pid, SIGTERM);
        if (process_wait(server->pid, DEADLINE_MS, &status)) {
            server->pid = 0;
            if (exit_status(status) != 0) {
                print_error("the server ended with %d at the end\n", exit_status(status));
                s->spoilt = true;
            }
        } else {
            print_error("the server does not end after SIGTERM\n");
            s->spoilt = true;
        }
    }
    if (server->pid) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, &status, 0);
    }
    close(server->output);
    if (is_sanitizer_report(server_log(server)))
        s->spoilt = true;
    if (!s->finished || s->spoilt)
        show_log(server);
}

void server_environment(struct scenario *s, const char *format, ...)
{
    int i = 0;
    while (i < ENVIRONMENT_MAX - 1 && s->environment[i])
        i++;
    va_list arguments;
    va_start(arguments, format);
    s->environment[i] = vtext(s, format, arguments);
    va_end(arguments);
}

/* Standard output up to the first line end; shorter if the server ends before. */
static const char *read_line(struct server *server)
{
    char line[512];
    size_t length = 0;
    int64_t until = now_ms() + DEADLINE_MS;
    while (length < sizeof line - 1) {
        struct pollfd can = {.fd = server->output, .events = POLLIN};
        int64_t left = until - now_ms();
        if (left <= 0 || poll(&can, 1, (int)left) != 1)
            break;
        if (read(server->output, line + length, 1) != 1)
            break;
        if (line[length++] == '\n')
            break;
    }
    line[length] = 0;
    return text(server->scenario, "%s", line);
}

static struct server *launch(struct scenario *s, struct command *command)
{
    int ends[2];
    struct server *server = keep(s, sizeof *server);
    server->scenario = s;
    server->errors = text(s, "errors-%lld.log", (long long)now_ms());
    if (pipe2(ends, O_CLOEXEC) != 0)
        abort();
    command->output = ends[1];
    command->errors = scratch_file(folder_path(s, server->errors));
    server->output = ends[0];
    server->pid = spawn(s, command);
    at_end(s, end_server, server);
    close(command->output);
    close(command->errors);
    return server;
}

struct server *server_try(struct scenario *s, const char *words)
{
    struct command command = {.count = 1};
    add(&command, "serve");
    add_default(s, &command, words, "--listen", "127.0.0.1:0");
    add_default(s, &command, words, "--data", folder_path(s, "data"));
    if (folder_has(s, "functions"))
        add_default(s, &command, words, "--functions", folder_path(s, "functions"));
    add_default(s, &command, words, "--grace", "0.3");
    add_default(s, &command, words, "--drain", "0.1");
    add_words(s, &command, words);
    struct server *server = launch(s, &command);
    server->said = read_line(server);
    const char *colon = strrchr(server->said, ':');
    if (strncmp(server->said, "listening on http://", 20) == 0 && colon)
        server->port = atoi(colon + 1);
    return server;
}

struct server *server_start(struct scenario *s, const char *flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    struct server *server = server_try(s, vtext(s, flags, arguments));
    va_end(arguments);
    if (!server->port)
        fail_at(HERE, "the server did not start; it printed: %s", server->said);
    return server;
}

void server_signal(struct server *server, int signal)
{
    kill(server->pid, signal);
}

bool server_over(struct server *server, int milliseconds)
{
    int status = 0;
    if (server->pid && !process_wait(server->pid, milliseconds, &status))
        return false;
    if (server->pid)
        server->exit_status = exit_status(status);
    server->pid = 0;
    return true;
}

int server_wait(struct server *server)
{
    if (!server_over(server, DEADLINE_MS))
        fail_at(HERE, "the server has not ended");
    if (is_sanitizer_report(server_log(server)))
        fail_at(HERE, "a sanitizer reports");
    return server->exit_status;
}

int server_stop(struct server *server)
{
    server_signal(server, SIGTERM);
    return server_wait(server);
}

void server_kill9(struct server *server)
{
    server_signal(server, SIGKILL);
    server_wait(server);
}

const char *server_output(struct server *server)
{
    char rest[4096];
    ssize_t got = read(server->output, rest, sizeof rest);
    return text(server->scenario, "%s%.*s", server->said, got > 0 ? (int)got : 0, rest);
}

const char *server_origin(struct server *server)
{
    return text(server->scenario, "http://127.0.0.1:%d", server->port);
}

struct run *errand_run(struct scenario *s, const char *words, ...)
{
    va_list arguments;
    va_start(arguments, words);
    const char *line = vtext(s, words, arguments);
    va_end(arguments);
    const char *output = text(s, "output-%lld.log", (long long)now_ms());
    const char *errors = text(s, "run-%lld.log", (long long)now_ms());
    remove(folder_path(s, output));
    remove(folder_path(s, errors));
    struct command command = {.count = 1};
    add_words(s, &command, line);
    command.output = scratch_file(folder_path(s, output));
    command.errors = scratch_file(folder_path(s, errors));
    pid_t pid = spawn(s, &command);
    close(command.output);
    close(command.errors);
    int status = 0;
    bool ended = process_wait(pid, DEADLINE_MS, &status);
    if (!ended) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    struct run *run = keep(s, sizeof *run);
    run->exit_status = exit_status(status);
    run->output = folder_read(s, output);
    run->errors = folder_read(s, errors);
    if (!ended || is_sanitizer_report(run->errors))
        fail_at(HERE, "errand %s %s: %s%s", line, ended ? "has faults" : "does not end",
                run->output, run->errors);
    return run;
}
