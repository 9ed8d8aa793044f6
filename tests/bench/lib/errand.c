/* Starting the server under test, the bare ones, and the functions that they run. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/bench/lib/child.h"
#include "tests/bench/lib/measure.h"

#define START_SECONDS 10

static void show_log(const char *log)
{
    char line[512];
    FILE *f = fopen(log, "re");

    while (f && fgets(line, sizeof line, f))
        fprintf(stderr, "  %s", line);
    if (f)
        fclose(f);
}

static void wait_for_port(struct child *c, const char *program, const char *log)
{
    char line[256];
    const char *colon;

    if (!child_line(c, line, sizeof line, START_SECONDS)) {
        if (log)
            show_log(log);
        die("%s did not start", program);
    }
    colon = strrchr(line, ':');
    if (strncmp(line, "listening on http://", 20) != 0 || !colon)
        die("%s said: %s", program, line);
    c->port = atoi(colon + 1);
}

void listener_start(struct child *c, const char *const argv[], const char *log)
{
    child_start(c, argv, log);
    wait_for_port(c, argv[0], log);
}

void errand_start(struct child *c, const struct bench *b, const char *functions, int slots)
{
    char data[PATH_MAX], log[PATH_MAX], slots_text[16];
    const char *argv[24] = {b->errand, "serve", "--listen", "127.0.0.1:0", "--data", data,
                            /* Room for all that a part makes; and ends without ceremony. */
                            "--max-queued", "10000000", "--drain", "0", "--grace", "1"};
    int argc = 12;

    path_join(data, b->folder, "data");
    path_join(log, b->folder, "errand.log");
    if (functions) {
        argv[argc++] = "--functions";
        argv[argc++] = functions;
    }
    if (slots > 0) {
        snprintf(slots_text, sizeof slots_text, "%d", slots);
        argv[argc++] = "--slots";
        argv[argc++] = slots_text;
    }
    tree_remove(data);
    listener_start(c, argv, log);
}

void errand_stop(struct child *c, const struct bench *b)
{
    char data[PATH_MAX];

    child_stop(c);
    tree_remove(path_join(data, b->folder, "data"));
}

void bare_start(struct child *c, const struct bench *b, const char *program)
{
    char path[PATH_MAX];
    const char *const argv[] = {path, NULL};

    path_join(path, b->tools, program);
    listener_start(c, argv, NULL);
}

void program_make(const struct bench *b, const char *folder, const char *name, const char *source)
{
    char text_path[PATH_MAX], path[PATH_MAX];
    const char *cc = getenv("CC");
    const char *const argv[] = {
        cc && *cc ? cc : "cc", "-O2", "-static", "-o", path, "-xc", text_path, NULL};
    struct child compiler;
    int status;
    FILE *f;

    path_join(text_path, b->folder, name);
    path_join(path, folder, name);
    mkdir(folder, 0700);
    f = fopen(text_path, "we");
    if (!f || fputs(source, f) < 0 || fclose(f) != 0)
        die("cannot write %s: %s", text_path, strerror(errno));
    child_start(&compiler, argv, NULL);
    if (waitpid(compiler.pid, &status, 0) < 0 || status != 0)
        die("cannot compile %s", text_path);
}
