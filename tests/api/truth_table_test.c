/*
 * Section 5.1 as a truth table: three dependencies that each succeed, fail or are
 * cancelled, under each way to wait for them, in each order of their ends.
 *
 * What is expected is worked out below from the words of the contract and from
 * nothing else. The same rule makes docs/truth-table.md: run with --page, the
 * program prints it (`make docs`), and a scenario compares the file with that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* --- the rule ------------------------------------------------------------------- */

enum end { SUCCEEDS, FAILS, IS_CANCELLED, ENDS };
enum policy { ALL, ALL_SETTLED, ANY, POLICIES };
enum { DEPENDENCIES = 3, ROWS = ENDS * ENDS * ENDS, NOBODY = -1 };

static const char *const end_words[] = {"succeeds", "fails", "is cancelled"};
static const char *const end_states[] = {"succeeded", "failed", "cancelled"};
static const char *const policy_words[] = {"all", "all_settled", "any"};

/* Dependencies are a, b and c, numbered 0 to 2; a is that of the first place. */
struct row {
    enum end ends[DEPENDENCIES];
    int order[DEPENDENCIES]; /* who ends first, second, third */
    enum policy policy;
    int optional; /* the one whose place is optional, or NOBODY */
};

enum filling { VALUE, ERROR, NOTHING };

struct outcome {
    enum end end;
    int after;                           /* so many dependencies have ended when it is decided */
    int cause;                           /* caused_by, or NOBODY */
    enum filling fillings[DEPENDENCIES]; /* what the process step gets, if it runs */
};

/* The first in the order of ends that is such; DEPENDENCIES: none. */
static int first(const struct row *row, bool success)
{
    int i = 0;
    while (i < DEPENDENCIES && ((row->ends[row->order[i]] == SUCCEEDS) != success ||
                                (!success && row->order[i] == row->optional)))
        i++;
    return i;
}

static enum filling filling_of(const struct row *row, int dependency, int winner)
{
    if (row->policy == ANY)
        return dependency == winner ? VALUE : NOTHING;
    if (row->ends[dependency] == SUCCEEDS)
        return VALUE;
    return dependency == row->optional ? NOTHING : ERROR;
}

static struct outcome outcome_of(const struct row *row)
{
    struct outcome outcome = {.end = SUCCEEDS, .after = DEPENDENCIES, .cause = NOBODY};
    int bad = first(row, false), good = first(row, true), winner = NOBODY;
    if (row->policy == ALL && bad < DEPENDENCIES) {
        outcome.cause = row->order[bad];
        outcome.end = row->ends[outcome.cause];
        outcome.after = bad + 1;
    } else if (row->policy == ANY && good < DEPENDENCIES) {
        winner = row->order[good];
        outcome.after = good + 1;
    } else if (row->policy == ANY) {
        outcome.cause = row->order[0];
        outcome.end = FAILS;
    }
    for (int i = 0; i < DEPENDENCIES; i++)
        outcome.fillings[i] = filling_of(row, i, winner);
    return outcome;
}

/* Rows in the order of the page: the end of c changes fastest. */
static struct row row_of(int number, enum policy policy)
{
    return (struct row){
        .ends = {(enum end)(number / (ENDS * ENDS)), (enum end)(number / ENDS % ENDS),
                 (enum end)(number % ENDS)},
        .order = {0, 1, 2},
        .policy = policy,
        .optional = NOBODY,
    };
}

/* --- the page --------------------------------------------------------------------- */

static const char page_file[] = "docs/truth-table.md";

static const char page_head[] =
    "# What becomes of a meta-task\n"
    "\n"
    "Made by `make docs` from the table in `tests/api/truth_table_test.c`, which runs each row "
    "against a\n"
    "real server, in all six orders of ends.\n"
    "\n"
    "A meta-task has the arguments `[{\"$task\":\"a\"},{\"$task\":\"b\"},{\"$task\":\"c\"}]`. Each "
    "row assumes that a\n"
    "ends first, then b, then c, and that each ends as its column says, because others want it "
    "too. For\n"
    "another order of ends, read a as the first to end, b as the second and c as the third. "
    "Results stand\n"
    "where their `$task` stood, whatever the order.\n"
    "\n"
    "- *at a*: it is decided at the end of a. The meta-task does not wait for those that are left, "
    "and\n"
    "  they are cancelled if nobody else wants them.\n"
    "- `[A,B,C]`: what the process step gets. A is the result of a, and `E` is\n"
    "  `{\"$error\":{\"id\",\"code\",\"message\"}}`. The meta-task then ends as its process step "
    "does.\n"
    "- *failed*: `error.code` is `dependency-failed`. *cancelled*: it is `cancelled`. *by a*:\n"
    "  `error.caused_by` is a. The process step never starts.\n"
    "- With `\"optional\": true` beside a `$task`, under `all` and `all_settled`: if that one "
    "fails or is\n"
    "  cancelled, it counts as a success with the result `null`.\n"
    "\n"
    "| a | b | c | `all` | `all_settled` | `any` |\n"
    "|---|---|---|---|---|---|\n";

