#include "engine/manifest_limits.h"

#include "base/mem.h"
#include "executors/environment.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <grp.h>
#include <math.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum {
    MEMORY_MIN = 1048576, /* bytes; no program starts with less, and megabytes are no unit */
    ENTRY_MAX = 1 << 20,  /* bytes of an entry in the list of users */
};

/* A double holds every whole number up to this one. */
static const double BYTES_MAX = 9007199254740992.0;

static const struct member {
    const char *name;
    double low, high;
    size_t at; /* in struct limits */
} members[] = {
    {"memory", MEMORY_MIN, BYTES_MAX, offsetof(struct limits, memory)},
    {"cpu", 1, 1e9, offsetof(struct limits, cpu)},
    {"files", 1, 1e9, offsetof(struct limits, files)},
    {"output", 1, BYTES_MAX, offsetof(struct limits, output)},
    {"processes", 1, 1e9, offsetof(struct limits, processes)},
};

static const struct member *member_find(const char *name)
{
    for (size_t i = 0; i < array_size(members); i++) {
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    }
    return NULL;
}

const char *manifest_limits(const cJSON *item, struct arena *arena, struct limits *limits)
{
    if (!cJSON_IsObject(item))
        return "has to be an object";
    for (const cJSON *part = item->child; part; part = part->next) {
        const struct member *member = member_find(part->string);
        if (!member)
            return arena_printf(arena, "is wrong: \"%s\" is no member of \"limits\"", part->string)
                .data;
        double number = cJSON_IsNumber(part) ? part->valuedouble : -1;
        if (!(number >= member->low && number <= member->high) || number != floor(number))
            return arena_printf(arena,
                                "is wrong: \"%s\" has to be a whole number from %.0f to %.0f",
                                part->string, member->low, member->high)
                .data;
        *(int64_t *)(void *)((char *)limits + member->at) = (int64_t)number;
    }
    return NULL;
}

/* The entry, its texts in the arena. NULL: there is none, or *error says why it cannot be read. */
static const struct passwd *entry_of(const char *name, struct arena *arena, int *error)
{
    struct passwd *entry = ARENA_NEW(arena, struct passwd), *found = NULL;
    size_t size = 1024;
    do {
        size *= 2;
        *error = getpwnam_r(name, entry, arena_alloc(arena, size), size, &found);
    } while (*error == EINTR || (*error == ERANGE && size < ENTRY_MAX));
    return found;
}

static void read_groups(struct account *account, struct arena *arena)
{
    int room = 0, count = 64;
    gid_t *groups = NULL;
    while (room < count) { /* it may have got more in between */
        room = count;
        groups = ARENA_ARRAY(arena, gid_t, (size_t)room);
        getgrouplist(account->name, account->gid, groups, &count);
    }
    account->groups = groups;
    account->group_count = (size_t)count;
}

const char *manifest_user(const cJSON *item, struct arena *arena, const struct account **user)
{
    int error;
    if (!cJSON_IsString(item))
        return "has to be a string";
    if (geteuid() != 0)
        return "needs a server that runs as root";
    const struct passwd *entry = entry_of(item->valuestring, arena, &error);
    if (!entry && error)
        return arena_printf(arena, "cannot be looked up: %s", strerror(error)).data;
    if (!entry)
        return arena_printf(arena, "names %s, and there is no such user", item->valuestring).data;
    struct account *account = ARENA_NEW(arena, struct account);
    *account = (struct account){.name = arena_str(arena, str_of(item->valuestring)).data,
                                .home = entry->pw_dir,
                                .uid = entry->pw_uid,
                                .gid = entry->pw_gid};
    read_groups(account, arena);
    *user = account;
    return NULL;
}

const char *manifest_env(const cJSON *item, struct arena *arena, const char *const **env)
{
    static const char why[] = "has to be an object of strings";
    if (!cJSON_IsObject(item))
        return why;
    size_t count = 0;
    const char **list = ARENA_ARRAY(arena, const char *, (size_t)cJSON_GetArraySize(item) + 1);
    for (const cJSON *part = item->child; part; part = part->next) {
        if (!cJSON_IsString(part) || !part->string[0] || strchr(part->string, '='))
            return why;
        if (environment_tells(part->string))
            return arena_printf(arena, "/ \"%s\" is set by errand itself", part->string).data;
        list[count++] = arena_printf(arena, "%s=%s", part->string, part->valuestring).data;
    }
    *env = list;
    return NULL;
}

const char *manifest_limits_wrong(const struct function *function)
{
    uid_t uid = function->user ? function->user->uid : geteuid();
    if (function->limits.processes && uid == 0)
        return "is wrong: \"processes\" does not bind root; name a \"user\"";
    return NULL;
}
