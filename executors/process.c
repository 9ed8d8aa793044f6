#include "executors/process.h"

#include "base/mem.h"
#include "executors/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SWEEP_MS = 1000 };

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

void process_handle_closed(struct process *process)
{
    if (--process->open_handles == 0)
        process_end(process);
}

static void own_closed(uv_handle_t *handle)
{
    process_handle_closed(handle->data);
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

static void watch(struct process *process, const int fds[STREAMS])
{
    struct process_pool *pool = process->pool;
    process->slot = children_add(pool->children, process->pid);
    map_put(&pool->by_pid, &process->node, map_hash((uint64_t)process->pid));
    for (int i = 0; i < STREAMS; i++)
        stream_open(process, i, fds[i]);
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
    watch(process, ours);
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
