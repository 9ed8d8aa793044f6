/* The text that a function answers with, as the result of its task (design 2.1):
 * one JSON value, else the text as a JSON string; nothing at all is null. The
 * same for every mode that answers with text. */
#ifndef EXECUTORS_RESULT_H
#define EXECUTORS_RESULT_H

#include "executors/run.h"

/* How many bytes a result may have: --max-result, or less where the manifest says so. */
int64_t result_limit(const struct run *run);
/* How many bytes of text can still be a result: more than --max-result, since white space between
 * tokens does not count in the end; a manifest's own limit is one of bytes that are written. */
int64_t result_room(const struct run *run);
/* Success with the result in the run's arena; or invalid-result, or result-too-large. */
struct outcome result_outcome(struct run *run, struct str text);
struct outcome result_too_large(struct run *run);

#endif
