/* errand: the command line. */
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"serve", command_serve, "run the server"},
    {"token", command_token, "make a token, and its line for the token file"},
    {"backup", command_backup,
     "copy the database, with or without a server on it: errand backup FILE"},
    {"check", command_check, "look whether a database is in order: errand check FILE"},
    {"health", command_health, "ask the server at ERRAND_LISTEN for its health; exit 0 or 1"},
    {"version", command_version, "print the version"},
};

static int usage(FILE *out, int status)
{
    fprintf(out, "usage: errand COMMAND\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\nerrand serve --help lists every setting.\n");
    return status;
}

int command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("errand " ERRAND_VERSION);
    return 0;
}

static int run(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr, EXIT_USAGE);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    }
    if (strcmp(argv[1], "--version") == 0)
        return command_version(0, NULL);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return usage(stdout, 0);
    fprintf(stderr, "errand: there is no command %s\n", argv[1]);
    return usage(stderr, EXIT_USAGE);
}

/* What was printed is where it should be, or the exit status says otherwise: a token is shown only
 * once. Where nothing was printed, standard output may be closed. */
int main(int argc, char **argv)
{
    int status = run(argc, argv);
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (written && (close(STDOUT_FILENO) == 0 || errno == EBADF))
        return status;
    fprintf(stderr, "errand: the output could not be written to standard output\n");
    return EXIT_FAULT;
}
