#include "executors/child.h"

#include "base/fault.h"
#include "base/mem.h"
#include "executors/hunt.h"
#include "executors/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SWEEP_MS = 1000,
    SWEEP_WORDS = 1024, /* taken in one turn: a function may see to it that there are always more */
    SWEEP_AGAIN_MS = 10, /* then */
    LINGER_MS = 1,
    GROUP_LOOKS = 200, /* after so many, and again and again, the dead do not count */
    HUNT_LOOKS = 16,   /* the same, and then after twice as many */
};

/* --- descriptors -------------------------------------------------------------- */

int watch_open(struct child_pool *pool, struct watch *watch, int fd, uint32_t events,
               void (*ready)(struct watch *watch))
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    *watch = (struct watch){.fd = fd, .ready = ready};
    return epoll_ctl(pool->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

void watch_change(struct child_pool *pool, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    epoll_ctl(pool->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

/* Closing alone would not do: until a child that was just started has called execve, it holds a
 * copy of every descriptor, and with it the place in the epoll set (epoll(7), Q6). An event would
 * then speak of memory that is another child's by now. */
void watch_close(struct child_pool *pool, struct watch *watch)
{
    if (watch->fd >= 0) {
        epoll_ctl(pool->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
        close(watch->fd);
    }
    watch->fd = -1;
}

void child_close(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

bool child_pipe(int *ours, int *theirs, bool towards_us)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *ours = ends[towards_us ? 0 : 1];
    *theirs = ends[towards_us ? 1 : 0];
    fcntl(*ours, F_SETFL, O_NONBLOCK);
    return true;
}

/* --- the end ------------------------------------------------------------------ */

static void end_all(struct child_pool *pool)
{
    while (pool->ended) {
        struct child *child = pool->ended;
        pool->ended = child->next;
        child->kind->gone(child);
    }
}

static bool is_child(const struct child_pool *pool, pid_t pid)
{
    return map_find(&pool->by_pid, map_hash((uint64_t)pid)) != NULL;
}

static void reap(struct child_pool *pool, pid_t pid)
{
    siginfo_t info;
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0)
        orphans_forget(&pool->orphans, pid);
}

/* Another child that has made itself one of this group is not reaped here: its own end is told by
 * its pidfd. */
static void reap_group(const struct child *child)
{
    siginfo_t info = {0};
    while (waitid(P_PGID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid && !is_child(child->pool, info.si_pid)) {
        reap(child->pool, info.si_pid);
        info.si_pid = 0;
    }
}

/* Once the first process is reaped, whatever its group still had was killed with it: zombies are
 * reaped here, and the child has ended only when the kernel knows the group no more. It may know it
 * for long: when what another task started has made itself one of this group, and is not reaped by
 * its parent. Then it counts that nothing of it lives. */
static bool group_gone(struct child *child)
{
    if (kill(-child->pid, 0) != 0)
        return errno == ESRCH;
    reap_group(child);
    if (kill(-child->pid, 0) != 0 && errno == ESRCH)
        return true;
    return child->looks % GROUP_LOOKS == 0 && !group_lives(child->pid);
}

/* What will not end, since it starts others as fast as it is killed, is hunted, ever more rarely.
 * Siblings of a child that ended by itself are left to the sweep: with 64 slots, a look at them
 * each time would be a tenth of all that the server does. */
static bool all_gone(struct child *child)
{
    unsigned looks = ++child->looks;
    unsigned how =
        (looks % GROUP_LOOKS == 0 ? ORPHANS_LIVING : 0) | (child->signalled ? ORPHANS_SIBLINGS : 0);
    if (!group_gone(child))
        return false;
    if (orphans_end(&child->pool->orphans, child->mark, how))
        return true;
    if (looks >= HUNT_LOOKS && (looks & (looks - 1)) == 0)
        hunt(child->mark, child->mark);
    return false;
}

static void release(struct child *child)
{
    struct child_pool *pool = child->pool;
    children_give(pool->children, child->slot);
    map_remove(&pool->by_pid, &child->node);
    map_remove(&pool->by_mark, &child->marked);
    child->kind->drain(child);
    child->next = pool->ended;
    pool->ended = child;
}

static void check_lingering(uv_timer_t *timer)
{
    struct child_pool *pool = timer->data;
    struct child **at = &pool->lingering;
    while (*at) {
        struct child *child = *at;
        if (all_gone(child)) {
            *at = child->next;
            release(child);
        } else {
            at = &child->next;
        }
    }
    if (!pool->lingering)
        uv_timer_stop(timer);
    end_all(pool);
}

/* Somebody else's. A shell says so of its command, by its exit status. */
static bool died_of_kill(const struct child *child)
{
    int by_shell = child->status.si_code == CLD_EXITED ? 128 : 0;
    return !child->killed && child->status.si_status == by_shell + SIGKILL;
}

static void linger(struct child *child)
{
    child->exited = true;
    child->next = child->pool->lingering;
    child->pool->lingering = child;
    uv_timer_start(&child->pool->linger, check_lingering, LINGER_MS, LINGER_MS);
}

/* False: somebody else traces it (ptrace(2)), and has not yet let go of its end. */
static bool collect(struct child *child)
{
    child->status = (siginfo_t){0};
    /* The C library's waitid does not ask for what was used. */
    return syscall(SYS_waitid, P_PID, child->pid, &child->status, WEXITED | WNOHANG,
                   &child->usage) != 0 ||
           child->status.si_pid;
}

/* The first process has ended, and its tracer keeps how. Who was to be killed is not waited for;
 * the sweep reaps it, by and by. Of another the sweep will find the end. */
static void child_kept(struct child *child)
{
    if (child->killed) {
        child->status = (siginfo_t){.si_code = CLD_KILLED, .si_status = SIGKILL};
        linger(child);
    } else if (child->mark) {
        hunt(child->mark, child->mark); /* its own may trace it */
    }
}

/* The first process has ended; it is a zombie still, so its number cannot be anybody else's. */
static void child_exited(struct child *child)
{
    if (child->exited)
        return;
    kill(-child->pid, SIGKILL);
    watch_close(child->pool, &child->exit);
    if (!collect(child)) {
        child_kept(child);
        return;
    }
    child->exited = true;
    child->oom = died_of_kill(child) && oom_seen(&child->pool->oom);
    if (all_gone(child))
        release(child);
    else
        linger(child);
}

static void exit_ready(struct watch *watch)
{
    child_exited(container_of(watch, struct child, exit));
}

/* What is closed in one turn is freed after it, so that no event of the turn speaks of it. */
static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct child_pool *pool = poll->data;
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

static bool runs(uint64_t mark, void *arg)
{
    const struct child_pool *pool = arg;
    return map_find(&pool->by_mark, map_hash(mark)) != NULL;
}

/* It asked its parent to trace it (ptrace(2)). Of an orphan that is the main thread, and no other
 * can let it go. */
static void refuse_trace(const siginfo_t *info)
{
    unsigned long signal = info->si_status == SIGTRAP ? 0 : (unsigned long)info->si_status;
    if (ptrace(PTRACE_DETACH, info->si_pid, NULL, signal) != 0)
        kill(info->si_pid, SIGKILL);
}

static void take_word(struct child_pool *pool, const siginfo_t *info)
{
    struct map_node *node = map_find(&pool->by_pid, map_hash((uint64_t)info->si_pid));
    struct child *child = node ? container_of(node, struct child, node) : NULL;
    if (info->si_code == CLD_TRAPPED)
        refuse_trace(info);
    else if (child && !child->exited)
        child_exited(child);
    else
        reap(pool, info->si_pid);
}

/* False: there may be more. */
static bool take_words(struct child_pool *pool)
{
    for (int i = 0; i < SWEEP_WORDS; i++) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || !info.si_pid)
            return true;
        take_word(pool, &info);
    }
    return false;
}

/* Orphans of our children become our children: reap them, and kill those whose child is not known.
 * A child of our own that shows up here first is handled as if its pidfd had spoken. */
static void sweep(uv_timer_t *timer)
{
    struct child_pool *pool = timer->data;
    siginfo_t info;
    if (take_words(pool))
        oom_look(&pool->oom); /* which counts on a second between two looks */
    else
        uv_timer_start(timer, sweep, SWEEP_AGAIN_MS, SWEEP_MS);
    orphans_end_others(&pool->orphans, runs, pool);
    if (!pool->by_pid.count && getpid() != 1 &&
        waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
        uv_timer_stop(timer); /* ECHILD: there is nobody to wait for */
        pool->sweeping = false;
    }
    end_all(pool);
}

static void sweep_on(struct child_pool *pool)
{
    if (!pool->sweeping) {
        oom_begin(&pool->oom);
        uv_timer_start(&pool->sweep, sweep, SWEEP_MS, SWEEP_MS);
    }
    pool->sweeping = true;
}

bool child_pool_init(struct child_pool *pool, uv_loop_t *loop, struct children *children)
{
    *pool = (struct child_pool){.loop = loop, .children = children};
    pool->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (pool->epoll < 0 || uv_poll_init(loop, &pool->ready, pool->epoll) != 0)
        return false;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    orphans_open(&pool->orphans, &pool->by_pid);
    uv_timer_init(loop, &pool->sweep);
    uv_timer_init(loop, &pool->linger);
    pool->ready.data = pool->sweep.data = pool->linger.data = pool;
    uv_poll_start(&pool->ready, UV_READABLE, on_ready);
    if (getpid() == 1)
        sweep_on(pool);
    return true;
}

void child_pool_done(struct child_pool *pool)
{
    orphans_end_others(&pool->orphans, runs, pool);
    uv_close((uv_handle_t *)&pool->ready, NULL);
    uv_close((uv_handle_t *)&pool->sweep, NULL);
    uv_close((uv_handle_t *)&pool->linger, NULL);
    close(pool->epoll);
    map_done(&pool->by_pid);
    map_done(&pool->by_mark);
    orphans_close(&pool->orphans);
}

/* --- start and stop ---------------------------------------------------------- */

int child_start(struct child *child, struct child_pool *pool, const struct child_kind *kind,
                const struct spawn *spawn)
{
    struct spawn noted = *spawn;
    int pidfd;
    noted.slot = child->slot = children_take(pool->children);
    if (!noted.slot) /* functions that became another mode while they ran take some beside others */
        return EAGAIN;
    noted.mark = child->mark = children_mark(pool->children);
    noted.owner = pool->children->owner;
    orphans_expect(&pool->orphans);
    int rc = spawn_child(&noted, &child->pid, &pidfd);
    if (rc) {
        children_give(pool->children, child->slot);
        return rc;
    }
    CRASH_POINT(child_started);
    child->kind = kind;
    child->pool = pool;
    map_put(&pool->by_pid, &child->node, map_hash((uint64_t)child->pid));
    map_put(&pool->by_mark, &child->marked, map_hash(child->mark));
    watch_open(pool, &child->exit, pidfd, EPOLLIN, exit_ready); /* else the sweep finds its end */
    sweep_on(pool);
    return 0;
}

/* A tracer can hold it at its end, where SIGKILL does nothing. It may be the task's own. */
static void end_tracer(const struct child *child)
{
    char pid[24];
    snprintf(pid, sizeof(pid), "%lld", (long long)child->pid);
    if (child->mark && proc_traced(pid))
        hunt(child->mark, child->mark);
}

void child_signal(struct child *child, int signal)
{
    if (child->exited)
        return;
    child->signalled = true;
    child->killed = child->killed || signal == SIGKILL;
    kill(-child->pid, signal);
    if (getpgid(child->pid) != child->pid)
        kill(child->pid, signal);
    if (signal == SIGKILL)
        end_tracer(child);
    if (signal == SIGKILL && child->exit.fd < 0)
        child_kept(child);
}
