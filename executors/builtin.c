#include "executors/builtin.h"

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <math.h>

/* Composed arguments hold whole results: deeper than any request may be. */
enum { ARGS_MAX_DEPTH = 1 << 20 };
/* All of this is done on the thread that keeps time limits, so it has bounds. Bytes of arguments
 * beyond --max-result, and the values in them that are looked at: each argument is one, and each
 * member that merge joins is two. */
enum { BUILTIN_ARGS_SPARE = 4 << 20, BUILTIN_VALUES_MAX = 600000 };

/* A call that ends at once: appends the result to out, or says why not. */
struct call {
    struct run *run;
    struct json args;
    struct buf out;
    struct outcome outcome; /* set by call_fail */
};

struct builtin {
    const char *name;
    const char *description;
    bool (*compute)(struct call *call); /* NULL: sleep, which takes its time */
    unsigned levels; /* of the arguments that it looks at: 1 is the array of them, 0 nothing */
    bool keeps_all;  /* all that it is given is in its result */
};

enum { LEVEL_ARGS = 2, LEVEL_MEMBERS = 3 };

static bool call_fail(struct call *call, const char *why)
{
    call->outcome = run_failure(call->run, FAILURE_FUNCTION_ERROR, "%s", why);
    return false;
}

static bool compute_echo(struct call *call)
{
    if (call->args.nodes[0].count)
        buf_add_str(&call->out, json_raw(&call->args, 1));
    else
        buf_add_text(&call->out, "null");
    return true;
}

static bool compute_collect(struct call *call)
{
    buf_add_str(&call->out, call->run->args);
    return true;
}

/* Whole numbers add up exactly as long as they fit in 127 bits; anything else is a double. */
struct sum {
    __int128 whole;
    double real;
    bool exact;
};

static void sum_add(struct sum *sum, const struct json *json, uint32_t node)
{
    int64_t value;
    struct str digits = json_raw(json, node);
    sum->real += json_double(json, node);
    if (!str_int(digits, &value) ||
        __builtin_add_overflow(sum->whole, (__int128)value, &sum->whole))
        sum->exact = false;
}

static void add_whole(struct buf *out, __int128 value)
{
    char digits[48];
    char *p = digits + sizeof(digits);
    unsigned __int128 left = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    do {
        *--p = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left);
    if (value < 0)
        *--p = '-';
    buf_add(out, p, (size_t)(digits + sizeof(digits) - p));
}

static bool compute_sum(struct call *call)
{
    struct sum sum = {.exact = true};
    const struct json_node *nodes = call->args.nodes;
    for (uint32_t i = 1; i < nodes[0].next; i = nodes[i].next) {
        if (nodes[i].type != JSON_NUMBER)
            return call_fail(call, "sum adds numbers only");
        sum_add(&sum, &call->args, i);
    }
    if (!sum.exact && !isfinite(sum.real))
        return call_fail(call, "the sum is too large for a number");
    if (sum.exact)
        add_whole(&call->out, sum.whole);
    else
        buf_add_double(&call->out, sum.real);
    return true;
}

static bool compute_concat(struct call *call)
{
    const struct json_node *nodes = call->args.nodes;
    enum json_type type = nodes[0].count ? nodes[1].type : JSON_STRING;
    if (type != JSON_STRING && type != JSON_ARRAY)
        return call_fail(call, "concat joins strings or arrays");
    buf_add_char(&call->out, type == JSON_STRING ? '"' : '[');
    for (uint32_t i = 1; i < nodes[0].next; i = nodes[i].next) {
        if (nodes[i].type != type)
            return call_fail(call, "concat joins either strings or arrays, not both");
        struct str inside = json_raw(&call->args, i); /* without its quotes or brackets */
        if (type == JSON_ARRAY && nodes[i].count && call->out.len > 1)
            buf_add_char(&call->out, ',');
        buf_add(&call->out, inside.data + 1, inside.len - 2);
    }
    buf_add_char(&call->out, type == JSON_STRING ? '"' : ']');
    return true;
}