static void print_cell(FILE *out, const struct row *row)
{
    static const char *const failed[] = {"", "failed", "cancelled"};
    const struct outcome outcome = outcome_of(row);
    char decider = (char)('a' + row->order[outcome.after - 1]);
    if (outcome.end != SUCCEEDS) {
        fprintf(out, " %s at %c, by %c |", failed[outcome.end], decider, 'a' + outcome.cause);
        return;
    }
    fprintf(out, " `[");
    for (int i = 0; i < DEPENDENCIES; i++) {
        const char value[] = {(char)('A' + i), 0};
        const enum filling filling = outcome.fillings[i];
        fprintf(out, "%s%s", i ? "," : "",
                filling == VALUE   ? value
                : filling == ERROR ? "E"
                                   : "null");
    }
    fprintf(out, "]` at %c |", decider);
}

static void print_page(FILE *out)
{
    fputs(page_head, out);
    for (int number = 0; number < ROWS; number++) {
        const struct row ends = row_of(number, ALL);
        fprintf(out, "|");
        for (int i = 0; i < DEPENDENCIES; i++)
            fprintf(out, " %s |", end_words[ends.ends[i]]);
        for (int policy = 0; policy < POLICIES; policy++) {
            const struct row row = row_of(number, (enum policy)policy);
            print_cell(out, &row);
        }
        fputc('\n', out);
    }
}

/* The page in the tree is the one that the rule gives. Tests run in the top folder. */
SCENARIO(page)
{
    char *fresh = NULL, stored[32768];
    size_t length = 0;
    FILE *out = open_memstream(&fresh, &length);
    assert_non_null(out);
    print_page(out);
    fclose(out);
    fresh[length] = 0;
    at_end(s, free, fresh);
    FILE *file = fopen(page_file, "r");
    if (!file)
        fail_at(HERE, "cannot read %s from here", page_file);
    stored[fread(stored, 1, sizeof stored - 1, file)] = 0;
    fclose(file);
    if (strcmp(fresh, stored) != 0)
        fail_at(HERE, "%s is not what the rule gives: run make docs", page_file);
}

/* --- a row on a server ---------------------------------------------------------------- */

/*
 * Dependencies end when the test says so, one after the other, and no process is
 * needed for that: one that succeeds or fails waits for a gate, a task that is far
 * in the future, and goes on when the gate is cancelled. One that is to be
 * cancelled is itself far in the future.
 */
static const char *dependency(struct scenario *s, const char *name, int number, enum end end)
{
    static const char *const process[] = {"echo", "fail"};
    char letter = (char)('a' + number);
    if (end == IS_CANCELLED)
        return json(s, "{'id':'%s-%c','function':'echo','delay':3600}", name, letter);
    return json(s,
                "{'id':'%s-%c','process':'%s','args':['%c',{'optional':true,'$task':"
                "{'id':'%s-%c-gate','function':'echo','delay':3600}}]}",
                name, letter, process[end], letter - 'a' + 'A', name, letter);
}

static const char *dependency_id(struct scenario *s, const char *name, int number)
{
    return text(s, "%s-%c", name, 'a' + number);
}

static void end_dependency(struct server *server, const char *name, int number, enum end end)
{
    const char *id = dependency_id(server->scenario, name, number);
    const char *gate = end == IS_CANCELLED ? id : text(server->scenario, "%s-gate", id);
    expect_status(cancel(server, gate, NULL), 200);
    expect_outcome(server, id, end_states[end]);
}

/* own: the dependencies are inline, so that nobody else wants them. */
static void make_row(struct server *server, const char *name, const struct row *row, bool own)
{
    struct scenario *s = server->scenario;
    const char *places = "", *before = "";
    for (int i = 0; i < DEPENDENCIES; i++) {
        const char *task = dependency(s, name, i, row->ends[i]);
        if (!own) {
            before = text(s, "%s%s,", before, task);
            task = text(s, "\"%s\"", dependency_id(s, name, i));
        }
        places = text(s, "%s%s{\"$task\":%s%s}", places, i ? "," : "", task,
                      i == row->optional ? ",\"optional\":true" : "");
    }
    expect_status(post(server, "/v1/tasks",
                       "[%s{'id':'%s','process':'collect','wait_for':'%s','args':[%s]}]", before,
                       name, policy_words[row->policy], places),
                  201);
}

static void expect_places(struct server *server, const char *name, const struct row *row,
                          const struct outcome *outcome)
{
    struct scenario *s = server->scenario;
    static const char *const codes[] = {"", "function-error", "cancelled"};
    const char *want = "";
    for (int i = 0; i < DEPENDENCIES; i++) {
        const char *place = "null";
        const char *id = dependency_id(s, name, i);
        if (outcome->fillings[i] == VALUE)
            place = json(s, "'%c'", 'A' + i);
        else if (outcome->fillings[i] == ERROR)
            place =
                json(s, "{'$error':{'id':'%s','code':'%s','message':%s}}", id, codes[row->ends[i]],
                     body_value(&task(server, id)->body, "error.message", HERE));
        want = text(s, "%s%s%s", want, i ? "," : "", place);
    }
    expect_result(server, name, text(s, "[%s]", want));
}

