/*
 * The measure of errand's processes: posix_spawn and wait, `width` at once, nothing else.
 * Usage: bare_spawn COUNT WIDTH PROGRAM; prints the seconds that it took.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/bench/lib/measure.h"

static void spawn_one(char *program)
{
    char *argv[] = {program, NULL}, *environment[] = {NULL};
    pid_t pid;

    errno = posix_spawn(&pid, program, NULL, NULL, argv, environment);
    if (errno != 0)
        die("cannot start %s: error %d", program, errno);
}

static void wait_one(void)
{
    int status;

    if (waitpid(-1, &status, 0) < 0 || status != 0)
        die("a process failed");
}

int main(int argc, char **argv)
{
    long count = argc == 4 ? atol(argv[1]) : 0, width = argc == 4 ? atol(argv[2]) : 0;
    double from = now_seconds();

    if (count < 1 || width < 1 || width > count)
        die("usage: bare_spawn COUNT WIDTH PROGRAM");
    for (long i = 0; i < count; i++) {
        if (i >= width)
            wait_one();
        spawn_one(argv[3]);
    }
    for (long i = 0; i < width; i++)
        wait_one();
    printf("%.6f\n", now_seconds() - from);
    return 0;
}
