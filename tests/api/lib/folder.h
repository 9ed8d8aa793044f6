/*
 * The temp folder of a scenario: data/ for the server, functions/ when the
 * scenario has functions of its own, scratch/ for what these leave as traces.
 * Functions run in functions/, so they write to ../scratch/.
 */
#ifndef TESTS_API_FOLDER_H
#define TESTS_API_FOLDER_H

#include "tests/api/lib/scenario.h"

const char *folder_make(struct scenario *);
const char *folder_path(struct scenario *, const char *name);
bool folder_has(struct scenario *, const char *name);

/* The whole of a file, "" if there is none; a trailing newline is dropped. */
char *folder_read(struct scenario *, const char *name);
void folder_write(struct scenario *, const char *name, const char *contents);

/* An executable functions/NAME; single quotes stay. A manifest takes them as double ones. */
void function_file(struct scenario *, const char *name, const char *contents);
void function_manifest(struct scenario *, const char *name, const char *contents);

/*
 * The functions that most scenarios use.
 *   hold      tells progress 1, then waits until release() gives it its result
 *   stubborn  ignores TERM and has a child that does so too; their ids: folder_pid()
 *   cat       its result is its own input
 */
void functions_standard(struct scenario *);

/* Lets a task of the function hold end, with this on its standard output. */
void release(struct scenario *, const char *id, const char *output);

/* Process ids that a function wrote to scratch/NAME, by position. */
int folder_pid(struct scenario *, const char *name, int position);

#endif
