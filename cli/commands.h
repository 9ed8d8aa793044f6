/* The commands of the errand program. argv: the words after the command's name.
 * Each gives the exit status. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "base/str.h"

enum { EXIT_FAULT = 1, EXIT_USAGE = 2 };

int command_serve(int argc, char **argv);
int command_token(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_check(int argc, char **argv);
int command_health(int argc, char **argv);
int command_version(int argc, char **argv);

/* Of errand check, for those who check as well: a line on standard output. */
void print_finding(void *arg, const char *invariant, struct str what);

#endif
