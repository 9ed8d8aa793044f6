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

static struct function *add_function(struct folder *folder, struct str name)
{
    struct function_set *set = folder->set;
    struct function *function = &set->items[set->count++];
    *function = (struct function){.name = arena_str(&set->arena, name),
                                  .mode = MODE_PROCESS,
                                  .grace = -1,
                                  .max_attempts = 1,
                                  .backoff = BACKOFF_DEFAULT};
    return function;
}

static struct entry *manifest_of(struct folder *folder, struct str name)
{
    for (size_t i = 0; i < folder->count; i++) {
        if (folder->entries[i].manifest && str_eq(folder->entries[i].name, name))
            return &folder->entries[i];
    }
    return NULL;
}

static bool name_taken(struct folder *folder, struct str file, struct str name)
{
    for (size_t i = 0; i < folder->set->count; i++) {
        if (!str_eq(folder->set->items[i].name, name))
            continue;
        refuse(folder, file,
               i < builtin_count() ? "the name of a built-in function is taken"
                                   : "another file has the same name");
        return true;
    }
    return false;
}

static bool add_executable(struct folder *folder, const struct entry *entry)
{
    if (name_taken(folder, entry->file, entry->name))
        return false;
    struct function *function = add_function(folder, entry->name);
    struct entry *manifest = manifest_of(folder, entry->name);
    if (manifest && !apply_manifest(folder, manifest, function))
        return false;
    if (function->mode == MODE_HTTP)
        return refuse(folder, manifest->file,
                      "\"mode\" is \"http\", and there is an executable of this name");
    if (!manifest_has_command(function)) {
        const char **argv = ARENA_ARRAY(&folder->set->arena, const char *, 2);
        argv[0] = arena_printf(&folder->set->arena, "%s/%.*s", folder->set->folder.data,
                               STR_ARG(entry->file))
                      .data;
        function->argv = argv;
    }
    return true;
}

/* A manifest without a file of its name has to say what to run, unless it runs elsewhere. */
static bool add_manifest(struct folder *folder, struct entry *entry)
{
    if (name_taken(folder, entry->file, entry->name))
        return false;
    struct function *function = add_function(folder, entry->name);
    if (!apply_manifest(folder, entry, function))
        return false;
    return manifest_has_command(function) || function->mode == MODE_HTTP ||
           function->mode == MODE_REMOTE ||
           refuse(folder, entry->file,
                  "there is neither an executable of this name nor a "
                  "\"command\"");
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct function *)a)->name, ((const struct function *)b)->name);
}

static bool add_all(struct folder *folder)
{
    struct function_set *set = folder->set;
    set->items = ARENA_ARRAY(&set->arena, struct function, builtin_count() + folder->count);
    for (size_t i = 0; i < builtin_count(); i++)
        set->items[set->count++] = builtin_function(i);
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
    return true;
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
