/* Why a task failed or was cancelled: the task's "error" member. Pure. */
#ifndef MODEL_FAILURE_H
#define MODEL_FAILURE_H

#include "base/str.h"

enum { MESSAGE_MAX_BYTES = 1024 }; /* of a message; the rest of a longer one is not kept */

enum failure_code {
#define X(name, code) FAILURE_##name,
#include "model/failure.def"
#undef X
    FAILURE_COUNT
};

struct failure {
    enum failure_code code;
    struct str message;   /* for a person; UTF-8 */
    int exit_status;      /* with FAILURE_EXIT_STATUS */
    int signal;           /* with FAILURE_SIGNAL */
    struct str caused_by; /* id of the task where it began, or STR_NONE */
    int64_t attempt;      /* 0: it never started */
};

const char *failure_text(enum failure_code code);
/* False: there is no such code. */
bool failure_parse(struct str text, enum failure_code *code);
/* Appends the JSON object. */
void failure_render(const struct failure *failure, struct buf *out);

#endif