/* A member of the merged object: where its name first stood, with its last value. */
struct member {
    struct map_node node;
    struct member *next;
    struct str name; /* decoded */
    uint32_t name_at, value_at;
};

static struct member *member_find(const struct map *map, struct str name)
{
    for (struct map_node *n = map_find(map, map_hash_str(name)); n; n = map_next(n)) {
        struct member *member = container_of(n, struct member, node);
        if (str_eq(member->name, name))
            return member;
    }
    return NULL;
}

static void merge_object(struct call *call, uint32_t object, struct map *map, struct member ***last)
{
    const struct json *json = &call->args;
    for (uint32_t i = object + 1; i < json->nodes[object].next; i = json->nodes[i + 1].next) {
        struct str name = json_string(json, i, &call->run->arena);
        struct member *member = member_find(map, name);
        if (!member) {
            member = ARENA_NEW(&call->run->arena, struct member);
            member->name = name;
            member->name_at = i;
            map_put(map, &member->node, map_hash_str(name));
            **last = member;
            *last = &member->next;
        }
        member->value_at = i + 1;
    }
}

static bool compute_merge(struct call *call)
{
    struct map map = {0};
    struct member *first = NULL, **last = &first;
    const struct json_node *nodes = call->args.nodes;
    bool fine = true;
    for (uint32_t i = 1; i < nodes[0].next && fine; i = nodes[i].next) {
        fine = nodes[i].type == JSON_OBJECT;
        if (fine)
            merge_object(call, i, &map, &last);
    }
    map_done(&map);
    if (!fine)
        return call_fail(call, "merge joins objects only");
    buf_add_char(&call->out, '{');
    for (const struct member *member = first; member; member = member->next) {
        if (member != first)
            buf_add_char(&call->out, ',');
        buf_add_str(&call->out, json_raw(&call->args, member->name_at));
        buf_add_char(&call->out, ':');
        buf_add_str(&call->out, json_raw(&call->args, member->value_at));
    }
    buf_add_char(&call->out, '}');
    return true;
}

static bool compute_fail(struct call *call)
{
    struct str message = STR("failed as asked");
    if (call->args.nodes[0].count) {
        bool text = call->args.nodes[1].type == JSON_STRING;
        message = text ? json_string(&call->args, 1, &call->run->arena) : json_raw(&call->args, 1);
    }
    call->outcome.failure =
        (struct failure){.code = FAILURE_FUNCTION_ERROR,
                         .message = arena_str(&call->run->arena, message)}; /* the args may go */
    return false;
}

static const struct builtin builtins[] = {
    {"collect", "returns the array of its arguments", compute_collect, 0, true},
    {"concat", "joins strings, or arrays", compute_concat, LEVEL_ARGS, true},
    {"echo", "returns its first argument", compute_echo, LEVEL_ARGS, false},
    {"fail", "fails with the message given", compute_fail, LEVEL_ARGS, false},
    {"merge", "joins objects; a later member replaces an earlier one of its name", compute_merge,
     LEVEL_MEMBERS, false},
    {"sleep", "waits so many seconds and returns them", NULL, LEVEL_ARGS, false},
    {"sum", "adds numbers", compute_sum, LEVEL_ARGS, false},
};

size_t builtin_count(void)
{
    return array_size(builtins);
}

struct function builtin_function(size_t index)
{
    const struct builtin *builtin = &builtins[index];
    return (struct function){.name = str_of(builtin->name),
                             .mode = MODE_BUILTIN,
                             .description = str_of(builtin->description),
                             .builtin = builtin,
                             .grace = -1,
                             .max_attempts = 1,
                             .backoff = BACKOFF_DEFAULT};
}

size_t builtin_args_max(const struct run *run)
{
    const struct builtin *builtin = run->function->builtin;
    bool whole = builtin->keeps_all && !builtin->levels; /* and its result is just that */
    return (size_t)run->host->max_result + (whole ? 0 : BUILTIN_ARGS_SPARE);
}

