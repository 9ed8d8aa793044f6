/* The commands of the errand program. argv: the words after the command's name.
 * Each gives the exit status. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

enum { EXIT_FAULT = 1, EXIT_USAGE = 2 };

int command_serve(int argc, char **argv);
int command_token(int argc, char **argv);
int command_check(int argc, char **argv);
int command_health(int argc, char **argv);
int command_version(int argc, char **argv);

#endif
