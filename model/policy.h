/* What the end of one dependency means for a meta-task that waits for it
 * (design 5.1). Pure. */
#ifndef MODEL_POLICY_H
#define MODEL_POLICY_H

#include "model/spec.h"
#include "model/state.h"

enum verdict {
    VERDICT_COUNT, /* one less to wait for */
    VERDICT_WIN,   /* wait_for any: the first success, no need to wait for the rest */
    VERDICT_FAIL,
    VERDICT_CANCEL,
};

/* ended: the terminal state of the dependency; optional: all its places are optional. */
enum verdict policy_verdict(enum wait_for wait_for, enum task_state ended, bool optional);
/* Whether a meta-task whose dependencies have all ended can go on (any: there was no success). */
bool policy_resolved(enum wait_for wait_for);
bool wait_for_parse(struct str text, enum wait_for *wait_for);

#endif
