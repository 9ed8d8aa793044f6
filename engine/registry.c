#include "engine/registry.h"

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/manifest.h"
#include "executors/builtin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANIFEST_MAX = 1 << 20 };

/* What a file of the folder is to the registry. */
struct entry {
    struct str file;
    struct str name; /* the file's without its last extension */
    bool manifest;
    bool used; /* a manifest whose function was found */
};

struct folder {
    struct function_set *set;
    const char *path;
    struct entry *entries;
    size_t count;
    size_t capacity; /* of the set's items */
    struct buf message;
};

static bool refuse(struct folder *folder, struct str file, const char *why)
{
    buf_addf(&folder->message, "%s/%.*s: %s", folder->path, STR_ARG(file), why);
    return false;
}

static struct entry entry_of(struct str file)
{
    struct entry entry = {.file = file, .name = file};
    const char *dot = memrchr(file.data, '.', file.len);
    if (dot) {
        entry.name.len = (size_t)(dot - file.data);
        entry.manifest = strcmp(dot, ".json") == 0;
    }
    return entry;
}

/* Regular files that are executable or manifests; others are none of our business. */
static bool wanted(const char *path, struct entry *entry)
{
    struct buf full = {0};
    struct stat info;
    buf_addf(&full, "%s/%.*s", path, STR_ARG(entry->file));
    bool regular = stat(full.data, &info) == 0 && S_ISREG(info.st_mode);
    bool runs = regular && access(full.data, X_OK) == 0;
    buf_done(&full);
    if (!regular || !(runs || entry->manifest))
        return false;
    if (!id_valid(entry->name))
        log_warn("%s/%.*s is no function: a name has 1 to 64 characters of A-Z a-z 0-9 _ -", path,
                 STR_ARG(entry->file));
    return id_valid(entry->name);
}

static int by_file(const void *a, const void *b)
{
    return str_cmp(((const struct entry *)a)->file, ((const struct entry *)b)->file);
}

static bool list_folder(struct folder *folder)
{
    DIR *dir = opendir(folder->path);
    if (!dir) {
        buf_addf(&folder->message, "%s: %s", folder->path, strerror(errno));
        return false;
    }
    size_t capacity = 0;
    const struct dirent *found;
    while ((found = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): a stream of our own */
        if (found->d_name[0] == '.' || found->d_name[0] == '_')
            continue;
        struct entry entry = entry_of(arena_str(&folder->set->arena, str_of(found->d_name)));
        if (!wanted(folder->path, &entry))
            continue;
        if (folder->count == capacity) {
            capacity = capacity ? capacity * 2 : 32;
            folder->entries = mem_resize(folder->entries, capacity * sizeof(*folder->entries));
        }
        folder->entries[folder->count++] = entry;
    }
    closedir(dir);
    if (folder->count) /* a stable order, so that messages are the same each time */
        qsort(folder->entries, folder->count, sizeof(*folder->entries), by_file);
    return true;
}

static bool read_file(const char *path, struct buf *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len;
    do {
        buf_reserve(text, 65536);
        len = read(fd, text->data + text->len, 65536);
        text->len += len > 0 ? (size_t)len : 0;
    } while (len > 0 && text->len <= MANIFEST_MAX);
    close(fd);
    return len == 0;
}

static bool apply_manifest(struct folder *folder, struct entry *entry, struct function *function)
{
    struct arena *arena = &folder->set->arena;
    struct str path = arena_printf(arena, "%s/%.*s", folder->path, STR_ARG(entry->file));
    struct buf text = {0};
    struct str why = STR("cannot be read");
    entry->used = true;
    bool fine = read_file(path.data, &text) &&
                manifest_read(buf_str(&text), folder->set->folder.data, arena, function, &why);
    buf_done(&text);
    return fine || refuse(folder, entry->file, why.data);
}

static struct function blank(struct folder *folder, struct str name)
{
    name = arena_str(&folder->set->arena, name);
    return (struct function){.name = name,
                             .mode = MODE_PROCESS,
                             .grace = -1,
                             .max_attempts = 1,
                             .backoff = BACKOFF_DEFAULT,
                             .file = name,
                             .workers = WORKERS_DEFAULT};
}

static struct entry *manifest_of(struct folder *folder, struct str name)
{
    for (size_t i = 0; i < folder->count; i++) {
        if (folder->entries[i].manifest && str_eq(folder->entries[i].name, name))
            return &folder->entries[i];
    }
    return NULL;
}

static bool name_taken(struct folder *folder, const struct entry *entry, struct str name)
{
    struct function_set *set = folder->set;
    for (size_t i = 0; i < set->count; i++) {
        if (!str_eq(set->items[i].name, name))
            continue;
        const char *why = "another file has the same name";
        if (i < builtin_count())
            why = "the name of a built-in function is taken";
        else if (!str_eq(set->items[i].file, entry->name))
            why = arena_printf(&set->arena, "the function %.*s is served by %.*s already",
                               STR_ARG(name), STR_ARG(set->items[i].file))
                      .data;
        return !refuse(folder, entry->file, why);
    }
    return false;
}

