#include "executors/run.h"

const struct executor *executor_of(enum function_mode mode)
{
    static const struct executor *const executors[] = {
        [MODE_BUILTIN] = &builtin_executor,
        [MODE_PROCESS] = &process_executor,
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
