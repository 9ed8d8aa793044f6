#include "executors/process.h"

#include "base/mem.h"
#include "executors/child.h"
#include "executors/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SWEEP_MS = 1000 };

/* --- descriptors -------------------------------------------------------------- */

void watch_open(struct process_pool *pool, struct watch *watch, int fd,
                void (*ready)(struct watch *watch))
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    *watch = (struct watch){.fd = fd, .ready = ready};
    epoll_ctl(pool->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Closing alone would not do: until a child that was just started has called execve, it holds a
 * copy of every descriptor, and with it the place in the epoll set (epoll(7), Q6). An event would
 * then speak of memory that is another child's by now. */
void watch_close(struct process_pool *pool, struct watch *watch)
{
    if (watch->fd >= 0) {
        epoll_ctl(pool->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
        close(watch->fd);
    }
    watch->fd = -1;
}

/* --- the end ------------------------------------------------------------------ */

/* Nothing of the child is left, neither process nor descriptor. */
static void process_end(struct process *process)
{
    struct run *run = process->run;
    streams_finish(process);
    struct outcome outcome = process_outcome(process);
    for (int i = 0; i < STREAMS; i++)
        buf_done(&process->streams[i].text);
    mem_free(process);
    run->state = NULL;
    run->host->ended(run, &outcome);
}

static void end_all(struct process_pool *pool)
{
    while (pool->ended) {
        struct process *process = pool->ended;
        pool->ended = process->next;
        process_end(process);
    }
}

/* Once the first process is reaped, whatever its group still had was killed with it: zombies are
 * reaped here, and the run has ended only when the kernel knows the group no more. */
static bool group_gone(const struct process *process)
{
    siginfo_t info;
    if (kill(-process->pid, 0) != 0)
        return errno == ESRCH;
    do {
        info.si_pid = 0;
    } while (waitid(P_PGID, (id_t)process->pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid);
    return kill(-process->pid, 0) != 0 && errno == ESRCH;
}

static void release(struct process *process)
{
    struct process_pool *pool = process->pool;
    children_remove(pool->children, process->slot);
    map_remove(&pool->by_pid, &process->node);
    for (int i = 0; i < STREAMS; i++) {
        stream_read(&process->streams[i], 1 << 20);
        watch_close(pool, &process->streams[i].watch);
    }
    process->next = pool->ended;
    pool->ended = process;
}

static void check_lingering(uv_timer_t *timer)
{
    struct process_pool *pool = timer->data;
    struct process **at = &pool->lingering;
    while (*at) {
        struct process *process = *at;
        if (group_gone(process)) {
            *at = process->next;
            release(process);
        } else {
            at = &process->next;
        }
    }
    if (!pool->lingering)
        uv_timer_stop(timer);
    end_all(pool);
}

/* The first process has ended; it is a zombie still, so its number cannot be anybody else's. */
static void process_exited(struct process *process)
{
    if (process->exited)
        return;
    process->exited = true;
    kill(-process->pid, SIGKILL);
    waitid(P_PID, (id_t)process->pid, &process->status, WEXITED);
    watch_close(process->pool, &process->exit);
    if (group_gone(process)) {
        release(process);
        return;
    }
    process->next = process->pool->lingering;
    process->pool->lingering = process;
    uv_timer_start(&process->pool->linger, check_lingering, 1, 1);
}

static void exit_ready(struct watch *watch)
{
    process_exited(container_of(watch, struct process, exit));
}

/* What is closed in one turn is freed after it, so that no event of the turn speaks of it. */
static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct process_pool *pool = poll->data;
    struct epoll_event ready[64];
    (void)status;
    (void)events;
    int count = epoll_wait(pool->epoll, ready, array_size(ready), 0);
    for (int i = 0; i < count; i++) {
        struct watch *watch = ready[i].data.ptr;
        if (watch->fd >= 0)
            watch->ready(watch);
    }
    end_all(pool);
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
    end_all(pool);
    if (!pool->by_pid.count && getpid() != 1 &&
        waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
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

bool process_pool_init(struct process_pool *pool, uv_loop_t *loop, struct children *children)
{
    *pool = (struct process_pool){.loop = loop, .children = children};
    pool->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (pool->epoll < 0)
        return false;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    uv_poll_init(loop, &pool->ready, pool->epoll);
    uv_timer_init(loop, &pool->sweep);
    uv_timer_init(loop, &pool->linger);
    pool->ready.data = pool->sweep.data = pool->linger.data = pool;
    uv_poll_start(&pool->ready, UV_READABLE, on_ready);
    if (getpid() == 1)
        sweep_on(pool);
    return true;
}

void process_pool_done(struct process_pool *pool)
{
    uv_close((uv_handle_t *)&pool->ready, NULL);
    uv_close((uv_handle_t *)&pool->sweep, NULL);
    uv_close((uv_handle_t *)&pool->linger, NULL);
    close(pool->epoll);
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
    /* pwrite leaves the offset where the child will read from */
    while (done < input.len &&
           (len = pwrite(fd, input.data + done, input.len - done, (off_t)done)) > 0)
        done += (size_t)len;
    buf_done(&input);
    if (len > 0)
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

static void watch(struct process *process, int pidfd, const int fds[STREAMS])
{
    struct process_pool *pool = process->pool;
    process->slot = children_add(pool->children, process->pid);
    map_put(&pool->by_pid, &process->node, map_hash((uint64_t)process->pid));
    for (int i = 0; i < STREAMS; i++)
        stream_open(process, i, fds[i]);
    watch_open(pool, &process->exit, pidfd, exit_ready);
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
    struct run *run = process->run;
    int ours[STREAMS] = {-1, -1, -1};
    int theirs[1 + STREAMS] = {input_file(run), -1, -1, -1};
    int pidfd;
    int rc = theirs[0] >= 0 && open_pipes(ours, theirs + 1) ? 0 : errno;
    if (rc == 0) {
        const struct spawn spawn = {
            .path = run->function->argv[0],
            .argv = (char *const *)(uintptr_t)run->function->argv,
            .envp = environment(run),
            .folder = run->functions->folder.data,
            .fds = {theirs[0], theirs[1], theirs[2], theirs[3]},
        };
        rc = spawn_child(&spawn, &process->pid, &pidfd);
    }
    close_all(theirs, array_size(theirs));
    if (rc)
        close_all(ours, STREAMS);
    else
        watch(process, pidfd, ours);
    return rc;
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
