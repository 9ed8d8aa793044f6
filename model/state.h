/* The state machine of a task: data in state.def, asked by one function.
 * The SQL repeats the guard (… AND state = :from). Pure; any thread. */
#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include "base/str.h"
#include "model/event.h"

enum task_state {
#define STATE(name, text, terminal) STATE_##name,
#include "model/state.def"
#undef STATE
    STATE_COUNT
};

enum task_cause {
    CAUSE_DUE,
    CAUSE_RESOLVED,
    CAUSE_RESOLVED_EARLY,
    CAUSE_DEPENDENCY_FAILED,
    CAUSE_DEPENDENCY_CANCELLED,
    CAUSE_INNER_SUCCEEDED,
    CAUSE_START,
    CAUSE_SUCCEED,
    CAUSE_FAIL,
    CAUSE_RETRY,
    CAUSE_RESTART,
    CAUSE_CONTINUE,
    CAUSE_SUPPLY,
    CAUSE_INTERRUPT,
    CAUSE_KILLED,
    CAUSE_CANCEL,
    CAUSE_COUNT
};

struct state_move {
    enum task_state from;
    enum task_cause cause;
    enum task_state to;
    enum event_type event; /* EVENT_NONE: nobody is told */
};

/* What cause does to a task in state from; NULL: it cannot happen there. */
const struct state_move *state_move(enum task_state from, enum task_cause cause);
/* A terminal state never changes. */
bool state_terminal(enum task_state state);
const char *state_text(enum task_state state);
/* False if text is no state. */
bool state_parse(struct str text, enum task_state *state);

#endif
