/* What every fuzzer includes: how it is called, and how it says that something
 * is wrong. */
#ifndef TESTS_FUZZ_LIB_FUZZ_H
#define TESTS_FUZZ_LIB_FUZZ_H

#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's, or replay.c's. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert, which NDEBUG takes away. */
#define must(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* What the code under test has made has to be JSON. */
static inline struct json must_parse(struct str text, struct arena *arena)
{
    struct json json = {0};
    struct json_error error;
    must(json_parse(text, JSON_MAX_DEPTH, arena, &json, &error));
    return json;
}

#endif
