#include "base/arena.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK = 4000, ARENA_ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    _Alignas(ARENA_ALIGN) char bytes[];
};

void arena_done(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        mem_free(block);
    }
    *arena = (struct arena){0};
}

static void *arena_take(struct arena *arena, size_t size)
{
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (!arena->blocks || arena->blocks->size - arena->used < rounded) {
        size_t room = rounded > ARENA_BLOCK ? rounded : ARENA_BLOCK;
        struct arena_block *block = mem_resize(NULL, sizeof(*block) + room);
        block->next = arena->blocks;
        block->size = room;
        arena->blocks = block;
        arena->used = 0;
        arena->held += room;
    }
    char *at = arena->blocks->bytes + arena->used;
    arena->used += rounded;
    return at;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(arena_take(arena, size), 0, size);
}

struct str arena_str(struct arena *arena, struct str s)
{
    if (!s.data)
        return STR_NONE;
    char *copy = arena_take(arena, s.len + 1);
    memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return (struct str){copy, s.len};
}

struct str arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    size_t room = len < 0 ? 1 : (size_t)len + 1;
    char *text = arena_take(arena, room);
    text[0] = '\0';
    vsnprintf(text, room, format, args);
    return (struct str){text, room - 1};
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}
