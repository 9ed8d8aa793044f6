#include "executors/process.h"

#include "base/json.h"
#include "base/mem.h"
#include "executors/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUT, ERR, REPORT, STREAMS };
enum {
    READ_SIZE = 65536,
    LINE_MAX_BYTES = 65536,  /* a longer line of log or report is cut in pieces */
    MESSAGE_MAX_BYTES = 1024, /* of standard error in error.message */
    SWEEP_MS = 1000,
};

/* One of the child's outputs. */
struct stream {
    uv_poll_t poll;
    struct process *process;
    int fd;         /* our end; -1: closed */
    bool polled;    /* poll was initialised and has to be closed */
    struct buf text; /* OUT: all of it; else the line that is not finished */
};

struct process {
    struct run *run;
    struct process_pool *pool;
    struct map_node node; /* by pid */
    pid_t pid;
    int pidfd;
    size_t slot; /* in the table of children */
    uv_poll_t exit;
    uv_timer_t gone; /* waits for the rest of the group to die */
    int open_handles;
    struct stream streams[STREAMS];
    siginfo_t status;
    bool exited;
    bool too_large; /* wrote more than a result may have */
    char last_line[MESSAGE_MAX_BYTES];
    size_t last_line_len;
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

/* {"progress":0..100,"message":"…"} as the task's progress; false: it is something else. */
static bool parse_report(struct str line, struct arena *arena, struct buf *progress)
{
    struct json json;
    struct json_error error;
    if (!json_parse(line, JSON_MAX_DEPTH, arena, &json, &error) ||
        json.nodes[0].type != JSON_OBJECT)
        return false;
    uint32_t value = json_member(&json, 0, STR("progress"));
    uint32_t message = json_member(&json, 0, STR("message"));
    if (!value || json.nodes[value].type != JSON_NUMBER)
        return false;
    double percent = json_double(&json, value);
    if (!(percent >= 0 && percent <= 100))
        return false;
    if (message && json.nodes[message].type == JSON_NULL)
        message = 0;
    if (message && json.nodes[message].type != JSON_STRING)
        return false;
    buf_add_text(progress, "{\"value\":");
    buf_add_str(progress, json_raw(&json, value));
    buf_add_text(progress, ",\"message\":");
    buf_add_str(progress, message ? json_raw(&json, message) : STR("null"));
    buf_add_char(progress, '}');
    return true;
}

static void report_line(struct process *process, struct str line)
{
    struct arena arena = {0};
    struct buf progress = {0};
    if (blank(line))
        return;
    if (parse_report(line, &arena, &progress))
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
    /* Twice the limit: white space between tokens does not count in the end. */
    if ((int64_t)stream->text.len > 2 * process->run->host->max_result + READ_SIZE) {
        process->too_large = true;
        buf_done(&stream->text);
        kill(-process->pid, SIGKILL);
    }
}

static void stream_closed(uv_handle_t *handle);

static void stream_close(struct stream *stream)
{
    if (stream->polled)
        uv_close((uv_handle_t *)&stream->poll, stream_closed);
    stream->polled = false;
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

/* Takes what is there; limit: how many reads, so that one child cannot keep the loop. */
static void stream_read(struct stream *stream, int limit)
{
    static _Thread_local char bytes[READ_SIZE];
    while (stream->fd >= 0 && limit-- > 0) {
        ssize_t len = read(stream->fd, bytes, sizeof(bytes));
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno == EAGAIN)
            return;
        if (len <= 0) {
            stream_close(stream);
            return;
        }
        struct str part = {bytes, (size_t)len};
        if (stream == &stream->process->streams[OUT])
            take_result(stream, part);
        else
            take_lines(stream, part);
        if (len < READ_SIZE)
            return;
    }
}

static void stream_ready(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct stream *stream = poll->data;
    if (status < 0)
        stream_close(stream);
    else
        stream_read(stream, 16);
}

/* --- how it ended ------------------------------------------------------------ */

static struct outcome result_of(struct process *process)
{
    struct run *run = process->run;
    struct str text = buf_str(&process->streams[OUT].text);
    struct buf value = {0};
    struct json json;
    struct json_error error;
    if (!text.len) {
        buf_add_text(&value, "null");
    } else if (json_parse(text, JSON_MAX_DEPTH, &run->arena, &json, &error)) {
        json_minify(&json, 0, &value);
    } else if (error.too_deep) {
        return run_failure(run, FAILURE_INVALID_RESULT, "the result is deeper than %d levels",
                           JSON_MAX_DEPTH);
    } else if (!str_utf8(text)) {
        return run_failure(run, FAILURE_INVALID_RESULT, "the result is neither JSON nor UTF-8");
    } else {
        text.len -= text.data[text.len - 1] == '\n';
        buf_add_json(&value, text);
    }
    struct outcome outcome = {.succeeded = true, .result = arena_str(&run->arena, buf_str(&value))};
    buf_done(&value);
    return outcome;
}

static struct outcome outcome_of(struct process *process)
{
    struct run *run = process->run;
    int64_t max = run->host->max_result;
    if (process->too_large)
        return run_failure(run, FAILURE_RESULT_TOO_LARGE, "the result is larger than %lld bytes",
                           (long long)max);
    bool by_exit = process->status.si_code == CLD_EXITED;
    int status = process->status.si_status;
    if (by_exit && status == 0) {
        struct outcome outcome = result_of(process);
        if (outcome.succeeded && (int64_t)outcome.result.len > max)
            return run_failure(run, FAILURE_RESULT_TOO_LARGE,
                               "the result is larger than %lld bytes", (long long)max);
        return outcome;
    }
    struct buf message = {0};
    buf_add_lossy(&message, (struct str){process->last_line, process->last_line_len});
    if (!message.len)
        buf_addf(&message, by_exit ? "exit status %d" : "killed by signal %d", status);
    struct outcome outcome = {
        .failure = {.code = by_exit ? FAILURE_EXIT_STATUS : FAILURE_SIGNAL,
                    .message = arena_str(&run->arena, buf_str(&message)),
                    .exit_status = by_exit ? status : 0,
                    .signal = by_exit ? 0 : status}};
    buf_done(&message);
    return outcome;
}

/* Nothing of the child is left, neither process nor descriptor. */
static void process_end(struct process *process)
{
    struct run *run = process->run;
    for (int i = ERR; i < STREAMS; i++) {
        if (process->streams[i].text.len)
            take_line(&process->streams[i], buf_str(&process->streams[i].text));
    }
    struct outcome outcome = outcome_of(process);
    for (int i = 0; i < STREAMS; i++)
        buf_done(&process->streams[i].text);
    mem_free(process);
    run->state = NULL;
    run->host->ended(run, &outcome);
}

static void handle_closed(struct process *process)
{
    if (--process->open_handles == 0)
        process_end(process);
}

static void stream_closed(uv_handle_t *handle)
{
    struct stream *stream = handle->data;
    handle_closed(stream->process);
}

static void own_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

/* Once the first process is reaped, whatever its group still had was killed with it: zombies are
 * reaped here, and the run has ended only when the kernel knows the group no more. */
static bool group_gone(const struct process *process)
{
    siginfo_t info;
    do {
        info.si_pid = 0;
    } while (waitid(P_PGID, (id_t)process->pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid);
    return kill(-process->pid, 0) != 0 && errno == ESRCH;
}

static void release(struct process *process)
{
    children_remove(process->pool->children, process->slot);
    map_remove(&process->pool->by_pid, &process->node);
    for (int i = 0; i < STREAMS; i++) {
        stream_read(&process->streams[i], 1 << 20);
        stream_close(&process->streams[i]);
    }
    uv_close((uv_handle_t *)&process->gone, own_closed);
}

static void check_gone(uv_timer_t *timer)
{
    struct process *process = timer->data;
    if (group_gone(process))
        release(process);
    else
        uv_timer_start(timer, check_gone, 1, 0);
}

/* The first process has ended; it is a zombie still, so its number cannot be anybody else's. */
static void process_exited(struct process *process)
{
    if (process->exited)
        return;
    process->exited = true;
    waitid(P_PID, (id_t)process->pid, &process->status, WEXITED | WNOWAIT);
    kill(-process->pid, SIGKILL);
    waitid(P_PID, (id_t)process->pid, &process->status, WEXITED);
    close(process->pidfd);
    uv_close((uv_handle_t *)&process->exit, own_closed);
    check_gone(&process->gone);
}

static void exit_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    process_exited(poll->data);
}

/* --- what others leave behind ------------------------------------------------ */

/* Orphans of our children become our children: reap them. A child of our own that shows up here
 * first is handled as if its pidfd had spoken. */
static void sweep(uv_timer_t *timer)
{
    struct process_pool *pool = timer->data;
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
        struct map_node *node = map_find(&pool->by_pid, map_hash((uint64_t)info.si_pid));
        struct process *process = node ? container_of(node, struct process, node) : NULL;
        if (process && !process->exited)
            process_exited(process);
        else
            waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
        info.si_pid = 0;
    }
    if (!pool->by_pid.count && getpid() != 1 && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
        uv_timer_stop(timer); /* ECHILD: there is nobody to wait for */
        pool->sweeping = false;
    }
}

