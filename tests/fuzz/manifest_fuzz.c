/* A function's manifest: what manifest_read takes is within its bounds and goes together, and what
 * it refuses it gives a reason for. */
#include "engine/manifest.h"
#include "engine/service.h"
#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/rfc8259.h"

#include "base/id.h"

static struct function blank(void)
{
    return (struct function){.name = STR("f"),
                             .mode = MODE_PROCESS,
                             .grace = -1,
                             .max_attempts = 1,
                             .backoff = BACKOFF_DEFAULT,
                             .file = STR("f"),
                             .workers = WORKERS_DEFAULT};
}

static void check_numbers(const struct function *function)
{
    const int64_t most = 1000000000000;
    must(function->timeout >= 0 && function->timeout <= most);
    must(function->grace >= -1 && function->grace <= most);
    must(function->concurrency >= 0 && function->concurrency <= 1000000);
    must(function->max_attempts >= 1 && function->max_attempts <= 100);
    must(function->backoff.initial >= 0 && function->backoff.initial <= 1e9);
    must(function->backoff.factor >= 1 && function->backoff.factor <= 1e9);
    must(function->backoff.max >= 0 && function->backoff.max <= 1e9);
    must(backoff_pause(function->backoff, 100, 7) >= 0);
    must(function->limits.memory == 0 || function->limits.memory >= 1048576);
    must(function->limits.cpu >= 0 && function->limits.files >= 0 && function->limits.output >= 0);
    must(!function->safe_exits[0]);
}

static void check_workers(const struct function *function)
{
    const struct worker_rules *rules = &function->workers;
    must(rules->min >= 0 && rules->min <= rules->max && rules->max <= WORKERS_MAX);
    must(rules->max >= 1 && rules->inflight >= 1 && rules->inflight <= INFLIGHT_MAX);
    must(rules->idle >= 0);
    must(!function->serves_count || function->mode == MODE_WORKER);
    for (size_t i = 0; i < function->serves_count; i++)
        must(id_valid(function->serves[i]));
}

/* No text can end a line, or a string, before its time. */
static void check_texts(const struct function *function)
{
    for (size_t i = 0; function->headers && function->headers[i]; i++)
        must(strchr(function->headers[i], ':') && !strpbrk(function->headers[i], "\r\n"));
    for (size_t i = 0; function->env && function->env[i]; i++)
        must(strchr(function->env[i], '=') && function->env[i][0] != '=');
    must(str_utf8(function->description));
    must(!manifest_has_command(function) || function->argv[0][0] == '/' ||
         strchr(function->argv[0], '/'));
}

static void check_modes(const struct function *function)
{
    bool http = function->mode == MODE_HTTP;
    must(function->mode != MODE_BUILTIN && function->mode < MODES);
    must(http == (function->url != NULL) && http == (function->method != NULL));
    must(!http || (!service_url_wrong(function->url) && function->concurrency > 0));
    must(http || !function->headers);
    must(!http || (!function->argv && !function->env && !function->user));
    must(function->mode != MODE_REMOTE || (!function->argv && !function->user));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct str text = {(const char *)data, size}, message = STR_NONE;
    struct function function = blank();
    size_t depth;
    if (manifest_read(text, "/nowhere", &arena, &function, &message)) {
        must(rfc8259_valid(text, &depth) && depth >= 1);
        must(!message.data);
        check_numbers(&function);
        check_workers(&function);
        check_texts(&function);
        check_modes(&function);
    } else {
        must(message.len && str_utf8(message));
    }
    arena_done(&arena);
    return 0;
}
