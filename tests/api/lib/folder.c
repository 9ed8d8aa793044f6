#include "tests/api/lib/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

static void remove_tree(void *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *folder_make(struct scenario *s)
{
    char *path = text(s, "/tmp/errand-test-XXXXXX");
    if (!mkdtemp(path))
        abort();
    at_end(s, remove_tree, path);
    if (mkdir(text(s, "%s/scratch", path), 0700) != 0)
        abort();
    return path;
}

const char *folder_path(struct scenario *s, const char *name)
{
    return text(s, "%s/%s", s->folder, name);
}

bool folder_has(struct scenario *s, const char *name)
{
    return access(folder_path(s, name), F_OK) == 0;
}

char *folder_read(struct scenario *s, const char *name)
{
    int fd = open(folder_path(s, name), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return text(s, "%s", "");
    char *all = NULL;
    size_t length = 0;
    ssize_t got = 0;
    do {
        length += (size_t)got;
        all = realloc(all, length + 65537);
        if (!all)
            abort();
        got = read(fd, all + length, 65536);
    } while (got > 0);
    close(fd);
    if (length && all[length - 1] == '\n')
        length--;
    all[length] = 0;
    at_end(s, free, all);
    return all;
}

static void write_file(const char *path, const char *contents, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0 || write(fd, contents, strlen(contents)) != (ssize_t)strlen(contents))
        fail_at(HERE, "cannot write %s: %s", path, strerror(errno));
    close(fd);
}

void folder_write(struct scenario *s, const char *name, const char *contents)
{
    write_file(folder_path(s, name), contents, 0600);
}

static const char *functions_path(struct scenario *s, const char *name)
{
    mkdir(folder_path(s, "functions"), 0700);
    return text(s, "%s/functions/%s", s->folder, name);
}

void function_file(struct scenario *s, const char *name, const char *contents)
{
    write_file(functions_path(s, name), contents, 0700);
}

void function_manifest(struct scenario *s, const char *name, const char *contents)
{
    write_file(functions_path(s, name), requote(text(s, "%s", contents)), 0600);
}

void functions_standard(struct scenario *s)
{
    function_file(s, "hold.sh",
                  "#!/bin/sh\n"
                  "gate=../scratch/$ERRAND_TASK_ID.gate\n"
                  "[ -p $gate ] || mkfifo $gate\n"
                  "echo $$ >../scratch/$ERRAND_TASK_ID.pids\n"
                  "echo '{\"progress\":1}' >&3\n"
                  "IFS= read -r line <$gate\n"
                  "printf '%s' \"$line\"\n");
    function_file(s, "stubborn.sh",
                  "#!/bin/sh\n"
                  "trap '' TERM\n"
                  "sleep 300 &\n"
                  "echo $$ $! >../scratch/$ERRAND_TASK_ID.pids\n"
                  "echo '{\"progress\":1}' >&3\n"
                  "wait\n");
    function_file(s, "cat.sh", "#!/bin/sh\nexec cat\n");
}

/* A pipe can be opened without blocking only once its reader is there. */
static int open_gate(const char *path)
{
    return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

void release(struct scenario *s, const char *id, const char *output)
{
    const char *gate = text(s, "%s/scratch/%s.gate", s->folder, id);
    const char *line = text(s, "%s\n", output);
    int fd = -1;
    eventually((fd = open_gate(gate)) >= 0);
    if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
        fail_at(HERE, "cannot release %s: %s", id, strerror(errno));
    close(fd);
}

int folder_pid(struct scenario *s, const char *name, int position)
{
    const char *path = text(s, "scratch/%s", name);
    const char *line = "";
    eventually(*(line = folder_read(s, path)));
    char *end = NULL;
    long pid = strtol(line, &end, 10);
    for (int i = 0; i < position; i++)
        pid = strtol(end, &end, 10);
    if (pid <= 1)
        fail_at(HERE, "no process id at position %d in %s: %s", position, path, line);
    return (int)pid;
}