/* The meta-task, when the dependency that decides has just ended. */
static struct reply *expect_decided(struct server *server, const char *name, const struct row *row,
                                    const struct outcome *outcome)
{
    static const char *const codes[] = {"", "dependency-failed", "cancelled"};
    struct reply *meta = expect_outcome(server, name, end_states[outcome->end]);
    if (outcome->end == SUCCEEDS) {
        expect_null(meta, "error");
        expect_number(meta, "attempt", 1);
        expect_places(server, name, row, outcome);
    } else {
        expect_text(meta, "error.code", codes[outcome->end]);
        expect_text(meta, "error.caused_by", dependency_id(server->scenario, name, outcome->cause));
        expect_number(meta, "attempt", 0);
        expect_null(meta, "started_at");
    }
    return task(server, name);
}

/* What ends after the decision changes nothing but how the dependencies stand. */
static void expect_unchanged(struct reply *now, const struct reply *then)
{
    static const char *const members[] = {"state",      "attempt",  "error",
                                          "started_at", "progress", "finished_at"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        expect_exact(now, members[i], body_value(&then->body, members[i], HERE));
    assert_true(json_number(now, "version") >= json_number(then, "version"));
}

static void try_row(struct server *server, const char *name, const struct row *row, bool own)
{
    struct scenario *s = server->scenario;
    const struct outcome outcome = outcome_of(row);
    struct reply *decided = NULL;
    note(s, "%s: %s of %s, %s, %s; ends in the order %c%c%c%s%s", name, policy_words[row->policy],
         end_words[row->ends[0]], end_words[row->ends[1]], end_words[row->ends[2]],
         'a' + row->order[0], 'a' + row->order[1], 'a' + row->order[2],
         row->optional == NOBODY ? "" : "; optional: ",
         row->optional == NOBODY ? "" : (const char *[]){"a", "b", "c"}[row->optional]);
    make_row(server, name, row, own);
    for (int i = 0; i < DEPENDENCIES; i++) {
        if (i < outcome.after)
            expect_state(server, name, "waiting");
        if (own && i >= outcome.after)
            expect_outcome(server, dependency_id(s, name, row->order[i]), "cancelled");
        else
            end_dependency(server, name, row->order[i], row->ends[row->order[i]]);
        if (i + 1 == outcome.after)
            decided = expect_decided(server, name, row, &outcome);
    }
    expect_unchanged(task(server, name), decided);
}

/* --- all rows ---------------------------------------------------------------------------- */

/* 5.1: every row of the table under one way to wait, in every order of ends. The dependencies are
 * wanted by others too, so all of them really end as the row says. */
static void try_policy(struct scenario *s, enum policy policy)
{
    static const int orders[][DEPENDENCIES] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                               {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct server *server = server_start(s, "%s", "");
    for (int number = 0; number < ROWS; number++) {
        for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
            struct row row = row_of(number, policy);
            memcpy(row.order, orders[i], sizeof row.order);
            try_row(server, text(s, "r%d-%zu", number, i), &row, false);
        }
    }
    expect_number(get(server, "/v1/stats"), "live", 0);
}

SCENARIO(all)
{
    try_policy(s, ALL);
}

SCENARIO(all_settled)
{
    try_policy(s, ALL_SETTLED);
}

SCENARIO(any)
{
    try_policy(s, ANY);
}

/* 5.1: when it is decided early, the dependencies that nobody else wants are cancelled. */
SCENARIO(unwanted_ones)
{
    struct server *server = server_start(s, "%s", "");
    for (int number = 0; number < ROWS * POLICIES; number++) {
        struct row row = row_of(number % ROWS, (enum policy)(number / ROWS));
        try_row(server, text(s, "r%d", number), &row, true);
    }
    expect_number(get(server, "/v1/stats"), "live", 0);
}

/* 5.1: `optional` puts null where the failure was, and the failure fails nothing. */
static void try_optional(struct scenario *s, enum policy policy)
{
    struct server *server = server_start(s, "%s", "");
    for (int number = 0; number < ROWS; number++) {
        for (int i = 0; i < DEPENDENCIES; i++) {
            struct row row = row_of(number, policy);
            row.optional = i;
            try_row(server, text(s, "r%d-%d", number, i), &row, false);
        }
    }
    expect_number(get(server, "/v1/stats"), "live", 0);
}

SCENARIO(all_with_an_optional_one)
{
    try_optional(s, ALL);
}

SCENARIO(all_settled_with_an_optional_one)
{
    try_optional(s, ALL_SETTLED);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest table[] = {
        RUN(page),
        RUN(all),
        RUN(all_settled),
        RUN(any),
        RUN(unwanted_ones),
        RUN(all_with_an_optional_one),
        RUN(all_settled_with_an_optional_one),
    };
    if (count == 2 && !strcmp(arguments[1], "--page")) {
        print_page(stdout);
        return 0;
    }
    return RUN_SCENARIOS("truth_table", table);
}
