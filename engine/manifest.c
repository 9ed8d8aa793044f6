#include "engine/manifest.h"

#include "base/json.h"
#include "base/mem.h"
#include "engine/manifest_limits.h"
#include "engine/manifest_worker.h"
#include "engine/service.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct manifest {
    const char *folder;
    struct arena *arena;
    struct function *function;
    struct str *message;
    const char *worker_key; /* the first key that only a worker has; NULL: none */
};

static bool refuse(struct manifest *manifest, const char *key, const char *why)
{
    *manifest->message = arena_printf(manifest->arena, "\"%s\" %s", key, why);
    return false;
}

static bool read_number(struct manifest *manifest, const cJSON *item, double low, double high,
                        double *value)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= low && item->valuedouble <= high)) {
        struct str why =
            arena_printf(manifest->arena, "has to be a number from %g to %g", low, high);
        return refuse(manifest, item->string, why.data);
    }
    *value = item->valuedouble;
    return true;
}

static bool read_whole(struct manifest *manifest, const cJSON *item, double high, int64_t *value)
{
    double number;
    if (!read_number(manifest, item, 1, high, &number))
        return false;
    if (number != floor(number))
        return refuse(manifest, item->string, "has to be a whole number");
    *value = (int64_t)number;
    return true;
}

static struct str text_of(struct manifest *manifest, const cJSON *item)
{
    return arena_str(manifest->arena, str_of(item->valuestring));
}

static bool read_description(struct manifest *manifest, const cJSON *item)
{
    if (!cJSON_IsString(item))
        return refuse(manifest, item->string, "has to be a string");
    manifest->function->description = text_of(manifest, item);
    return true;
}

/* Modes that a manifest may name. */
static const enum function_mode modes[] = {MODE_PROCESS, MODE_WORKER, MODE_HTTP, MODE_REMOTE};

static bool read_mode(struct manifest *manifest, const cJSON *item)
{
    for (size_t i = 0; i < array_size(modes); i++) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, mode_text(modes[i])) == 0) {
            manifest->function->mode = modes[i];
            return true;
        }
    }
    return refuse(manifest, item->string, "names no mode of a function");
}

/* A program without a slash is looked up in PATH now, once, and by nobody else later. */
static struct str find_program(struct manifest *manifest, const char *name)
{
    if (strchr(name, '/')) {
        struct str path = name[0] == '/'
                              ? arena_str(manifest->arena, str_of(name))
                              : arena_printf(manifest->arena, "%s/%s", manifest->folder, name);
        return access(path.data, X_OK) == 0 ? path : STR_NONE;
    }
    const char *path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe): never set */
    struct str folders = str_of(path ? path : "/usr/local/bin:/usr/bin:/bin");
    while (folders.data) {
        struct str folder = str_cut(&folders, ':');
        struct str file = arena_printf(manifest->arena, "%.*s/%s", STR_ARG(folder), name);
        if (folder.len && access(file.data, X_OK) == 0)
            return file;
    }
    return STR_NONE;
}

static bool read_command(struct manifest *manifest, const cJSON *item)
{
    int count = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 0;
    const char **argv = ARENA_ARRAY(manifest->arena, const char *, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        const cJSON *word = cJSON_GetArrayItem(item, i);
        if (!cJSON_IsString(word))
            return refuse(manifest, item->string, "has to be an array of strings");
        argv[i] = text_of(manifest, word).data;
    }
    if (!count || !argv[0][0])
        return refuse(manifest, item->string, "has to be an array of strings, not empty");
    struct str program = find_program(manifest, argv[0]);
    if (!program.data) {
        struct str why = arena_printf(manifest->arena, "names %s, which is no program", argv[0]);
        return refuse(manifest, item->string, why.data);
    }
    argv[0] = program.data;
    manifest->function->argv = argv;
    return true;
}

enum { SECONDS_MAX = 1000000000 };

static bool read_timeout(struct manifest *manifest, const cJSON *item)
{
    double seconds;
    if (!read_number(manifest, item, 0.001, SECONDS_MAX, &seconds))
        return false;
    manifest->function->timeout = llround(seconds * 1000);
    return true;
}

static bool read_grace(struct manifest *manifest, const cJSON *item)
{
    double seconds;
    if (!read_number(manifest, item, 0, SECONDS_MAX, &seconds))
        return false;
    manifest->function->grace = llround(seconds * 1000);
    return true;
}

static bool read_concurrency(struct manifest *manifest, const cJSON *item)
{
    return read_whole(manifest, item, 1000000, &manifest->function->concurrency);
}

