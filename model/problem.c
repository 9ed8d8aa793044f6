#include "model/problem.h"

#include <stdarg.h>
#include <stdio.h>

static const struct problem_kind kinds[] = {
    {NULL, 0, NULL},
#define X(name, slug, status, title) {slug, status, title},
#include "model/problem.def"
#undef X
};

const struct problem_kind *problem_kind(enum problem_code code)
{
    return &kinds[code];
}

static struct str detail_text(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, args);
    return (struct str){text, (size_t)len};
}

bool problem_set(struct problem *problem, struct arena *arena, enum problem_code code,
                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *problem = (struct problem){.code = code, .detail = detail_text(arena, format, args)};
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
                                .detail = detail_text(arena, format, args)};
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
                                .detail = detail_text(arena, format, args)};
    va_end(args);
    return false;
}
