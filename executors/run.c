#include "executors/run.h"

const struct executor *executor_of(enum function_mode mode)
{
    static const struct executor *const executors[] = {
        [MODE_BUILTIN] = &builtin_executor,
        [MODE_PROCESS] = &process_executor,
        [MODE_WORKER] = &worker_executor,
        [MODE_HTTP] = &http_executor,
    };
    return executors[mode];
}

struct outcome run_failure(struct run *run, enum failure_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(&run->arena, format, args);
    va_end(args);
    return (struct outcome){.failure = {.code = code, .message = message}};
}

void run_input(const struct run *run, struct buf *out)
{
    buf_addf(out, "{\"id\":\"%.*s\",\"function\":\"%.*s\",\"args\":", STR_ARG(run->id),
             STR_ARG(run->function->name));
    buf_add_str(out, run->args);
    buf_add_text(out, ",\"kwargs\":");
    buf_add_str(out, run->kwargs);
    buf_addf(out, ",\"attempt\":%lld}\n", (long long)run->attempt);
}

bool run_progress(const struct json *json, uint32_t report, struct buf *out)
{
    if (json->nodes[report].type != JSON_OBJECT)
        return false;
    uint32_t value = json_member(json, report, STR("progress"));
    uint32_t message = json_member(json, report, STR("message"));
    if (!value || json->nodes[value].type != JSON_NUMBER)
        return false;
    double percent = json_double(json, value);
    if (!(percent >= 0 && percent <= 100))
        return false;
    if (message && json->nodes[message].type == JSON_NULL)
        message = 0;
    if (message && json->nodes[message].type != JSON_STRING)
        return false;
    struct str number = json_raw(json, value);
    struct str said = message ? json_raw(json, message) : STR("null");
    if (number.len > PROGRESS_MAX_BYTES || said.len > REPORT_MAX_BYTES)
        return false;
    buf_add_text(out, "{\"value\":");
    buf_add_str(out, number);
    buf_add_text(out, ",\"message\":");
    buf_add_str(out, said);
    buf_add_char(out, '}');
    return true;
}
