/* errand backup FILE: copies the database of --data, with or without a server on it. */
#include "store/backup.h"
#include "base/mem.h"
#include "base/settings.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int misuse(const char *why)
{
    fprintf(stderr, "errand backup: %s\nusage: errand backup FILE [--data DIR] [--force]\n", why);
    return EXIT_USAGE;
}

static int run(struct backup *backup)
{
    char *message = NULL;
    if (!backup_make(backup, &message)) {
        fprintf(stderr, "errand backup: %s\n", message);
        mem_free(message);
        return EXIT_FAULT;
    }
    const struct check *check = &backup->check;
    printf("%s: bytes: %lld, tasks: %lld, of these live: %lld, events: %lld\n", backup->file,
           (long long)backup->bytes, (long long)check->tasks, (long long)check->live,
           (long long)check->events);
    if (!check->findings)
        return 0;
    fprintf(stderr, "errand backup: the database is not in order, and so is the copy\n");
    return EXIT_FAULT;
}

int command_backup(int argc, char **argv)
{
    struct arena arena = {0};
    struct settings settings;
    struct backup backup = {.check = {.found = print_finding}};
    int rest = 0;
    if (argc < 1 || argv[0][0] == '-')
        return misuse("wants the name of a file");
    backup.file = argv[0];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--force") == 0)
            backup.force = true;
        else
            argv[1 + rest++] = argv[i];
    }
    const char *wrong = settings_load(&settings, rest, argv + 1, environ, &arena);
    int status;
    if (wrong) {
        status = misuse(wrong);
    } else {
        backup.database = arena_printf(&arena, "%s/errand.db", settings.data.data).data;
        status = run(&backup);
    }
    arena_done(&arena);
    return status;
}
