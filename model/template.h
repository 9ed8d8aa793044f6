/* A meta-task's arguments with results in the places of its $task objects. Pure. */
#ifndef MODEL_TEMPLATE_H
#define MODEL_TEMPLATE_H

#include "base/json.h"

/* Appends text (args or kwargs as stored) to out with its k-th $task object replaced by
 * values[*used + k], in the order in which they stand, and each {"$value": X} by X; *used grows by
 * the number of places filled. text must be what plan_parse accepted. */
void template_fill(struct str text, const struct str *values, size_t *used, struct buf *out);
/* How many $task objects would be replaced. */
size_t template_places(struct str text);

#endif
