#include "executors/run.h"

#include <stdarg.h>
#include <stdio.h>

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
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(&run->arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (struct outcome){.failure = {.code = code, .message = {text, (size_t)len}}};
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
