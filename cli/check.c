/* errand check FILE: a line for each finding, then one that sums up. */
#include "store/check.h"
#include "base/mem.h"
#include "cli/commands.h"

#include <stdio.h>

void print_finding(void *arg, const char *invariant, struct str what)
{
    (void)arg;
    printf("%s: ", invariant);
    for (size_t i = 0; i < what.len; i++) /* one line, and no orders for the terminal */
        putchar((unsigned char)what.data[i] < ' ' || what.data[i] == 127 ? '?' : what.data[i]);
    putchar('\n');
}

static int print_sum(const char *path, const struct check *check)
{
    if (check->findings)
        printf("%s: not in order, findings: %lld\n", path, (long long)check->findings);
    else if (!check->whole)
        printf(
            "%s: ok as a file; the schema is %lld, an older one, so nothing else was looked at\n",
            path, (long long)check->version);
    else
        printf("%s: ok, tasks: %lld, of these live: %lld, events: %lld, invariants: %lld\n", path,
               (long long)check->tasks, (long long)check->live, (long long)check->events,
               (long long)check->invariants);
    return check->findings ? EXIT_FAULT : 0;
}

int command_check(int argc, char **argv)
{
    struct check check = {.found = print_finding};
    char *message = NULL;
    if (argc != 1 || argv[0][0] == '-') {
        fprintf(stderr, "usage: errand check FILE\n");
        return EXIT_USAGE;
    }
    if (check_file(argv[0], &check, &message))
        return print_sum(argv[0], &check);
    fprintf(stderr, "errand check: %s: %s\n", argv[0], message);
    mem_free(message);
    return EXIT_USAGE;
}
