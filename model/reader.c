#include "model/reader.h"

#include "base/mem.h"

#include <stdarg.h>

/* Seconds that a duration may have: a hundred years, so that sums of times never overflow. */
#define SECONDS_MAX 3155760000.0

bool reader_refuse(struct reader *reader, enum problem_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str detail = arena_vprintf(reader->arena, format, args);
    va_end(args);
    return problem_at(reader->problem, reader->arena, code, buf_str(&reader->path), "%s",
                      detail.data);
}

bool reader_place(struct reader *reader, struct str *pointer)
{
    reader->paths += reader->path.len;
    if (reader->paths > PLAN_MAX_PATHS)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                             "the places of the tasks that are referred to have more than %d bytes "
                             "of JSON Pointers together",
                             PLAN_MAX_PATHS);
    *pointer = arena_str(reader->arena, buf_str(&reader->path));
    return true;
}

size_t reader_enter(struct reader *reader, struct str name)
{
    size_t length = reader->path.len;
    buf_add_pointer(&reader->path, name);
    return length;
}

size_t reader_enter_index(struct reader *reader, size_t index)
{
    size_t length = reader->path.len;
    buf_add_char(&reader->path, '/');
    buf_add_int(&reader->path, (int64_t)index);
    return length;
}

void reader_leave(struct reader *reader, size_t length)
{
    reader->path.len = length;
}

struct str reader_minified(struct reader *reader, uint32_t node)
{
    reader->scratch.len = 0;
    json_minify(reader->json, node, &reader->scratch);
    return arena_str(reader->arena, buf_str(&reader->scratch));
}

bool reader_integer(struct reader *reader, uint32_t node, int64_t low, int64_t high, int64_t *value)
{
    if (reader->json->nodes[node].type != JSON_NUMBER || !json_int(reader->json, node, value) ||
        *value < low || *value > high)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                             "this has to be an integer from %lld to %lld", (long long)low,
                             (long long)high);
    return true;
}

bool reader_seconds(struct reader *reader, uint32_t node, double *seconds)
{
    bool number = reader->json->nodes[node].type == JSON_NUMBER;
    *seconds = number ? json_double(reader->json, node) : -1;
    if (!(*seconds >= 0 && *seconds <= SECONDS_MAX))
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST,
                             "this has to be a number of seconds, 0 to %.0f", SECONDS_MAX);
    return true;
}

bool reader_boolean(struct reader *reader, uint32_t node, bool *value)
{
    enum json_type type = reader->json->nodes[node].type;
    *value = type == JSON_TRUE;
    if (type != JSON_TRUE && type != JSON_FALSE)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "this has to be true or false");
    return true;
}

bool reader_string(struct reader *reader, uint32_t node, struct str *value)
{
    if (reader->json->nodes[node].type != JSON_STRING)
        return reader_refuse(reader, PROBLEM_INVALID_REQUEST, "this has to be a string");
    *value = json_string(reader->json, node, reader->arena);
    return true;
}

bool reader_choice(struct reader *reader, uint32_t node, const char *const *texts, unsigned count,
                   unsigned *choice)
{
    struct buf list = {0};
    for (unsigned i = 0; i < count; i++) {
        if (reader->json->nodes[node].type == JSON_STRING &&
            json_string_is(reader->json, node, str_of(texts[i]))) {
            *choice = i;
            buf_done(&list);
            return true;
        }
        buf_addf(&list, "%s\"%s\"", i == 0 ? "" : i + 1 < count ? ", " : " or ", texts[i]);
    }
    reader_refuse(reader, PROBLEM_INVALID_REQUEST, "this has to be %s", list.data);
    buf_done(&list);
    return false;
}
