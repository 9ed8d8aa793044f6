/* Heap memory that is there or the process is not.
 *
 * errand keeps its truth on disk, so the honest answer to an allocation that
 * fails is to say so and exit with 1: the next start goes on from the last
 * commit. No caller checks for NULL. Any thread. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* size bytes, zeroed. Owned by the caller, released with mem_free. */
void *mem_alloc(size_t size);
/* As calloc: libraries that take an allocator are given these too. */
void *mem_calloc(size_t count, size_t size);
/* As realloc; the bytes past the old size are not set. */
void *mem_resize(void *ptr, size_t size);
/* A copy of size bytes. */
void *mem_copy(const void *ptr, size_t size);
/* A copy of a C string. */
char *mem_string(const char *text);
/* NULL is fine. */
void mem_free(void *ptr);

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define array_size(array)               (sizeof(array) / sizeof((array)[0]))

#endif
