/* The life of a task: state.def as it is read by state_move. */
#include "base/mem.h"
#include "model/state.h"
#include "tests/unit/check.h"

/* The contract (design 3.2 to 3.4, 5.1 and 5.3) written down a second time, so that a slip in
 * state.def shows. */
static const struct state_move expected[] = {
    {STATE_SCHEDULED, CAUSE_DUE, STATE_QUEUED, EVENT_NONE},
    {STATE_SCHEDULED, CAUSE_CANCEL, STATE_CANCELLED, EVENT_CANCELLED},
    {STATE_WAITING, CAUSE_RESOLVED, STATE_QUEUED, EVENT_NONE},
    {STATE_WAITING, CAUSE_RESOLVED_EARLY, STATE_SCHEDULED, EVENT_NONE},
    {STATE_WAITING, CAUSE_DEPENDENCY_FAILED, STATE_FAILED, EVENT_FAILED},
    {STATE_WAITING, CAUSE_DEPENDENCY_CANCELLED, STATE_CANCELLED, EVENT_CANCELLED},
    {STATE_WAITING, CAUSE_CANCEL, STATE_CANCELLED, EVENT_CANCELLED},
    {STATE_QUEUED, CAUSE_START, STATE_RUNNING, EVENT_STARTED},
    {STATE_QUEUED, CAUSE_CANCEL, STATE_CANCELLED, EVENT_CANCELLED},
    {STATE_RUNNING, CAUSE_SUCCEED, STATE_SUCCEEDED, EVENT_SUCCEEDED},
    {STATE_RUNNING, CAUSE_FAIL, STATE_FAILED, EVENT_FAILED},
    {STATE_RUNNING, CAUSE_RETRY, STATE_SCHEDULED, EVENT_RETRYING},
    {STATE_RUNNING, CAUSE_RESTART, STATE_SCHEDULED, EVENT_RESTARTED},
    {STATE_RUNNING, CAUSE_CONTINUE, STATE_WAITING, EVENT_NONE},
    {STATE_RUNNING, CAUSE_INTERRUPT, STATE_QUEUED, EVENT_NONE},
    {STATE_WAITING, CAUSE_INNER_SUCCEEDED, STATE_SUCCEEDED, EVENT_SUCCEEDED},
    {STATE_SCHEDULED, CAUSE_SUPPLY, STATE_SUCCEEDED, EVENT_SUCCEEDED},
    {STATE_WAITING, CAUSE_SUPPLY, STATE_SUCCEEDED, EVENT_SUCCEEDED},
    {STATE_QUEUED, CAUSE_SUPPLY, STATE_SUCCEEDED, EVENT_SUCCEEDED},
    {STATE_RUNNING, CAUSE_SUPPLY, STATE_SUCCEEDED, EVENT_SUCCEEDED},
    {STATE_RUNNING, CAUSE_KILLED, STATE_CANCELLED, EVENT_CANCELLED},
};

static const struct state_move *expected_move(int from, int cause)
{
    for (size_t i = 0; i < array_size(expected); i++) {
        if ((int)expected[i].from == from && (int)expected[i].cause == cause)
            return &expected[i];
    }
    return NULL;
}

/* Each state with each cause: the move of the contract, or none. */
static void moves_as_the_contract_says(void **state)
{
    (void)state;
    for (int from = 0; from < STATE_COUNT; from++) {
        for (int cause = 0; cause < CAUSE_COUNT; cause++) {
            const struct state_move *want = expected_move(from, cause);
            const struct state_move *got =
                state_move((enum task_state)from, (enum task_cause)cause);
            struct str row = str_of(state_text((enum task_state)from));
            assert_row(row, !want == !got);
            if (!want || !got)
                continue;
            assert_row(row, got->from == want->from && got->cause == want->cause);
            assert_row(row, got->to == want->to);
            assert_row(row, got->event == want->event);
        }
    }
}

/* No row is hidden behind one with the same state and cause. */
static void finds_every_row(void **state)
{
    static const struct state_move rows[] = {
#define MOVE(from, cause, to, event) {STATE_##from, CAUSE_##cause, STATE_##to, EVENT_##event},
#include "model/state.def"
#undef MOVE
    };
    (void)state;
    assert_int_equal(array_size(rows), array_size(expected));
    for (size_t i = 0; i < array_size(rows); i++) {
        struct str row = str_of(state_text(rows[i].from));
        const struct state_move *got = state_move(rows[i].from, rows[i].cause);
        assert_row(row, got != NULL);
        assert_row(row, got->to == rows[i].to && got->event == rows[i].event);
    }
}