static bool read_max_attempts(struct manifest *manifest, const cJSON *item)
{
    return read_whole(manifest, item, 100, &manifest->function->max_attempts);
}

static bool read_backoff(struct manifest *manifest, const cJSON *item)
{
    struct backoff *backoff = &manifest->function->backoff;
    if (!cJSON_IsObject(item))
        return refuse(manifest, item->string, "has to be an object");
    for (const cJSON *part = item->child; part; part = part->next) {
        bool fine;
        if (strcmp(part->string, "initial") == 0)
            fine = read_number(manifest, part, 0, SECONDS_MAX, &backoff->initial);
        else if (strcmp(part->string, "factor") == 0)
            fine = read_number(manifest, part, 1, SECONDS_MAX, &backoff->factor);
        else if (strcmp(part->string, "max") == 0)
            fine = read_number(manifest, part, 0, SECONDS_MAX, &backoff->max);
        else
            fine = refuse(manifest, part->string, "is no member of \"backoff\"");
        if (!fine)
            return false;
    }
    return true;
}

static bool read_on_interrupt(struct manifest *manifest, const cJSON *item)
{
    bool fail = cJSON_IsString(item) && strcmp(item->valuestring, "fail") == 0;
    if (!fail && !(cJSON_IsString(item) && strcmp(item->valuestring, "retry") == 0))
        return refuse(manifest, item->string, "has to be \"retry\" or \"fail\"");
    manifest->function->fail_on_interrupt = fail;
    return true;
}

static bool read_env(struct manifest *manifest, const cJSON *item)
{
    const char *why = manifest_env(item, manifest->arena, &manifest->function->env);
    return !why || refuse(manifest, item->string, why);
}

static bool read_continues(struct manifest *manifest, const cJSON *item)
{
    if (!cJSON_IsBool(item))
        return refuse(manifest, item->string, "has to be true or false");
    manifest->function->continues = cJSON_IsTrue(item);
    return true;
}

static bool read_safe_exit_codes(struct manifest *manifest, const cJSON *item)
{
    static const char why[] = "has to be an array of whole numbers from 1 to 255";
    if (!cJSON_IsArray(item))
        return refuse(manifest, item->string, why);
    for (const cJSON *code = item->child; code; code = code->next) {
        double status = cJSON_IsNumber(code) ? code->valuedouble : 0;
        if (status < 1 || status >= EXIT_STATUSES || status != floor(status))
            return refuse(manifest, item->string, why);
        manifest->function->safe_exits[(int)status] = true;
    }
    return true;
}

static bool read_url(struct manifest *manifest, const cJSON *item)
{
    if (!cJSON_IsString(item))
        return refuse(manifest, item->string, "has to be a string");
    const char *wrong = service_url_wrong(item->valuestring);
    if (wrong)
        return refuse(manifest, item->string, wrong);
    manifest->function->url = text_of(manifest, item).data;
    return true;
}

static bool read_method(struct manifest *manifest, const cJSON *item)
{
    const char *method = cJSON_IsString(item) ? service_method(item->valuestring) : NULL;
    if (!method)
        return refuse(manifest, item->string, "has to be \"POST\", \"PUT\" or \"PATCH\"");
    manifest->function->method = method;
    return true;
}

static bool read_headers(struct manifest *manifest, const cJSON *item)
{
    if (!cJSON_IsObject(item))
        return refuse(manifest, item->string, "has to be an object of strings");
    size_t count = 0;
    const char *why = NULL;
    const char **headers =
        ARENA_ARRAY(manifest->arena, const char *, (size_t)cJSON_GetArraySize(item) + 1);
    for (const cJSON *part = item->child; part; part = part->next) {
        if (!cJSON_IsString(part))
            return refuse(manifest, item->string, "has to be an object of strings");
        if (!service_header(manifest->arena, part->string, part->valuestring, &headers[count++],
                            &why)) {
            struct str wrong = arena_printf(manifest->arena, "/ \"%s\" %s", part->string, why);
            return refuse(manifest, item->string, wrong.data);
        }
    }
    manifest->function->headers = headers;
    return true;
}

static bool note_worker_key(struct manifest *manifest, const cJSON *item, const char *why)
{
    if (!manifest->worker_key)
        manifest->worker_key = arena_str(manifest->arena, str_of(item->string)).data;
    return !why || refuse(manifest, item->string, why);
}

