/* What is counted of a transaction, and what of one that was undone. */
#include "base/mem.h"
#include "engine/meter.h"
#include "tests/unit/check.h"

struct fixture {
    struct meter meter;
    struct txn txn;
    struct arena arena;
    struct meter_totals totals;
    struct meter_reading *readings;
    size_t count;
};

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    meter_init(&fixture->meter);
    fixture->txn.now = fixture->meter.since;
}

static void end(struct fixture *fixture)
{
    arena_done(&fixture->arena);
    meter_done(&fixture->meter);
}

static void move(struct fixture *fixture, struct task_row *row, enum task_state from,
                 enum task_cause cause)
{
    const struct state_move *moved = state_move(from, cause);
    assert_non_null(moved);
    if (moved->to == STATE_RUNNING)
        row->started_at = fixture->txn.now;
    meter_move(&fixture->meter, fixture->txn.now, moved, row);
}

static void read_all(struct fixture *fixture)
{
    fixture->count =
        meter_read(&fixture->meter, &fixture->totals, &fixture->readings, &fixture->arena);
}

static const struct meter_counts *counts(struct fixture *fixture, const char *name)
{
    read_all(fixture);
    for (size_t i = 0; i < fixture->count; i++) {
        if (str_eq(fixture->readings[i].name, str_of(name)))
            return &fixture->readings[i].counts;
    }
    fail_msg("%s is not known", name);
    return NULL;
}

static int64_t values_of(const struct histogram *histogram)
{
    int64_t count = 0;
    for (size_t i = 0; i < array_size(histogram->buckets); i++)
        count += histogram->buckets[i];
    return count;
}

/* Nothing is to be seen before the commit. */
static void counts_after_the_commit(void **state)
{
    struct fixture f;
    struct task_row row = {.function = STR_INIT("f")};
    (void)state;
    begin(&f);
    row.queued_at = f.txn.now;
    meter_add(&f.meter, &row);
    f.txn.now += 40;
    move(&f, &row, STATE_QUEUED, CAUSE_START);
    f.txn.now += 3000;
    move(&f, &row, STATE_RUNNING, CAUSE_SUCCEED);
    assert_int_equal(counts(&f, "f")->created, 0);
    f.txn.writes = 3;
    f.txn.commit_ns = 7000;
    meter_publish(&f.meter, &f.txn);
    const struct meter_counts *seen = counts(&f, "f");
    assert_int_equal(seen->created, 1);
    assert_int_equal(seen->causes[CAUSE_START], 1);
    assert_int_equal(seen->ended[STATE_SUCCEEDED], 1);
    assert_int_equal(seen->ended[STATE_RUNNING], 0);
    assert_int_equal(values_of(&seen->waits), 1);
    assert_int_equal(seen->waits.sum, 40);
    assert_int_equal(values_of(&seen->runs), 1);
    assert_int_equal(seen->runs.sum, 3000);
    assert_int_equal(f.totals.batches.sum, 3);
    assert_int_equal(f.totals.commits.sum, 7);
    end(&f);
}

/* What was rolled back is not counted, neither now nor with the next commit. */
static void forgets_what_was_undone(void **state)
{
    struct fixture f;
    struct task_row row = {.function = STR_INIT("f")};
    (void)state;
    begin(&f);
    meter_add(&f.meter, &row);
    meter_undo(&f.meter);
    meter_publish(&f.meter, &f.txn);
    assert_int_equal(counts(&f, "f")->created, 0);
    meter_add(&f.meter, &row);
    meter_publish(&f.meter, &f.txn);
    meter_publish(&f.meter, &f.txn);
    assert_int_equal(counts(&f, "f")->created, 1);
    assert_int_equal(values_of(&f.totals.commits), 3);
    end(&f);
}

/* An attempt that an earlier server began, a task from before queued_at was kept, a clock that was
 * set back. */
static void spans_that_nobody_knows(void **state)
{
    struct fixture f;
    struct task_row row = {.function = STR_INIT("f")};
    (void)state;
    begin(&f);
    row.started_at = f.txn.now - 1;
    move(&f, &row, STATE_RUNNING, CAUSE_INTERRUPT);
    move(&f, &row, STATE_QUEUED, CAUSE_START);
    meter_publish(&f.meter, &f.txn);
    assert_int_equal(counts(&f, "f")->causes[CAUSE_INTERRUPT], 1);
    assert_int_equal(values_of(&counts(&f, "f")->runs), 0);
    assert_int_equal(values_of(&counts(&f, "f")->waits), 0);
    row.queued_at = f.txn.now + 5000;
    move(&f, &row, STATE_QUEUED, CAUSE_START);
    meter_publish(&f.meter, &f.txn);
    assert_int_equal(values_of(&counts(&f, "f")->waits), 1);
    assert_int_equal(counts(&f, "f")->waits.sum, 0);
    end(&f);
}

/* Events that are stored count; the silent end of a task is none. */
static void counts_events(void **state)
{
    struct fixture f;
    struct txn_event events[] = {{.id = 7, .event = {.type = EVENT_CREATED}},
                                 {.id = 8, .event = {.type = EVENT_CREATED}},
                                 {.id = 0, .event = {.type = EVENT_CANCELLED}}};
    (void)state;
    begin(&f);
    f.txn.events = events;
    f.txn.event_count = array_size(events);
    meter_publish(&f.meter, &f.txn);
    read_all(&f);
    assert_int_equal(f.totals.events[EVENT_CREATED], 2);
    assert_int_equal(f.totals.events[EVENT_CANCELLED], 0);
    end(&f);
}

/* Many functions, each known once, in the order of their names. */
static void knows_functions(void **state)
{
    struct fixture f;
    struct function functions[] = {{.name = STR_INIT("b")}, {.name = STR_INIT("a")}};
    const struct function_set set = {.items = functions, .count = array_size(functions)};
    struct task_row row = {.function = STR_INIT("aa")};
    (void)state;
    begin(&f);
    meter_know(&f.meter, &set);
    meter_know(&f.meter, &set);
    meter_add(&f.meter, &row);
    for (int i = 0; i < 1000; i++)
        meter_add(&f.meter, &row);
    meter_publish(&f.meter, &f.txn);
    read_all(&f);
    assert_int_equal(f.count, 3);
    assert_str(f.readings[0].name, STR("a"));
    assert_str(f.readings[1].name, STR("aa"));
    assert_str(f.readings[2].name, STR("b"));
    assert_int_equal(f.readings[1].counts.created, 1001);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_after_the_commit), cmocka_unit_test(forgets_what_was_undone),
        cmocka_unit_test(spans_that_nobody_knows), cmocka_unit_test(counts_events),
        cmocka_unit_test(knows_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
