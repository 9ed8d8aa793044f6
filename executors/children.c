#include "executors/children.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "executors/hunt.h"
#include "executors/mark.h"
#include "executors/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BOOT_ID_LEN = 36 };

/* The file. */
struct child_table {
    char boot_id[BOOT_ID_LEN];
    uint32_t family; /* of the marks of all that were started; 0: nothing was */
    struct child_slot slots[];
};

/* A start time read from /proc may differ from the noted one by this much. */
enum { START_TOLERANCE_MS = 2000 };
/* Longest wait for killed groups to be gone. */
enum { GONE_WAIT_MS = 10000 };

static int64_t boot_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void read_boot_id(char id[BOOT_ID_LEN + 1])
{
    if (!proc_read("/proc/sys/kernel/random/boot_id", id, BOOT_ID_LEN + 1))
        memset(id, '?', BOOT_ID_LEN);
    id[BOOT_ID_LEN] = '\0';
}

static bool not_in_group(const char *pid, void *arg)
{
    const int64_t *group = arg;
    struct proc_stat stat;
    return !proc_stat(pid, &stat) || stat.group != *group || stat.state == 'Z';
}

bool group_lives(int64_t group)
{
    return !proc_each(not_in_group, &group);
}

/* Whether the group of a noted child still has members. The leader's number, once free, could have
 * gone to a stranger; then its start time differs and the group is not ours. */
static bool still_ours(const struct child_slot *slot)
{
    struct proc_stat stat;
    char pid[24];
    snprintf(pid, sizeof(pid), "%lld", (long long)slot->pid);
    if (proc_stat(pid, &stat)) {
        int64_t apart = stat.started - slot->started;
        if (stat.group != slot->pid || apart < -START_TOLERANCE_MS || apart > START_TOLERANCE_MS)
            return false;
    }
    return group_lives(slot->pid); /* the leader may be gone, and others of its group not */
}

static void wait_gone(const struct child_slot *slot)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    for (int waited = 0; waited < GONE_WAIT_MS; waited += 2) {
        if (!group_lives(slot->pid))
            return;
        nanosleep(&pause, NULL);
    }
    log_warn("process group %lld of an earlier server does not die", (long long)slot->pid);
}

static size_t kill_leftovers(struct child_table *table, size_t count)
{
    size_t killed = 0;
    for (size_t i = 0; i < count; i++) {
        if (table->slots[i].pid <= 1 || !still_ours(&table->slots[i]))
            continue;
        kill((pid_t)-table->slots[i].pid, SIGKILL);
        wait_gone(&table->slots[i]);
        CRASH_POINT(leftover_killed);
        killed++;
    }
    return killed;
}

/* --- what has left its group ---------------------------------------------------- */

static void kill_family(uint32_t family)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    size_t killed = 0, left = 1;
    for (int waited = 0; left && waited < GONE_WAIT_MS; waited += 2) {
        left = hunt(mark_make(family, 0), mark_make(family + 1, 0) - 1);
        killed = killed > left ? killed : left;
        if (left)
            nanosleep(&pause, NULL);
    }
    if (killed)
        log_warn("killed processes of an earlier server that had left their groups: %zu%s", killed,
                 left ? "; some do not die" : "");
}

/* --- the table -------------------------------------------------------------------- */

static size_t table_size(size_t capacity)
{
    return sizeof(struct child_table) + capacity * sizeof(struct child_slot);
}

bool children_open(struct children *children, const char *path, size_t capacity, size_t *killed)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0)
        return false;
    size_t old = (size_t)info.st_size < table_size(0)
                     ? 0
                     : ((size_t)info.st_size - table_size(0)) / sizeof(struct child_slot);
    size_t room = old > capacity ? old : capacity;
    /* posix_fallocate: a hole in a mapping would be a SIGBUS on a full disk. */
    errno = posix_fallocate(fd, 0, (off_t)table_size(room));
    if (errno)
        return false;
    void *mapping = mmap(NULL, table_size(room), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapping == MAP_FAILED)
        return false;
    *children = (struct children){.table = mapping, .capacity = room};
    char boot_id[BOOT_ID_LEN + 1];
    read_boot_id(boot_id);
    bool same_boot = memcmp(children->table->boot_id, boot_id, BOOT_ID_LEN) == 0;
    *killed = same_boot ? kill_leftovers(children->table, old) : 0;
    if (same_boot && old && children->table->family)
        kill_family(children->table->family);
    memset(children->table->slots, 0, room * sizeof(struct child_slot));
    memcpy(children->table->boot_id, boot_id, BOOT_ID_LEN);
    children->table->family = mark_family();
    children->owner = -boot_ns();
    children->free = mem_alloc(room * sizeof(size_t));
    for (size_t i = room; i > 0; i--)
        children->free[children->free_count++] = i - 1;
    return true;
}

struct child_slot *children_take(struct children *children)
{
    if (!children->free_count)
        return NULL;
    struct child_slot *slot = &children->table->slots[children->free[--children->free_count]];
    slot->started = boot_ns() / 1000000;
    __atomic_store_n(&slot->pid, children->owner, __ATOMIC_RELEASE);
    return slot;
}

uint64_t children_mark(struct children *children)
{
    return mark_make(children->table->family, ++children->started);
}

/* What is written here stays when the server is killed the next moment. The child may come here
 * late: its server is dead, and the slot is one of the next server's. */
__attribute__((no_sanitize("address", "thread"))) bool children_note_self(struct child_slot *slot,
                                                                          int64_t owner)
{
    return __atomic_compare_exchange_n(&slot->pid, &owner, getpid(), false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

void children_give(struct children *children, struct child_slot *slot)
{
    slot->pid = 0;
    children->free[children->free_count++] = (size_t)(slot - children->table->slots);
}

void children_close(struct children *children)
{
    children->table->family = 0;
    munmap(children->table, table_size(children->capacity));
    mem_free(children->free);
}
