#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "errand: out of memory (%zu bytes wanted)\n", size);
    _exit(1);
}

void *mem_alloc(size_t size)
{
    void *ptr = calloc(1, size ? size : 1);
    if (!ptr)
        out_of_memory(size);
    return ptr;
}

void *mem_calloc(size_t count, size_t size)
{
    void *ptr = calloc(count ? count : 1, size ? size : 1);
    if (!ptr)
        out_of_memory(size);
    return ptr;
}

void *mem_resize(void *ptr, size_t size)
{
    void *moved = realloc(ptr, size ? size : 1);
    if (!moved)
        out_of_memory(size);
    return moved;
}

void *mem_copy(const void *ptr, size_t size)
{
    void *copy = malloc(size ? size : 1);
    if (!copy)
        out_of_memory(size);
    if (size)
        memcpy(copy, ptr, size);
    return copy;
}

char *mem_string(const char *text)
{
    return mem_copy(text, strlen(text) + 1);
}

void mem_free(void *ptr)
{
    free(ptr);
}
