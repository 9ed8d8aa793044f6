#include "base/mem.h"
#include "executors/worker.h"

#include <stdatomic.h>

struct worker_count *worker_count_of(struct workers *workers, struct str file)
{
    struct worker_count *first = atomic_load(&workers->counts);
    for (struct worker_count *count = first; count; count = count->next) {
        if (str_eq(count->file, file))
            return count;
    }
    struct worker_count *count = mem_alloc(sizeof(*count));
    count->next = first;
    count->file = (struct str){mem_copy(file.data, file.len), file.len};
    atomic_store(&workers->counts, count);
    return count;
}

void workers_count(const struct workers *workers, struct str file, int64_t *alive, int64_t *idle)
{
    *alive = *idle = 0;
    for (struct worker_count *c = atomic_load(&workers->counts); c; c = c->next) {
        if (!str_eq(c->file, file))
            continue;
        *alive = atomic_load(&c->alive);
        *idle = atomic_load(&c->idle);
    }
}

void workers_done(struct workers *workers)
{
    for (struct worker_count *c = atomic_load(&workers->counts), *next; c; c = next) {
        next = c->next;
        mem_free((void *)(uintptr_t)c->file.data);
        mem_free(c);
    }
}
