#include "executors/result.h"

#include "base/json.h"

enum { ROOM_MIN = 65536 };

static bool output_limited(const struct run *run)
{
    int64_t output = run->function->limits.output;
    return output && output < run->host->max_result;
}

int64_t result_limit(const struct run *run)
{
    return output_limited(run) ? run->function->limits.output : run->host->max_result;
}

int64_t result_room(const struct run *run)
{
    return output_limited(run) ? result_limit(run) : 2 * run->host->max_result + ROOM_MIN;
}

struct outcome result_too_large(struct run *run)
{
    return run_failure(run, FAILURE_RESULT_TOO_LARGE, "%sthe result is larger than %lld bytes",
                       output_limited(run) ? "limit: " : "", (long long)result_limit(run));
}

/* The value that text stands for. False: it stands for none, and *failed says why. */
static bool read_value(struct run *run, struct str text, struct buf *value, struct outcome *failed)
{
    struct json_error error;
    if (!text.len) {
        buf_add_text(value, "null");
        return true;
    }
    if (json_squeeze(text, JSON_MAX_DEPTH, value, &error))
        return true;
    if (error.too_deep) {
        *failed = run_failure(run, FAILURE_INVALID_RESULT, "the result is deeper than %d levels",
                              JSON_MAX_DEPTH);
        return false;
    }
    if (!str_utf8(text)) {
        *failed = run_failure(run, FAILURE_INVALID_RESULT, "the result is neither JSON nor UTF-8");
        return false;
    }
    text.len -= text.data[text.len - 1] == '\n';
    buf_add_json(value, text);
    return true;
}

struct outcome result_outcome(struct run *run, struct str text)
{
    struct buf value = {0};
    struct outcome outcome = {.succeeded = true};
    bool read = read_value(run, text, &value, &outcome);
    if (read && (int64_t)value.len > run->host->max_result) /* escapes make a text longer */
        outcome = run_failure(run, FAILURE_RESULT_TOO_LARGE, "the result is larger than %lld bytes",
                              (long long)run->host->max_result);
    else if (read)
        outcome.result = arena_str(&run->arena, buf_str(&value));
    buf_done(&value);
    return outcome;
}
