#include "executors/process.h"

#include "base/json.h"
#include "base/mem.h"
#include "executors/limit.h"
#include "executors/result.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    READ_SIZE = 65536,
    LINE_MAX_BYTES = 65536, /* a longer line of log or report is cut in pieces */
};

/* --- what the child writes --------------------------------------------------- */

static bool blank(struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r')
            return false;
    }
    return true;
}

static void log_line(struct process *process, struct str line)
{
    if (!blank(line)) {
        process->last_line_len = line.len < MESSAGE_MAX_BYTES ? line.len : MESSAGE_MAX_BYTES;
        memcpy(process->last_line, line.data, process->last_line_len);
    }
    process->run->host->logged(process->run, "stderr", line);
}

static void report_line(struct process *process, struct str line)
{
    struct arena arena = {0};
    struct buf progress = {0};
    struct json json;
    struct json_error error;
    if (blank(line))
        return;
    if (json_parse(line, JSON_MAX_DEPTH, &arena, &json, &error) &&
        run_progress(&json, 0, &progress))
        process->run->host->progressed(process->run, buf_str(&progress));
    else
        process->run->host->logged(process->run, "report", line);
    buf_done(&progress);
    arena_done(&arena);
}

static void take_line(struct stream *stream, struct str line)
{
    if (stream == &stream->process->streams[ERR])
        log_line(stream->process, line);
    else
        report_line(stream->process, line);
}

static void take_lines(struct stream *stream, struct str bytes)
{
    while (bytes.len) {
        const char *end = memchr(bytes.data, '\n', bytes.len);
        size_t len = end ? (size_t)(end - bytes.data) : bytes.len;
        buf_add(&stream->text, bytes.data, len);
        bytes.data += len + (end ? 1 : 0);
        bytes.len -= len + (end ? 1 : 0);
        if (end || stream->text.len >= LINE_MAX_BYTES) {
            take_line(stream, buf_str(&stream->text));
            stream->text.len = 0;
        }
    }
}

static void take_result(struct stream *stream, struct str bytes)
{
    struct process *process = stream->process;
    if (process->too_large)
        return;
    buf_add_str(&stream->text, bytes);
    if ((int64_t)stream->text.len > result_room(process->run)) {
        process->too_large = true;
        buf_done(&stream->text);
        child_signal(&process->child, SIGKILL);
    }
}

void stream_take(struct stream *stream, struct str bytes)
{
    if (stream == &stream->process->streams[OUT])
        take_result(stream, bytes);
    else
        take_lines(stream, bytes);
}

void stream_read(struct stream *stream, int limit)
{
    static char bytes[READ_SIZE]; /* the loop's thread alone */
    while (stream->watch.fd >= 0 && limit-- > 0) {
        ssize_t len = read(stream->watch.fd, bytes, sizeof(bytes));
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno == EAGAIN)
            return;
        if (len <= 0) {
            watch_close(stream->process->child.pool, &stream->watch);
            return;
        }
        stream_take(stream, (struct str){bytes, (size_t)len});
        if (len < READ_SIZE)
            return;
    }
}

static void stream_ready(struct watch *watch)
{
    stream_read(container_of(watch, struct stream, watch), 16);
}

void stream_open(struct process *process, int which, int fd)
{
    struct stream *stream = &process->streams[which];
    stream->process = process;
    int rc = watch_open(process->child.pool, &stream->watch, fd, EPOLLIN, stream_ready);
    if (rc) {
        process->unwatched = rc;
        child_signal(&process->child, SIGKILL);
    }
}

void streams_finish(struct process *process)
{
    for (int i = ERR; i < STREAMS; i++) {
        if (process->streams[i].text.len)
            take_line(&process->streams[i], buf_str(&process->streams[i].text));
    }
}

/* --- how it ended ------------------------------------------------------------ */

struct outcome process_outcome(struct process *process)
{
    struct run *run = process->run;
    if (process->unwatched)
        return run_failure(run, FAILURE_START_FAILED, "its output cannot be watched: %s",
                           strerror(process->unwatched));
    if (process->too_large)
        return result_too_large(run);
    bool by_exit = process->child.status.si_code == CLD_EXITED;
    int status = process->child.status.si_status;
    if (by_exit && status == 0)
        return result_outcome(run, buf_str(&process->streams[OUT].text));
    if (by_exit && run->function->safe_exits[status])
        return (struct outcome){.succeeded = true, .safe_exit = true, .result = STR("null")};
    struct buf message = {0};
    const char *limit = limit_hit(&process->child, &run->function->limits, &run->arena);
    if (limit)
        buf_addf(&message, "%s%s", limit, process->last_line_len ? ": " : "");
    buf_add_lossy(&message, (struct str){process->last_line, process->last_line_len});
    if (!message.len)
        buf_addf(&message, by_exit ? "exit status %d" : "killed by signal %d", status);
    struct outcome outcome = {.failure = {.code = by_exit ? FAILURE_EXIT_STATUS : FAILURE_SIGNAL,
                                          .message = arena_str(&run->arena, buf_str(&message)),
                                          .exit_status = by_exit ? status : 0,
                                          .signal = by_exit ? 0 : status}};
    buf_done(&message);
    return outcome;
}