static void sweep_on(struct process_pool *pool)
{
    if (!pool->sweeping)
        uv_timer_start(&pool->sweep, sweep, SWEEP_MS, SWEEP_MS);
    pool->sweeping = true;
}

void process_pool_init(struct process_pool *pool, uv_loop_t *loop, struct children *children)
{
    *pool = (struct process_pool){.loop = loop, .children = children};
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    uv_timer_init(loop, &pool->sweep);
    pool->sweep.data = pool;
    if (getpid() == 1)
        sweep_on(pool);
}

void process_pool_done(struct process_pool *pool)
{
    uv_close((uv_handle_t *)&pool->sweep, NULL);
    map_done(&pool->by_pid);
}

/* --- start and stop ---------------------------------------------------------- */

/* The input as a file in memory: any size is there at once and ends in an end of file. */
static int input_file(const struct run *run)
{
    int fd = memfd_create("errand-input", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    struct buf input = {0};
    run_input(run, &input);
    size_t done = 0;
    ssize_t len = 0;
    while (done < input.len && (len = write(fd, input.data + done, input.len - done)) > 0)
        done += (size_t)len;
    buf_done(&input);
    if (done && len > 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    close(fd);
    return -1;
}

/* What the child's environment has (design 2.1), and nothing else. */
static char *const *environment(struct run *run)
{
    static const struct {
        const char *name, *otherwise;
    } kept[] = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                {"HOME", "/"},
                {"LANG", "C.UTF-8"},
                {"TZ", ":/etc/localtime"}};
    struct arena *arena = &run->arena;
    const struct function *function = run->function;
    size_t own = 0, count = 0;
    while (function->env && function->env[own])
        own++;
    const char **list = ARENA_ARRAY(arena, const char *, array_size(kept) + own + 4);
    for (size_t i = 0; i < array_size(kept); i++) {
        const char *value = getenv(kept[i].name); /* NOLINT(concurrency-mt-unsafe): never set */
        list[count++] =
            arena_printf(arena, "%s=%s", kept[i].name, value ? value : kept[i].otherwise).data;
    }
    list[count++] = arena_printf(arena, "ERRAND_TASK_ID=%s", run->id.data).data;
    list[count++] = arena_printf(arena, "ERRAND_FUNCTION=%s", function->name.data).data;
    list[count++] = arena_printf(arena, "ERRAND_ATTEMPT=%lld", (long long)run->attempt).data;
    for (size_t i = 0; i < own; i++)
        list[count++] = function->env[i];
    return (char *const *)(uintptr_t)list;
}

/* 0 or an errno. fds: what becomes the child's descriptors 0 to 3. */
static int spawn(struct run *run, const int fds[4], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    for (int i = 0; i < 4; i++)
        posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    posix_spawn_file_actions_addclosefrom_np(&actions, 4); /* also what we inherited ourselves */
    posix_spawn_file_actions_addchdir_np(&actions, run->functions->folder.data);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    int rc = posix_spawn(pid, run->function->argv[0], &actions, &attr,
                         (char *const *)(uintptr_t)run->function->argv, environment(run));
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static void watch_stream(struct process *process, int which)
{
    struct stream *stream = &process->streams[which];
    uv_poll_init(process->pool->loop, &stream->poll, stream->fd);
    stream->poll.data = stream;
    stream->polled = true;
    process->open_handles++;
    uv_poll_start(&stream->poll, UV_READABLE, stream_ready);
}

static void watch(struct process *process)
{
    struct process_pool *pool = process->pool;
    process->slot = children_add(pool->children, process->pid);
    map_put(&pool->by_pid, &process->node, map_hash((uint64_t)process->pid));
    for (int i = 0; i < STREAMS; i++)
        watch_stream(process, i);
    uv_poll_init(pool->loop, &process->exit, process->pidfd);
    process->exit.data = process;
    uv_poll_start(&process->exit, UV_READABLE, exit_ready);
    uv_timer_init(pool->loop, &process->gone);
    process->gone.data = process;
    process->open_handles += 2;
    sweep_on(pool);
}

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

/* Three pipes: ours[i] is read here, theirs[i] is the child's. */
static bool open_pipes(int ours[STREAMS], int theirs[STREAMS])
{
    for (int i = 0; i < STREAMS; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return false;
        ours[i] = ends[0];
        theirs[i] = ends[1];
        fcntl(ours[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

/* 0 or an errno; on success the process is watched. */
static int process_launch(struct process *process)
{
    int ours[STREAMS] = {-1, -1, -1};
    int fds[1 + STREAMS] = {input_file(process->run), -1, -1, -1};
    int rc = fds[0] >= 0 && open_pipes(ours, fds + 1) ? 0 : errno;
    if (rc == 0)
        rc = spawn(process->run, fds, &process->pid);
    close_all(fds, array_size(fds));
    if (rc == 0) {
        process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
        rc = process->pidfd < 0 ? errno : 0;
        if (rc) { /* no descriptor left for it */
            kill(-process->pid, SIGKILL);
            waitpid(process->pid, NULL, 0);
        }
    }
    if (rc) {
        close_all(ours, STREAMS);
        return rc;
    }
    for (int i = 0; i < STREAMS; i++)
        process->streams[i] = (struct stream){.process = process, .fd = ours[i]};
    watch(process);
    return 0;
}

static void process_start(struct run *run)
{
    struct process *process = mem_alloc(sizeof(*process));
    process->run = run;
    process->pool = run->host->executors;
    int rc = process_launch(process);
    if (rc == 0) {
        run->state = process;
        return;
    }
    mem_free(process);
    struct outcome outcome = run_failure(run, FAILURE_START_FAILED, "cannot start %s: %s",
                                         run->function->argv[0], strerror(rc));
    run->host->ended(run, &outcome);
}

static void process_stop(struct run *run, int signal)
{
    struct process *process = run->state;
    if (process && !process->exited)
        kill(-process->pid, signal);
}

const struct executor process_executor = {process_start, process_stop};