/* Of the regular files among the words of a command; workers that run an older one are let go. */
static uint64_t files_stamp(const char *folder, const char *const *argv)
{
    uint64_t stamp = 0;
    for (; *argv; argv++) {
        struct buf path = {0};
        struct stat info;
        buf_addf(&path, "%s%s%s", **argv == '/' ? "" : folder, **argv == '/' ? "" : "/", *argv);
        if (stat(path.data, &info) == 0 && S_ISREG(info.st_mode)) {
            const int64_t parts[] = {(int64_t)info.st_ino, info.st_size, info.st_mtim.tv_sec,
                                     info.st_mtim.tv_nsec};
            stamp = stamp * 31 + str_hash((struct str){(const char *)parts, sizeof(parts)});
        }
        buf_done(&path);
    }
    return stamp;
}

static void add_item(struct folder *folder, const struct function *function)
{
    struct function_set *set = folder->set;
    if (set->count == folder->capacity) {
        struct function *old = set->items;
        folder->capacity = folder->capacity ? folder->capacity * 2 : 64;
        set->items = ARENA_ARRAY(&set->arena, struct function, folder->capacity);
        if (set->count)
            memcpy(set->items, old, set->count * sizeof(*old));
    }
    set->items[set->count++] = *function;
}

/* Under its own name, or under those that the file says it serves. */
static bool add_function(struct folder *folder, const struct entry *entry,
                         struct function *function)
{
    struct function_set *set = folder->set;
    if (function->mode == MODE_WORKER)
        function->stamp = files_stamp(set->folder.data, function->argv);
    for (size_t i = 0; i < (function->serves ? function->serves_count : 1); i++) {
        if (function->serves)
            function->name = function->serves[i];
        if (name_taken(folder, entry, function->name))
            return false;
        add_item(folder, function);
    }
    return true;
}

static bool add_executable(struct folder *folder, const struct entry *entry)
{
    struct function function = blank(folder, entry->name);
    struct entry *manifest = manifest_of(folder, entry->name);
    if (manifest && !apply_manifest(folder, manifest, &function))
        return false;
    if (function.mode == MODE_HTTP)
        return refuse(folder, manifest->file,
                      "\"mode\" is \"http\", and there is an executable of this name");
    if (!manifest_has_command(&function)) {
        const char **argv = ARENA_ARRAY(&folder->set->arena, const char *, 2);
        argv[0] = arena_printf(&folder->set->arena, "%s/%.*s", folder->set->folder.data,
                               STR_ARG(entry->file))
                      .data;
        function.argv = argv;
    }
    return add_function(folder, entry, &function);
}

/* A manifest without a file of its name has to say what to run, unless it runs elsewhere. */
static bool add_manifest(struct folder *folder, struct entry *entry)
{
    struct function function = blank(folder, entry->name);
    if (!apply_manifest(folder, entry, &function))
        return false;
    bool elsewhere = function.mode == MODE_HTTP || function.mode == MODE_REMOTE;
    if (!manifest_has_command(&function) && !elsewhere)
        return refuse(folder, entry->file,
                      "there is neither an executable of this name nor a "
                      "\"command\"");
    return add_function(folder, entry, &function);
}

/* The first function of the set that has this one's file. */
static bool first_of_file(const struct function_set *set, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (set->items[i].mode == MODE_WORKER && str_eq(set->items[i].file, set->items[index].file))
            return false;
    }
    return true;
}

/* What is reserved for workers in the table of children has to do. */
static bool check_workers(struct folder *folder)
{
    const struct function_set *set = folder->set;
    int64_t workers = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].mode != MODE_WORKER || !first_of_file(set, i))
            continue;
        workers += set->items[i].workers.max;
        if (workers > WORKERS_MAX) {
            buf_addf(&folder->message,
                     "%s/%.*s.json: \"workers\" is wrong: \"max\" of all functions together is "
                     "above %d",
                     folder->path, STR_ARG(set->items[i].file), WORKERS_MAX);
            return false;
        }
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct function *)a)->name, ((const struct function *)b)->name);
}

static bool add_all(struct folder *folder)
{
    struct function_set *set = folder->set;
    for (size_t i = 0; i < builtin_count(); i++) {
        const struct function builtin = builtin_function(i);
        add_item(folder, &builtin);
    }
    for (size_t i = 0; i < folder->count; i++) {
        if (!folder->entries[i].manifest && !add_executable(folder, &folder->entries[i]))
            return false;
    }
    for (size_t i = 0; i < folder->count; i++) {
        struct entry *entry = &folder->entries[i];
        if (entry->manifest && !entry->used && !add_manifest(folder, entry))
            return false;
    }
    qsort(set->items, set->count, sizeof(*set->items), by_name);
    return check_workers(folder);
}

struct function_set *registry_load(const char *path, bool missing_is_fine, char **message)
{
    struct folder folder = {.set = mem_alloc(sizeof(struct function_set)), .path = path};
    char absolute[PATH_MAX] = "";
    folder.set->refs = 1;
    bool missing = !realpath(path, absolute) && errno == ENOENT && missing_is_fine;
    if (missing)
        log_info("there is no folder %s: only the built-in functions can run", path);
    folder.set->folder = arena_str(&folder.set->arena, str_of(missing ? "/" : absolute));
    bool fine = (missing || list_folder(&folder)) && add_all(&folder);
    mem_free(folder.entries);
    if (fine) {
        buf_done(&folder.message);
        return folder.set;
    }
    function_set_unref(folder.set);
    *message = buf_take(&folder.message, NULL);
    return NULL;
}
