#include "model/state.h"

static const struct {
    const char *text;
    bool terminal;
} states[] = {
#define STATE(name, text, terminal) {text, terminal},
#include "model/state.def"
#undef STATE
};

static const struct state_move moves[] = {
#define MOVE(from, cause, to, event) {STATE_##from, CAUSE_##cause, STATE_##to, EVENT_##event},
#include "model/state.def"
#undef MOVE
};

const struct state_move *state_move(enum task_state from, enum task_cause cause)
{
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        if (moves[i].from == from && moves[i].cause == cause)
            return &moves[i];
    }
    return NULL;
}

bool state_terminal(enum task_state state)
{
    return states[state].terminal;
}

const char *state_text(enum task_state state)
{
    return states[state].text;
}

bool state_parse(struct str text, enum task_state *state)
{
    for (int i = 0; i < STATE_COUNT; i++) {
        if (str_eq(text, str_of(states[i].text))) {
            *state = (enum task_state)i;
            return true;
        }
    }
    return false;
}
