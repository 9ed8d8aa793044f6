#include "model/problem.h"

static const struct problem_kind kinds[] = {
    {NULL, 0, NULL, NULL, NULL},
#define X(name, slug, status, title, happened, remedy) {slug, status, title, happened, remedy},
#include "model/problem.def"
#undef X
};

const struct problem_kind *problem_kind(enum problem_code code)
{
    return &kinds[code];
}

enum problem_code problem_parse(struct str slug)
{
    int code = PROBLEM_COUNT - 1;
    while (code > PROBLEM_NONE && !str_eq(slug, str_of(kinds[code].slug)))
        code--;
    return (enum problem_code)code;
}

bool problem_set(struct problem *problem, struct arena *arena, enum problem_code code,
                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *problem = (struct problem){.code = code, .detail = arena_vprintf(arena, format, args)};
    va_end(args);
    return false;
}

bool problem_at(struct problem *problem, struct arena *arena, enum problem_code code,
                struct str pointer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *problem = (struct problem){.code = code,
                                .pointer = arena_str(arena, pointer),
                                .detail = arena_vprintf(arena, format, args)};
    va_end(args);
    return false;
}

bool problem_parameter(struct problem *problem, struct arena *arena, struct str name,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *problem = (struct problem){.code = PROBLEM_INVALID_REQUEST,
                                .parameter = arena_str(arena, name),
                                .detail = arena_vprintf(arena, format, args)};
    va_end(args);
    return false;
}
