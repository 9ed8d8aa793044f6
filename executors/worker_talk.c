#include "base/log.h"
#include "base/mem.h"
#include "executors/jsonrpc.h"
#include "executors/result.h"
#include "executors/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    READ_SIZE = 65536,
    PIECES = 16,             /* of what one worker says, in one turn of the loop */
    LOG_LINE_MAX = 65536,    /* a longer line of log is cut in pieces */
    LINE_SLACK = 1048576,    /* see line_max */
    BUFFER_KEPT = READ_SIZE, /* bytes of a buffer that stays allocated while it is empty */
};

/* A line has the answer around the result, and may have white space in it that does not count. */
static size_t line_max(const struct worker *worker)
{
    return 2 * (size_t)worker->pool->all->host->max_result + LINE_SLACK;
}

static bool blank(struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r')
            return false;
    }
    return true;
}

static void emptied(struct buf *buf)
{
    buf->len = 0;
    if (buf->cap > BUFFER_KEPT)
        buf_done(buf);
}

/* --- to it -------------------------------------------------------------------- */

static void flush(struct worker *worker)
{
    struct buf *buf = &worker->to_send;
    while (worker->sent < buf->len) {
        ssize_t len = write(worker->in.fd, buf->data + worker->sent, buf->len - worker->sent);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno == EAGAIN)
            break;
        if (len < 0) {
            watch_close(worker->child.pool, &worker->in);
            worker_hangup(worker);
            return;
        }
        worker->sent += (size_t)len;
    }
    bool blocked = worker->sent < buf->len;
    if (blocked != worker->blocked)
        watch_change(worker->child.pool, &worker->in, blocked ? EPOLLOUT : 0);
    worker->blocked = blocked;
    if (!blocked) {
        worker->sent = 0;
        emptied(buf);
    }
}

/* The pipe has room again; or nobody will ever read from it. */
static void in_ready(struct watch *watch)
{
    struct worker *worker = container_of(watch, struct worker, in);
    if (worker->blocked) {
        flush(worker);
        return;
    }
    watch_close(worker->child.pool, watch);
    worker_hangup(worker);
}

void worker_send(struct worker *worker, struct str bytes)
{
    struct buf *buf = &worker->to_send;
    if (worker->in.fd < 0)
        return; /* it is about to end */
    if (worker->sent > buf->len / 2) {
        memmove(buf->data, buf->data + worker->sent, buf->len - worker->sent);
        buf->len -= worker->sent;
        worker->sent = 0;
    }
    buf_add_str(buf, bytes);
    if (!worker->blocked)
        flush(worker);
}

/* --- its log ------------------------------------------------------------------ */

/* A line that nobody signed is the task's where there is only one. */
static void log_line(struct worker *worker, const char *stream, struct str line)
{
    if (worker->calls.count == 1) {
        struct run *run = container_of(map_any(&worker->calls), struct call, node)->run;
        run->host->logged(run, stream, line);
    } else if (!blank(line)) {
        log_info("worker %.*s, process %lld: %.*s", STR_ARG(worker->pool->function->file),
                 (long long)worker->child.pid, STR_ARG(line));
    }
}

static void log_text(struct run *run, const char *stream, struct str text)
{
    if (text.len && text.data[text.len - 1] == '\n')
        text.len--;
    while (text.data)
        run->host->logged(run, stream, str_cut(&text, '\n'));
}

static void err_line(struct worker *worker)
{
    struct str line = buf_str(&worker->err_line);
    if (!blank(line)) {
        worker->last.data = worker->last_line;
        worker->last.len = line.len < MESSAGE_MAX_BYTES ? line.len : MESSAGE_MAX_BYTES;
        memcpy(worker->last_line, line.data, worker->last.len);
    }
    log_line(worker, "stderr", line);
    emptied(&worker->err_line);
}

static void take_err(struct worker *worker, struct str bytes)
{
    while (bytes.len) {
        const char *end = memchr(bytes.data, '\n', bytes.len);
        size_t len = end ? (size_t)(end - bytes.data) : bytes.len;
        buf_add(&worker->err_line, bytes.data, len);
        bytes.data += len + (end ? 1 : 0);
        bytes.len -= len + (end ? 1 : 0);
        if (end || worker->err_line.len >= LOG_LINE_MAX)
            err_line(worker);
    }
}

/* --- from it ------------------------------------------------------------------ */

/* What is there, in at most limit pieces, so that one worker cannot keep the loop. */
static void read_pieces(struct worker *worker, struct watch *watch, int limit,
                        void (*take)(struct worker *, struct str))
{
    static char bytes[READ_SIZE]; /* the loop's thread alone */
    while (watch->fd >= 0 && limit-- > 0) {
        ssize_t len = read(watch->fd, bytes, sizeof(bytes));
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno == EAGAIN)
            return;
        if (len <= 0) {
            watch_close(worker->child.pool, watch);
            return;
        }
        take(worker, (struct str){bytes, (size_t)len}); /* may read into bytes itself, at its end */
        if (len < READ_SIZE)
            return;
    }
}

