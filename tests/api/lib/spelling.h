/*
 * JSON text in one spelling: white space outside strings gone, each character of
 * a string written in one way. Digits, order and repeated members stay as they
 * are, so two texts with one spelling are one value to whoever sent it.
 */
#ifndef TESTS_API_SPELLING_H
#define TESTS_API_SPELLING_H

#include <stdbool.h>
#include <stddef.h>

/* malloc()ed, ends in NUL. */
char *spelling_of(const char *text, size_t length);

/* Where the value at a dotted path stands in text that is in one spelling; the first, if repeated.
 */
bool spelling_find(const char *all, const char *path, const char **begin, const char **end);

#endif
