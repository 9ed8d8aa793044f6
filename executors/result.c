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

struct outcome result_outcome(struct run *run, struct str text)
{
    struct buf value = {0};
    struct json_error error;
    if (!text.len) {
        buf_add_text(&value, "null");
    } else if (json_squeeze(text, JSON_MAX_DEPTH, &value, &error)) {
        /* that is the result */
    } else if (error.too_deep) {
        return run_failure(run, FAILURE_INVALID_RESULT, "the result is deeper than %d levels",
                           JSON_MAX_DEPTH);
    } else if (!str_utf8(text)) {
        return run_failure(run, FAILURE_INVALID_RESULT, "the result is neither JSON nor UTF-8");
    } else {
        text.len -= text.data[text.len - 1] == '\n';
        buf_add_json(&value, text);
    }
    struct outcome outcome = {.succeeded = true};
    if ((int64_t)value.len > run->host->max_result) /* escaped, it may be longer than the text */
        outcome = run_failure(run, FAILURE_RESULT_TOO_LARGE, "the result is larger than %lld bytes",
                              (long long)run->host->max_result);
    else
        outcome.result = arena_str(&run->arena, buf_str(&value));
    buf_done(&value);
    return outcome;
}
