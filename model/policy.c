#include "model/policy.h"

enum verdict policy_verdict(enum wait_for wait_for, enum task_state ended, bool optional)
{
    bool succeeded = ended == STATE_SUCCEEDED;
    switch (wait_for) {
    case WAIT_ALL_SETTLED:
        return VERDICT_COUNT;
    case WAIT_ANY:
        return succeeded ? VERDICT_WIN : VERDICT_COUNT;
    case WAIT_ALL:
        break;
    }
    if (succeeded || optional)
        return VERDICT_COUNT;
    return ended == STATE_CANCELLED ? VERDICT_CANCEL : VERDICT_FAIL;
}

bool policy_resolved(enum wait_for wait_for)
{
    return wait_for != WAIT_ANY;
}

bool wait_for_parse(struct str text, enum wait_for *wait_for)
{
    for (int i = WAIT_ALL; i <= WAIT_ANY; i++) {
        if (str_eq(text, str_of(wait_for_text((enum wait_for)i)))) {
            *wait_for = (enum wait_for)i;
            return true;
        }
    }
    return false;
}
