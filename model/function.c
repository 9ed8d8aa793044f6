#include "model/function.h"

#include "base/mem.h"

#include <string.h>

const char *mode_text(enum function_mode mode)
{
    static const char *const texts[] = {"builtin", "process", "worker", "http", "remote"};
    return texts[mode];
}

bool function_takes_slot(const struct function *function)
{
    return !function || function->mode == MODE_PROCESS;
}

static bool same_list(const char *const *a, const char *const *b)
{
    while (a && b && *a && *b && strcmp(*a, *b) == 0)
        a++, b++;
    return (!a || !*a) && (!b || !*b);
}

static bool same_limits(const struct limits *a, const struct limits *b)
{
    return a->memory == b->memory && a->cpu == b->cpu && a->files == b->files &&
           a->output == b->output && a->processes == b->processes;
}

static bool same_account(const struct account *a, const struct account *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a->name, b->name) == 0 && strcmp(a->home, b->home) == 0 && a->uid == b->uid &&
           a->gid == b->gid && a->group_count == b->group_count &&
           memcmp(a->groups, b->groups, a->group_count * sizeof(*a->groups)) == 0;
}

bool function_same_workers(const struct function *a, const struct function *b)
{
    return str_eq(a->file, b->file) && a->stamp == b->stamp && same_list(a->argv, b->argv) &&
           same_list(a->env, b->env) && a->workers.min == b->workers.min &&
           a->workers.max == b->workers.max && a->workers.idle == b->workers.idle &&
           a->workers.inflight == b->workers.inflight && same_limits(&a->limits, &b->limits) &&
           same_account(a->user, b->user);
}

const struct function *function_find(const struct function_set *set, struct str name)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_cmp(set->items[middle].name, name);
        if (order == 0)
            return &set->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool function_granted(const struct function_grant *grant, struct str name)
{
    return grant->all || str_listed(name, grant->names, grant->count);
}

struct function_set *function_set_ref(struct function_set *set)
{
    __atomic_add_fetch(&set->refs, 1, __ATOMIC_RELAXED);
    return set;
}

void function_set_unref(struct function_set *set)
{
    if (__atomic_sub_fetch(&set->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    struct arena arena = set->arena; /* the set itself may live in it */
    mem_free(set);
    arena_done(&arena);
}