static struct outcome result_of(struct run *run, const struct jsonrpc *message)
{
    if (message->too_deep)
        return run_failure(run, FAILURE_INVALID_RESULT, "the result is deeper than %d levels",
                           JSON_MAX_DEPTH);
    if ((int64_t)message->result.len > result_limit(run))
        return result_too_large(run);
    return (struct outcome){.succeeded = true, .result = message->result};
}

static struct outcome error_of(struct run *run, const struct jsonrpc *message)
{
    struct str text = message->text;
    struct buf lossy = {0};
    log_text(run, "error", message->data);
    if (message->code == JSONRPC_SAFE_EXIT)
        return (struct outcome){.succeeded = true, .safe_exit = true, .result = STR("null")};
    buf_add_lossy(&lossy, str_limit(text, MESSAGE_MAX_BYTES));
    struct outcome outcome = {.failure = {.code = FAILURE_FUNCTION_ERROR,
                                          .message = arena_str(&run->arena, buf_str(&lossy))}};
    buf_done(&lossy);
    return outcome;
}

/* What its only task wrote is of no later one. */
static void forget_words(struct worker *worker)
{
    if (worker->calls.count != 1)
        return;
    if (worker->err_line.len)
        err_line(worker);
    worker->last = STR_NONE;
}

static void take_answer(struct worker *worker, struct call *call, const struct jsonrpc *message)
{
    struct run *run = call->run;
    read_pieces(worker, &worker->err, PIECES, take_err); /* written before the answer: its own */
    forget_words(worker);
    struct outcome outcome =
        message->kind == JSONRPC_RESULT ? result_of(run, message) : error_of(run, message);
    call_end(call, &outcome);
    pool_answered(worker);
}

static void take_message(struct worker *worker, struct str line, struct arena *arena)
{
    struct jsonrpc message;
    const char *why;
    if (!jsonrpc_read(line, arena, &message, &why)) {
        worker_fault(worker, why);
        return;
    }
    struct call *call = message.id.data ? worker_call(worker, message.id) : NULL;
    struct run *run = call ? call->run : NULL;
    switch (message.kind) {
    case JSONRPC_RESULT:
    case JSONRPC_ERROR:
        if (call)
            take_answer(worker, call, &message);
        else
            worker_fault(worker, "it answered what it was not asked");
        return;
    case JSONRPC_PROGRESS:
        if (run)
            run->host->progressed(run, message.value);
        return;
    case JSONRPC_LOG:
        if (run)
            log_text(run, "log", message.text);
        return;
    case JSONRPC_OTHER:
        if (run)
            run->host->logged(run, "report", line);
        else
            log_line(worker, "report", line);
        return;
    }
}

static void take_line(struct worker *worker, struct str line)
{
    struct arena arena = {0};
    if (line.len > line_max(worker))
        worker_fault(worker, "a line of it is too long");
    else if (!blank(line))
        take_message(worker, line, &arena);
    arena_done(&arena);
}

static void take_out(struct worker *worker, struct str bytes)
{
    struct buf *buf = &worker->line;
    size_t looked = buf->len, start = 0;
    const char *end;
    if (worker->fault)
        return;
    buf_add_str(buf, bytes);
    while (!worker->fault && (end = memchr(buf->data + looked, '\n', buf->len - looked))) {
        size_t stop = (size_t)(end - buf->data);
        take_line(worker, (struct str){buf->data + start, stop - start});
        looked = start = stop + 1;
    }
    if (start) { /* never while a long line grows */
        memmove(buf->data, buf->data + start, buf->len - start);
        buf->len -= start;
    }
    if (buf->len > line_max(worker))
        worker_fault(worker, "a line of it is too long");
    if (!buf->len || worker->fault)
        emptied(buf);
}

static void out_ready(struct watch *watch)
{
    struct worker *worker = container_of(watch, struct worker, out);
    read_pieces(worker, watch, PIECES, take_out);
    if (watch->fd < 0)
        worker_hangup(worker);
}

static void err_ready(struct watch *watch)
{
    read_pieces(container_of(watch, struct worker, err), watch, PIECES, take_err);
}

void worker_listen(struct worker *worker, int in, int out, int err)
{
    struct child_pool *pool = worker->child.pool;
    bool fine = watch_open(pool, &worker->in, in, 0, in_ready) == 0;
    fine = watch_open(pool, &worker->out, out, EPOLLIN, out_ready) == 0 && fine;
    fine = watch_open(pool, &worker->err, err, EPOLLIN, err_ready) == 0 && fine;
    if (!fine) /* its tasks would wait for ever */
        worker_fault(worker, "the kernel watches no more descriptors");
}

void worker_read_rest(struct worker *worker)
{
    enum { ALL = 1 << 15 }; /* as process_drain */
    read_pieces(worker, &worker->out, ALL, take_out);
    read_pieces(worker, &worker->err, ALL, take_err);
    if (worker->err_line.len)
        err_line(worker);
}
