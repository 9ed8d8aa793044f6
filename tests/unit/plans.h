/* What the tests of plan_parse share: three functions, and a body parsed, taken or refused. */
#ifndef TESTS_UNIT_PLANS_H
#define TESTS_UNIT_PLANS_H

#include "base/mem.h"
#include "model/spec.h"
#include "tests/unit/check.h"

enum { NOW = 1000000 };

static struct function plan_functions[] = {
    {.name = STR("capped"),
     .timeout = 60000,
     .max_attempts = 5,
     .backoff = {0.5, 3, 60},
     .mode = MODE_PROCESS},
    {.name = STR("echo"), .max_attempts = 1, .backoff = BACKOFF_DEFAULT},
    {.name = STR("merge"), .max_attempts = 1, .backoff = BACKOFF_DEFAULT},
};
static const struct function_set function_set = {.items = plan_functions,
                                                 .count = array_size(plan_functions)};

struct parsed {
    struct arena arena;
    struct plan plan;
    struct problem problem;
    bool fine;
};

static inline struct parsed parse(struct str body)
{
    struct parsed parsed = {0};
    struct json json;
    struct json_error error = {0};
    body = arena_str(&parsed.arena, body);
    assert_row(body, json_parse(body, JSON_MAX_DEPTH, &parsed.arena, &json, &error));
    parsed.fine =
        plan_parse(&json, &function_set, NULL, NOW, &parsed.arena, &parsed.plan, &parsed.problem);
    assert_row(body, parsed.fine == (parsed.problem.code == PROBLEM_NONE));
    return parsed;
}

static inline struct parsed parse_good(struct str body)
{
    struct parsed parsed = parse(body);
    if (!parsed.fine)
        fail_msg("\"%.*s\" at \"%.*s\": %.*s", STR_ARG(body), STR_ARG(parsed.problem.pointer),
                 STR_ARG(parsed.problem.detail));
    return parsed;
}

static inline void check_refused(struct str body, enum problem_code code, struct str pointer)
{
    struct parsed parsed = parse(body);
    assert_row(body, !parsed.fine);
    assert_string_equal(problem_kind(parsed.problem.code)->slug, problem_kind(code)->slug);
    assert_row(body, parsed.problem.pointer.data != NULL);
    if (!str_eq(parsed.problem.pointer, pointer))
        print_error("in \"%.*s\"\n", STR_ARG(body));
    assert_str(parsed.problem.pointer, pointer);
    assert_row(body, parsed.problem.detail.len > 0 && str_utf8(parsed.problem.detail));
    assert_row(body, parsed.problem.parameter.data == NULL);
    arena_done(&parsed.arena);
}

#endif