static bool read_workers(struct manifest *manifest, const cJSON *item)
{
    return note_worker_key(manifest, item,
                           manifest_workers(item, manifest->arena, &manifest->function->workers));
}

static bool read_functions(struct manifest *manifest, const cJSON *item)
{
    return note_worker_key(manifest, item,
                           manifest_functions(item, manifest->arena, manifest->function));
}

static bool read_limits(struct manifest *manifest, const cJSON *item)
{
    const char *why = manifest_limits(item, manifest->arena, &manifest->function->limits);
    return !why || refuse(manifest, item->string, why);
}

static bool read_user(struct manifest *manifest, const cJSON *item)
{
    const char *why = manifest_user(item, manifest->arena, &manifest->function->user);
    return !why || refuse(manifest, item->string, why);
}

/* Every key a manifest may have. */
static const struct {
    const char *name;
    bool (*read)(struct manifest *manifest, const cJSON *item);
} keys[] = {
    {"description", read_description},
    {"command", read_command},
    {"mode", read_mode},
    {"timeout", read_timeout},
    {"grace", read_grace},
    {"concurrency", read_concurrency},
    {"max_attempts", read_max_attempts},
    {"backoff", read_backoff},
    {"on_interrupt", read_on_interrupt},
    {"env", read_env},
    {"continues", read_continues},
    {"safe_exit_codes", read_safe_exit_codes},
    {"url", read_url},
    {"method", read_method},
    {"headers", read_headers},
    {"workers", read_workers},
    {"functions", read_functions},
    {"limits", read_limits},
    {"user", read_user},
};

static bool read_key(struct manifest *manifest, const cJSON *item)
{
    for (size_t i = 0; i < array_size(keys); i++) {
        if (strcmp(item->string, keys[i].name) == 0)
            return keys[i].read(manifest, item);
    }
    return refuse(manifest, item->string, "is no key of a manifest");
}

/* Of a NULL-ended list. A key that would do nothing is a mistake: it says something that is not
 * so. */
static bool has_none(struct manifest *manifest, const cJSON *tree, const char *const *names,
                     const char *why)
{
    for (; *names; names++) {
        if (cJSON_GetObjectItemCaseSensitive(tree, *names))
            return refuse(manifest, *names, why);
    }
    return true;
}

static bool check_http_keys(struct manifest *manifest, const cJSON *tree)
{
    static const char *const only[] = {"url", "method", "headers", NULL};
    static const char *const never[] = {"command", "env",  "grace", "safe_exit_codes",
                                        "limits",  "user", NULL};
    struct function *function = manifest->function;
    if (function->mode != MODE_HTTP)
        return has_none(manifest, tree, only, "is for \"mode\":\"http\" only");
    if (!has_none(manifest, tree, never, "is not for \"mode\":\"http\""))
        return false;
    if (!function->url)
        return refuse(manifest, "url", "is missing");
    if (!function->method)
        function->method = service_method("POST");
    if (!function->concurrency)
        function->concurrency = HTTP_CONCURRENCY;
    return true;
}

static bool check_remote_keys(struct manifest *manifest, const cJSON *tree)
{
    static const char *const never[] = {"command", "limits", "user", NULL};
    return manifest->function->mode != MODE_REMOTE ||
           has_none(manifest, tree, never, "has no place in a function of mode remote");
}

/* Keys that contradict each other, whatever their order. */
static bool check_together(struct manifest *manifest)
{
    const char *why = manifest_limits_wrong(manifest->function);
    if (why)
        return refuse(manifest, "limits", why);
    return !manifest->worker_key || manifest->function->mode == MODE_WORKER ||
           refuse(manifest, manifest->worker_key, "is for the mode \"worker\" only");
}

bool manifest_read(struct str text, const char *folder, struct arena *arena,
                   struct function *function, struct str *message)
{
    struct manifest manifest = {folder, arena, function, message, NULL};
    struct json_error error;
    cJSON *tree = json_tree(text, &error);
    if (!tree) {
        *message = arena_printf(arena, "byte %zu: %s", error.offset, error.what);
        return false;
    }
    bool fine = cJSON_IsObject(tree);
    if (!fine)
        *message = STR("a manifest has to be a JSON object");
    for (const cJSON *item = tree->child; item && fine; item = item->next)
        fine = read_key(&manifest, item);
    fine = fine && check_http_keys(&manifest, tree) && check_together(&manifest);
    fine = fine && check_remote_keys(&manifest, tree);
    cJSON_Delete(tree);
    return fine;
}

bool manifest_has_command(const struct function *function)
{
    return function->argv != NULL;
}
