#include "executors/orphans.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "executors/mark.h"
#include "executors/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Looks at the list at once: killing some hands us what they started. */
enum { PASSES = 64 };

struct orphan {
    struct map_node node;
    pid_t pid;
    uint64_t mark;
    bool stranger;
};

/* What a look at the list is for. */
struct look {
    struct orphans *orphans;
    uint64_t mark; /* whom to kill; 0: those of whom no child runs */
    bool (*runs)(uint64_t mark, void *arg);
    void *arg;
    unsigned how; /* see orphans_end */
    size_t found, reaped;
};

static int open_list(pid_t thread)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%lld/children", (long long)thread);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void orphans_open(struct orphans *orphans, const struct map *own)
{
    *orphans = (struct orphans){
        .mark = mark_read("self"), .bound = proc_bound("self"), .own = own, .siblings = -1};
    orphans->list = open_list(getpid());
    if (orphans->list < 0)
        log_warn("/proc/self/task/*/children: %s: what leaves the process group of a task is not "
                 "killed with it",
                 strerror(errno));
}

void orphans_expect(struct orphans *orphans)
{
    if (orphans->list >= 0 && orphans->siblings < 0)
        orphans->siblings = open_list(gettid());
}

static struct orphan *find(const struct orphans *orphans, pid_t pid)
{
    struct map_node *node = map_find(&orphans->by_pid, map_hash((uint64_t)pid));
    return node ? container_of(node, struct orphan, node) : NULL;
}

/* Root can take the mark off a process, but not let it gain privileges again. */
static bool is_stranger(const struct orphans *orphans, const char *pid, uint64_t mark)
{
    return mark == orphans->mark && (orphans->bound || !proc_bound(pid));
}

/* A number is nobody else's until its process is reaped, so the mark is read once. */
static const struct orphan *meet(struct orphans *orphans, pid_t pid)
{
    char name[24];
    struct orphan *orphan = find(orphans, pid);
    if (orphan)
        return orphan;
    orphan = mem_alloc(sizeof(*orphan));
    orphan->pid = pid;
    snprintf(name, sizeof(name), "%lld", (long long)pid);
    orphan->mark = mark_read(name);
    orphan->stranger = is_stranger(orphans, name, orphan->mark);
    map_put(&orphans->by_pid, &orphan->node, map_hash((uint64_t)pid));
    return orphan;
}

void orphans_forget(struct orphans *orphans, pid_t pid)
{
    struct orphan *orphan = find(orphans, pid);
    if (!orphan)
        return;
    map_remove(&orphans->by_pid, &orphan->node);
    mem_free(orphan);
}

static bool is_dead(pid_t pid)
{
    char name[24];
    struct proc_stat stat;
    snprintf(name, sizeof(name), "%lld", (long long)pid);
    return !proc_stat(name, &stat) || stat.state == 'Z';
}

static void look_at(struct look *look, pid_t pid)
{
    siginfo_t info = {0};
    const struct orphan *orphan = meet(look->orphans, pid);
    bool wanted = look->mark ? orphan->mark == look->mark
                             : !orphan->stranger && !look->runs(orphan->mark, look->arg);
    if (!wanted)
        return;
    kill(pid, SIGKILL);
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid) {
        orphans_forget(look->orphans, pid);
        look->reaped++;
    } else if (look->how & ORPHANS_LIVING && is_dead(pid)) {
        return;
    }
    look->found++;
}

/* The list is one of numbers, a blank after each. Nothing leaves it but by being reaped, here and
 * in this thread; it is read as a whole first. */
static bool read_list(int fd, struct buf *list)
{
    char part[4096];
    ssize_t len;
    while ((len = pread(fd, part, sizeof(part), (off_t)list->len)) > 0)
        buf_add(list, part, (size_t)len);
    return list->len > 0;
}

static void look_at_list(struct look *look, int fd)
{
    struct buf list = {0};
    if (fd >= 0 && read_list(fd, &list)) {
        struct str rest = buf_str(&list);
        while (rest.data) {
            int64_t pid;
            if (str_int(str_cut(&rest, ' '), &pid) &&
                !map_find(look->orphans->own, map_hash((uint64_t)pid)))
                look_at(look, (pid_t)pid);
        }
    }
    buf_done(&list);
}

static void look_at_all(struct look *look)
{
    struct orphans *orphans = look->orphans;
    look->found = look->reaped = 0;
    look_at_list(look, orphans->list);
    if (look->how & ORPHANS_SIBLINGS)
        look_at_list(look, orphans->siblings);
}

bool orphans_end(struct orphans *orphans, uint64_t mark, unsigned how)
{
    struct look look = {.orphans = orphans, .mark = mark, .how = how};
    for (int i = 0; i < PASSES && mark; i++) {
        look_at_all(&look);
        if (!look.reaped)
            break;
    }
    return !look.found;
}

void orphans_end_others(struct orphans *orphans, bool (*runs)(uint64_t mark, void *arg), void *arg)
{
    struct look look = {.orphans = orphans, .how = ORPHANS_SIBLINGS, .runs = runs, .arg = arg};
    look_at_all(&look);
}

void orphans_close(struct orphans *orphans)
{
    struct map_node *node;
    while ((node = map_any(&orphans->by_pid)))
        orphans_forget(orphans, container_of(node, struct orphan, node)->pid);
    map_done(&orphans->by_pid);
    if (orphans->list >= 0)
        close(orphans->list);
    if (orphans->siblings >= 0)
        close(orphans->siblings);
}
