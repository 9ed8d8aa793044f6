#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* A line break in a message would let whoever wrote the message forge log lines. */
static void one_line(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ')
            text[i] = ' ';
    }
}

__attribute__((format(printf, 2, 0))) static void log_line(const char *level, const char *format,
                                                           va_list args)
{
    int saved = errno;
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    struct buf line = {0};
    buf_add_time(&line, clock_now());
    buf_add_text(&line, level);
    size_t start = line.len;
    buf_reserve(&line, (size_t)len);
    vsnprintf(line.data + start, (size_t)len + 1, format, again);
    va_end(again);
    line.len += (size_t)len;
    one_line(line.data + start, (size_t)len);
    buf_add_char(&line, '\n');
    /* Nowhere is left to report that the log cannot be written. */
    if (write(STDERR_FILENO, line.data, line.len) < 0)
        errno = 0;
    buf_done(&line);
    errno = saved;
}

void log_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(" info  ", format, args);
    va_end(args);
}

void log_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(" warn  ", format, args);
    va_end(args);
}

void log_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(" error ", format, args);
    va_end(args);
}
