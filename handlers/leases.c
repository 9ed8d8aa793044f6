/* POST /v1/leases: hands out tasks to workers elsewhere. The writer gives the leases; then what the
 * tasks run on is read, on a reader thread. */
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "engine/inputs.h"
#include "engine/lease.h"
#include "engine/poll.h"
#include "handlers/app.h"
#include "handlers/body.h"
#include "handlers/params.h"
#include "handlers/task_json.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    TTL_DEFAULT_MS = 30000,
    TTL_MAX_SECONDS = 3600,
    POLL_BYTES = 16 << 20, /* of arguments; the task that passes them is the last one */
};

/* What a leased task runs on. */
struct load {
    bool taken_away; /* since then: it ended by other means */
    bool too_much;   /* those before it fill the answer */
    struct payload payload;
    struct dependency_row *dependencies;
    size_t dependency_count;
    struct str failure; /* why its arguments cannot be had, or STR_NONE */
};

struct polling {
    struct request *request;
    struct poll poll;
    int socket; /* libmicrohttpd's own: open as long as the request is suspended */
    struct query query;
    bool failed;
    struct load *loads; /* one for each lease */
};

/* --- what the tasks run on ------------------------------------------------------------- */

static void load_inputs(struct load *load, int64_t task, struct db *db, struct arena *arena)
{
    struct inputs inputs = {.most = INPUTS_MAX, .keep = INPUTS_MAX};
    load->failure = inputs_fill(db, task, &inputs);
    if (inputs.bytes > INPUTS_MAX)
        load->failure = INPUTS_TOO_LARGE;
    load->payload.args = arena_str(arena, buf_str(&inputs.args));
    load->payload.kwargs = arena_str(arena, buf_str(&inputs.kwargs));
    inputs_done(&inputs);
}

static void load(struct load *load, struct leased *leased, struct db *db, struct arena *arena)
{
    struct task_row now;
    load->taken_away = !row_by_seq(db, leased->row.seq, &now, arena) ||
                       row_state(&now) != STATE_RUNNING || now.attempt != leased->row.attempt;
    if (load->taken_away)
        return;
    payload_read(db, leased->row.seq, &load->payload, arena);
    load->dependency_count = dependencies_read(db, leased->row.seq, &load->dependencies, arena);
    if (row_is_meta(&leased->row))
        load_inputs(load, leased->row.seq, db, arena);
}

static void query_run(struct query *query, struct db *db)
{
    struct polling *polling = container_of(query, struct polling, query);
    struct poll *poll = &polling->poll;
    size_t bytes = 0;
    polling->loads = ARENA_ARRAY(&poll->arena, struct load, poll->count);
    for (size_t i = 0; i < poll->count; i++) {
        struct load *next = &polling->loads[i];
        next->too_much = bytes > POLL_BYTES;
        if (next->too_much)
            continue;
        load(next, &poll->leases[i], db, &poll->arena);
        bytes += next->payload.args.len + next->payload.kwargs.len;
    }
}

static void query_done(struct query *query, bool failed)
{
    struct polling *polling = container_of(query, struct polling, query);
    polling->failed = failed;
    request_wake(polling->request);
}

/* --- a task that nobody gets ------------------------------------------------------------- */

struct giving_up {
    struct lease_call call;
    struct arena arena; /* owns this */
};

static void given_up(struct command *command)
{
    struct lease_call *call = container_of(command, struct lease_call, command);
    struct arena arena = container_of(call, struct giving_up, call)->arena;
    arena_done(&arena);
}

/* It cannot be run and fails, or is queued again. */
static void give_up(struct engine *engine, const struct leased *leased, const struct load *load)
{
    struct arena arena = {0};
    struct giving_up *giving_up = ARENA_NEW(&arena, struct giving_up);
    giving_up->call = (struct lease_call){
        .kind = load->too_much ? LEASE_BACK : LEASE_ERROR,
        .token = arena_str(&arena, leased->token),
        .failure = {.code = FAILURE_START_FAILED, .message = arena_str(&arena, load->failure)}};
    giving_up->arena = arena;
    giving_up->call.command.arena = &giving_up->arena;
    giving_up->call.command.internal = true;
    lease_call_post(engine, &giving_up->call, given_up);
}

/* --- the answer ------------------------------------------------------------------------------ */

static void add_lease(const struct leased *leased, const struct load *load, int64_t retain,
                      struct buf *body)
{
    const struct task_json task = {.row = &leased->row,
                                   .payload = &load->payload,
                                   .dependencies = load->dependencies,
                                   .dependency_count = load->dependency_count,
                                   .retain = retain};
    buf_addf(body, "{\"lease\":\"%.*s\",\"expires_at\":\"", STR_ARG(leased->token));
    buf_add_time(body, leased->expires_at);
    buf_add_text(body, "\",\"task\":");
    task_json_render(&task, body);
    buf_add_char(body, '}');
}

static void reply_leases(struct request *request)
{
    struct polling *polling = request->state;
    struct poll *poll = &polling->poll;
    struct engine *engine = app_of(request)->engine;
    struct buf body = {0};
    bool first = true;
    buf_add_text(&body, "{\"leases\":[");
    for (size_t i = 0; i < poll->count && !polling->failed; i++) {
        const struct load *load = &polling->loads[i];
        bool nobody = load->failure.data || load->too_much;
        if (nobody)
            give_up(engine, &poll->leases[i], load);
        if (nobody || load->taken_away)
            continue;
        if (!first)
            buf_add_char(&body, ',');
        first = false;
        add_lease(&poll->leases[i], load, engine->config.retain, &body);
    }
    buf_add_text(&body, "]}\n");
    if (!polling->failed) {
        reply_json(request, 200, &body);
        return;
    }
    buf_done(&body);
    reply_refuse(request, PROBLEM_INTERNAL, "the database could not be read");
}