bool builtin_refuses(struct run *run, size_t args, struct outcome *outcome)
{
    size_t most = builtin_args_max(run);
    if (args <= most)
        return false;
    if (run->function->builtin->keeps_all)
        *outcome =
            run_failure(run, FAILURE_RESULT_TOO_LARGE, "the result is larger than %lld bytes",
                        (long long)run->host->max_result);
    else
        *outcome = run_failure(run, FAILURE_FUNCTION_ERROR,
                               "its arguments have more than %zu bytes", most);
    return true;
}

static void finish(struct run *run, struct call *call, bool succeeded)
{
    struct run_host *host = run->host;
    if (succeeded && (int64_t)call->out.len > host->max_result) {
        call->outcome =
            run_failure(run, FAILURE_RESULT_TOO_LARGE, "the result is larger than %lld bytes",
                        (long long)host->max_result);
        succeeded = false;
    }
    call->outcome.succeeded = succeeded;
    call->outcome.result = buf_str(&call->out);
    host->ended(run, &call->outcome);
    buf_done(&call->out);
}

/* --- sleep ------------------------------------------------------------------ */

struct nap {
    uv_timer_t timer;
    struct run *run;
    bool stopped;
};

static void nap_closed(uv_handle_t *handle)
{
    struct nap *nap = handle->data;
    struct run *run = nap->run;
    struct call call = {.run = run};
    bool stopped = nap->stopped;
    mem_free(nap);
    if (stopped) {
        call.outcome = run_failure(run, FAILURE_SIGNAL, "stopped");
    } else { /* its argument is an array of one number: that number's own digits */
        buf_add(&call.out, run->args.data + 1, run->args.len - 2);
    }
    finish(run, &call, !stopped);
}

static void nap_over(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, nap_closed);
}

static bool sleep_start(struct call *call)
{
    const double max_seconds = 1e9;
    const struct json_node *nodes = call->args.nodes;
    assert(nodes); /* it looks at its arguments */
    double seconds =
        nodes[0].count == 1 && nodes[1].type == JSON_NUMBER ? json_double(&call->args, 1) : -1;
    if (!(seconds >= 0 && seconds <= max_seconds))
        return call_fail(call, "sleep wants one number of seconds, 0 to 1000000000");
    struct nap *nap = mem_alloc(sizeof(*nap));
    nap->run = call->run;
    nap->timer.data = nap;
    uv_update_time(call->run->host->loop);
    call->run->state = nap;
    uv_timer_init(call->run->host->loop, &nap->timer);
    uv_timer_start(&nap->timer, nap_over, (uint64_t)llround(seconds * 1000), 0);
    return true;
}

/* False: call->outcome says why. */
static bool read_args(struct call *call)
{
    const struct builtin *builtin = call->run->function->builtin;
    const struct json_bounds bounds = {ARGS_MAX_DEPTH, builtin->levels, BUILTIN_VALUES_MAX};
    struct json_error error;
    if (builtin_refuses(call->run, call->run->args.len, &call->outcome))
        return false;
    return !builtin->levels ||
           json_parse_within(call->run->args, &bounds, &call->run->arena, &call->args, &error) ||
           call_fail(call, error.what);
}

static void builtin_start(struct run *run)
{
    struct call call = {.run = run};
    bool (*compute)(struct call *) = run->function->builtin->compute;
    bool fine = read_args(&call);
    if (fine && !compute && sleep_start(&call))
        return;
    finish(run, &call, fine && compute && compute(&call));
}

static void builtin_stop(struct run *run, int signal)
{
    (void)signal;
    struct nap *nap = run->state; /* only sleep is ever caught running */
    if (!nap || nap->stopped || uv_is_closing((uv_handle_t *)&nap->timer))
        return;
    nap->stopped = true;
    uv_close((uv_handle_t *)&nap->timer, nap_closed);
}

const struct executor builtin_executor = {builtin_start, builtin_stop};
