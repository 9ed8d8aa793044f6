/* What a route can answer: what its row says, and what follows from it. */
#include "handlers/openapi.h"

#include <assert.h>
#include <string.h>

struct list {
    struct answer *answers;
    size_t count;
};

static void add(struct list *list, struct answer answer)
{
    assert(list->count < ANSWERS_MAX);
    list->answers[list->count++] = answer;
}

static void add_problem(struct list *list, enum problem_code code)
{
    add(list, (struct answer){.status = problem_kind(code)->status, .problem = code});
}

/* "200", "200:Task", "200:Task+ETag" or the slug of a problem. */
static void add_word(struct list *list, struct str word)
{
    struct answer answer = {0};
    int64_t status;
    struct str headers = word, schema = str_cut(&headers, '+');
    struct str number = str_cut(&schema, ':');
    if (str_int(number, &status)) {
        answer.status = (unsigned)status;
        answer.schema = schema;
        answer.headers = headers;
        add(list, answer);
        return;
    }
    enum problem_code code = problem_parse(word);
    assert(code != PROBLEM_NONE);
    add_problem(list, code);
}

static void add_implied(struct list *list, const struct route *route)
{
    static const enum problem_code always[] = {
        PROBLEM_BAD_REQUEST,     PROBLEM_NOT_ACCEPTABLE,  PROBLEM_BODY_TOO_LARGE,
        PROBLEM_WRONG_HOST,      PROBLEM_INVALID_REQUEST, PROBLEM_INTERNAL,
        PROBLEM_TARGET_TOO_LONG, PROBLEM_HEAD_TOO_LARGE,
    };
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        add_problem(list, always[i]);
    if (route->access != ACCESS_OPEN) {
        add_problem(list, PROBLEM_UNAUTHORIZED);
        add_problem(list, PROBLEM_REQUEST_TIMEOUT);
        add_problem(list, PROBLEM_TOO_MANY_CONNECTIONS);
        add_problem(list, PROBLEM_TOO_BUSY);
    }
    if (route->access > ACCESS_ANY)
        add_problem(list, PROBLEM_INSUFFICIENT_SCOPE);
    if (route->method != METHOD_GET)
        add_problem(list, PROBLEM_FORBIDDEN_ORIGIN);
    if (route->body != BODY_NONE) {
        add_problem(list, PROBLEM_MALFORMED_JSON);
        add_problem(list, PROBLEM_UNSUPPORTED_MEDIA_TYPE);
    }
    if (strchr(route->path, '{'))
        add_problem(list, PROBLEM_NOT_FOUND);
}

size_t route_answers(const struct route *route, struct answer answers[ANSWERS_MAX])
{
    struct list list = {.answers = answers};
    struct str words = str_of(route->answers);
    while (words.data)
        add_word(&list, str_cut(&words, ' '));
    add_implied(&list, route);
    return list.count;
}