static void knows_no_other_causes(void **state)
{
    (void)state;
    for (int from = 0; from < STATE_COUNT; from++)
        assert_null(state_move((enum task_state)from, CAUSE_COUNT));
    for (int cause = 0; cause < CAUSE_COUNT; cause++)
        assert_null(state_move(STATE_COUNT, (enum task_cause)cause));
}

/* The states that can be reached from a set of states (a bit each). */
static unsigned reach(unsigned from)
{
    unsigned reached = from, before;
    do {
        before = reached;
        for (size_t i = 0; i < array_size(expected); i++) {
            const struct state_move *move = state_move(expected[i].from, expected[i].cause);
            if (move && before >> move->from & 1)
                reached |= 1u << move->to;
        }
    } while (reached != before);
    return reached;
}

static void ends_in_every_state_or_leaves_it(void **state)
{
    const unsigned terminal = 1u << STATE_SUCCEEDED | 1u << STATE_FAILED | 1u << STATE_CANCELLED;
    (void)state;
    for (unsigned i = 0; i < STATE_COUNT; i++) {
        struct str row = str_of(state_text((enum task_state)i));
        bool ends = terminal >> i & 1;
        assert_row(row, state_terminal((enum task_state)i) == ends);
        if (ends)
            assert_row(row, reach(1u << i) == 1u << i);
        else /* whatever happened so far, each of the three ends is still possible */
            assert_row(row, (reach(1u << i) & terminal) == terminal);
    }
}

/* A task begins scheduled, waiting or queued. */
static void reaches_every_state(void **state)
{
    (void)state;
    assert_int_equal(reach(1u << STATE_QUEUED) | 1u << STATE_WAITING, (1u << STATE_COUNT) - 1);
    assert_int_equal(reach(1u << STATE_WAITING), (1u << STATE_COUNT) - 1);
}

/* Every cause does something somewhere; so is every event told, but for those that are no change of
 * state: the creation, progress, and lines of log. */
static void uses_every_cause_and_event(void **state)
{
    unsigned causes = 0, events = 1u << EVENT_NONE | 1u << EVENT_CREATED | 1u << EVENT_PROGRESS |
                                  1u << EVENT_LOG;
    (void)state;
    for (int from = 0; from < STATE_COUNT; from++) {
        for (int cause = 0; cause < CAUSE_COUNT; cause++) {
            const struct state_move *move =
                state_move((enum task_state)from, (enum task_cause)cause);
            causes |= move ? 1u << cause : 0;
            events |= move ? 1u << move->event : 0;
        }
    }
    assert_int_equal(causes, (1u << CAUSE_COUNT) - 1);
    assert_int_equal(events, (1u << EVENT_COUNT) - 1);
}

/* A terminal event is told when, and only when, a task ends. */
static void tells_of_every_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(expected); i++) {
        const struct state_move *move = state_move(expected[i].from, expected[i].cause);
        assert_non_null(move);
        assert_true(state_terminal(move->to) == event_terminal(move->event));
    }
}

static void names_states(void **state)
{
    static const char *const names[] = {"scheduled", "waiting", "queued",   "running",
                                        "succeeded", "failed",  "cancelled"};
    (void)state;
    assert_int_equal(array_size(names), STATE_COUNT);
    for (int i = 0; i < STATE_COUNT; i++) {
        enum task_state parsed = STATE_COUNT;
        assert_string_equal(state_text((enum task_state)i), names[i]);
        assert_true(state_parse(str_of(names[i]), &parsed));
        assert_int_equal(parsed, i);
    }
}

static void refuses_what_is_no_state(void **state)
{
    static const struct str rows[] = {STR(""),        STR("Queued"),  STR("queued "),
                                      STR(" queued"), STR("queue"),   STR("queuedx"),
                                      STR("done"),    STR("fail\0d"), {NULL, 0}};
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        enum task_state parsed = STATE_RUNNING;
        assert_row(rows[i], !state_parse(rows[i], &parsed));
        assert_row(rows[i], parsed == STATE_RUNNING);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_as_the_contract_says),
        cmocka_unit_test(finds_every_row),
        cmocka_unit_test(knows_no_other_causes),
        cmocka_unit_test(ends_in_every_state_or_leaves_it),
        cmocka_unit_test(reaches_every_state),
        cmocka_unit_test(uses_every_cause_and_event),
        cmocka_unit_test(tells_of_every_end),
        cmocka_unit_test(names_states),
        cmocka_unit_test(refuses_what_is_no_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