static void polled(struct request *request)
{
    struct polling *polling = request->state;
    struct poll *poll = &polling->poll;
    if (poll->command.problem.code != PROBLEM_NONE) {
        reply_problem(request, &poll->command.problem, STR_NONE);
    } else if (!poll->count) {
        reply_leases(request);
    } else {
        polling->query = (struct query){.run = query_run, .done = query_done};
        request_suspend(request, reply_leases);
        readers_post(&app_of(request)->engine->readers, &polling->query);
    }
}

static void poll_release(void *poll)
{
    arena_done(&((struct poll *)poll)->arena);
}

static void poll_done(struct poll *poll)
{
    request_wake(container_of(poll, struct polling, poll)->request);
}

/* A suspended connection does not notice that its client has left. */
static bool worker_alive(struct poll *poll)
{
    char byte;
    int socket = container_of(poll, struct polling, poll)->socket;
    ssize_t len = socket < 0 ? 1 : recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

/* --- the request --------------------------------------------------------------------------- */

static bool refuse_at(struct request *request, size_t i, enum problem_code code, const char *why)
{
    struct str pointer = arena_printf(&request->arena, "/functions/%zu", i);
    return problem_at(&request->problem, &request->arena, code, pointer, "%s", why);
}

static bool refuse_grant(struct request *request, size_t i, struct str name)
{
    struct str shown = id_valid(name) ? name : STR_NONE;
    struct str why = arena_printf(
        &request->arena, "the token does not have the scope work for the function \"%.*s\"",
        STR_ARG(shown));
    authority_challenge(request, SCOPE_WORK);
    return refuse_at(request, i, PROBLEM_INSUFFICIENT_SCOPE, why.data);
}

static bool read_function(struct request *request, const struct function_set *set, uint32_t node,
                          size_t i, struct str *name)
{
    const struct function_grant *grant = authority_grant(request, SCOPE_WORK);
    if (request->json.nodes[node].type != JSON_STRING)
        return refuse_at(request, i, PROBLEM_INVALID_REQUEST, "this has to be a string");
    *name = json_string(&request->json, node, &request->arena);
    if (grant && !function_granted(grant, *name))
        return refuse_grant(request, i, *name);
    const struct function *function = function_find(set, *name);
    if (!function)
        return refuse_at(request, i, PROBLEM_UNKNOWN_FUNCTION, "there is no function of this name");
    return function->mode == MODE_REMOTE ||
           refuse_at(request, i, PROBLEM_INVALID_REQUEST, "this function is not of mode remote");
}

static bool read_functions(struct request *request, struct poll *poll)
{
    const struct json *json = &request->json;
    uint32_t list = json_member(json, 0, STR("functions"));
    if (!list || json->nodes[list].type != JSON_ARRAY || !json->nodes[list].count ||
        json->nodes[list].count > POLL_FUNCTIONS_MAX)
        return body_refuse(request, "functions", "this has to be an array of 1 to 1000 names");
    struct function_set *set = engine_functions(app_of(request)->engine);
    bool fine = true;
    poll->functions = ARENA_ARRAY(&request->arena, struct str, json->nodes[list].count);
    for (uint32_t i = list + 1; fine && i < json->nodes[list].next; i = json->nodes[i].next) {
        fine = read_function(request, set, i, poll->function_count,
                             &poll->functions[poll->function_count]);
        poll->function_count++;
    }
    function_set_unref(set);
    return fine;
}

static bool read_poll(struct request *request, struct poll *poll)
{
    int64_t wait_ms = 0;
    poll->max = 1;
    poll->ttl = TTL_DEFAULT_MS;
    if (!body_members(request, "functions max wait ttl") || !read_functions(request, poll) ||
        !body_whole(request, "max", 1, POLL_LEASES_MAX, &poll->max) ||
        !body_seconds(request, "wait", 0, INT32_MAX, &wait_ms) ||
        !body_seconds(request, "ttl", 0, TTL_MAX_SECONDS, &poll->ttl))
        return false;
    if (poll->ttl < 1) /* less than a millisecond, rounded, is none */
        return body_refuse(request, "ttl", "this has to be a number of seconds above 0, to 3600");
    if (wait_ms > WAIT_MAX_MS)
        wait_ms = WAIT_MAX_MS;
    poll->until = clock_mono_ns() + wait_ms * 1000000;
    return true;
}

void handle_lease_poll(struct request *request)
{
    struct polling *polling = ARENA_NEW(&request->arena, struct polling);
    struct poll *poll = &polling->poll;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    polling->request = request;
    polling->socket = info ? info->connect_fd : -1;
    poll->command.arena = &request->arena;
    poll->alive = worker_alive;
    poll->done = poll_done;
    if (!read_poll(request, poll)) {
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    request->state = polling;
    request_at_end(request, poll_release, poll);
    request_suspend(request, polled);
    poll_post(app_of(request)->engine, poll);
}
