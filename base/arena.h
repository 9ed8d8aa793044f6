/* Memory with one lifetime: a request, a command or a run allocates from its
 * arena and everything goes at once with arena_done. An arena belongs to one
 * thread at a time and may be handed over whole. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

#include <stdarg.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes taken of the newest block */
    size_t held;                /* bytes of all blocks */
};

/* All zero is an empty arena. */
void arena_done(struct arena *arena);
/* size bytes, zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy; its bytes end in a NUL that len does not count. STR_NONE stays STR_NONE. */
struct str arena_str(struct arena *arena, struct str s);
struct str arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct str arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))

#endif
