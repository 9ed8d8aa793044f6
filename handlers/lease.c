/* What a worker elsewhere says with its lease: POST …/heartbeat, PUT …/result, PUT …/error. */
#include "engine/lease.h"
#include "base/clock.h"
#include "base/mem.h"
#include "handlers/app.h"
#include "handlers/body.h"
#include "server/authority.h"

#include <string.h>

enum {
    LINE_MAX_BYTES = 65536, /* of a log, as for what runs here; a longer one is cut in pieces */
};

struct calling {
    struct request *request;
    struct lease_call call;
};

static struct lease_call *call_new(struct request *request, enum lease_call_kind kind)
{
    struct calling *calling = ARENA_NEW(&request->arena, struct calling);
    calling->request = request;
    calling->call.kind = kind;
    calling->call.token = request->id;
    calling->call.grant = authority_grant(request, SCOPE_WORK);
    calling->call.command.arena = &request->arena;
    request->state = calling;
    return &calling->call;
}

static void call_done(struct command *command)
{
    struct lease_call *call = container_of(command, struct lease_call, command);
    request_wake(container_of(call, struct calling, call)->request);
}

static void called(struct request *request)
{
    const struct calling *calling = request->state;
    const struct lease_call *call = &calling->call;
    struct buf body = {0};
    if (call->command.problem.code != PROBLEM_NONE) {
        if (call->command.problem.code == PROBLEM_INSUFFICIENT_SCOPE)
            authority_challenge(request, SCOPE_WORK);
        reply_problem(request, &call->command.problem, STR_NONE);
        return;
    }
    if (call->kind == LEASE_HEARTBEAT) {
        buf_addf(&body, "{\"cancel\":%s,\"expires_at\":\"", call->cancel ? "true" : "false");
        buf_add_time(&body, call->expires_at);
        buf_add_text(&body, "\"}\n");
    } else {
        buf_addf(&body, "{\"id\":\"%.*s\",\"state\":\"%.*s\"}\n", STR_ARG(call->id),
                 STR_ARG(call->state));
    }
    reply_json(request, 200, &body);
}

static void call_start(struct request *request, bool fine)
{
    struct calling *calling = request->state;
    if (!fine) {
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    request_suspend(request, called);
    lease_call_post(app_of(request)->engine, &calling->call, call_done);
}

/* --- heartbeat ------------------------------------------------------------------------- */

/* With its line ends, if it has some, as lines of their own. */
static void add_lines(struct buf *log, const char *stream, struct str text)
{
    int64_t now = clock_now();
    do {
        const char *end = text.len ? memchr(text.data, '\n', text.len) : NULL;
        size_t len = end ? (size_t)(end - text.data) : text.len;
        bool whole = len <= LINE_MAX_BYTES;
        if (!whole)
            len = LINE_MAX_BYTES;
        buf_add_time(log, now);
        buf_addf(log, " %s ", stream);
        buf_add_lossy(log, (struct str){text.data, len});
        buf_add_char(log, '\n');
        len += whole && end;
        text = (struct str){text.data + len, text.len - len};
    } while (text.len);
}

static bool read_log(struct request *request, struct str *log)
{
    const struct json *json = &request->json;
    uint32_t list = json_member(json, 0, STR("log"));
    size_t count = 0;
    if (!list || json->nodes[list].type == JSON_NULL)
        return true;
    if (json->nodes[list].type != JSON_ARRAY)
        return body_refuse(request, "log", "this has to be an array of strings");
    struct buf lines = {0};
    bool fine = true;
    for (uint32_t i = list + 1; fine && i < json->nodes[list].next; i = json->nodes[i].next) {
        fine = json->nodes[i].type == JSON_STRING;
        if (fine)
            add_lines(&lines, "log", json_string(json, i, &request->arena));
        else
            problem_at(&request->problem, &request->arena, PROBLEM_INVALID_REQUEST,
                       arena_printf(&request->arena, "/log/%zu", count), "this has to be a string");
        count++;
    }
    if (fine && lines.len)
        *log = arena_str(&request->arena, buf_str(&lines));
    buf_done(&lines);
    return fine;
}

static bool read_progress(struct request *request, struct str *progress)
{
    const struct json *json = &request->json;
    uint32_t value = json_member(json, 0, STR("progress"));
    uint32_t message = json_member(json, 0, STR("message"));
    struct str text = STR_NONE;
    if (!body_text(request, "message", &text))
        return false;
    if (text.len > REPORT_MAX_BYTES)
        return body_refuse(request, "message", "this may have 65536 bytes");
    if (!value || json->nodes[value].type == JSON_NULL)
        return !text.data || body_refuse(request, "message", "this wants a progress beside it");
    double percent = json->nodes[value].type == JSON_NUMBER ? json_double(json, value) : -1;
    if (!(percent >= 0 && percent <= 100))
        return body_refuse(request, "progress", "this has to be a number from 0 to 100");
    struct str number = json_raw(json, value);
    if (number.len > PROGRESS_MAX_BYTES)
        return body_refuse(request, "progress", "this may have 32 digits");
    struct str raw = text.data ? json_raw(json, message) : STR("null");
    *progress = arena_printf(&request->arena, "{\"value\":%.*s,\"message\":%.*s}", STR_ARG(number),
                             STR_ARG(raw));
    return true;
}

void handle_lease_heartbeat(struct request *request)
{
    struct lease_call *call = call_new(request, LEASE_HEARTBEAT);
    call_start(request, !request->has_json || (body_members(request, "progress message log") &&
                                               read_progress(request, &call->progress) &&
                                               read_log(request, &call->log)));
}

/* --- the end ------------------------------------------------------------------------------ */

void handle_lease_result(struct request *request)
{
    struct lease_call *call = call_new(request, LEASE_RESULT);
    call->result = buf_str(&request->body);
    call_start(request, true);
}

/* Those that say more than a worker can know are not for it. */
static bool read_code(struct request *request, enum failure_code *code)
{
    struct str text = STR_NONE;
    *code = FAILURE_FUNCTION_ERROR;
    if (!body_text(request, "code", &text))
        return false;
    bool fine = !text.data || failure_parse(text, code);
    if (fine && *code != FAILURE_EXIT_STATUS && *code != FAILURE_SIGNAL &&
        *code != FAILURE_DEPENDENCY_FAILED)
        return true;
    return body_refuse(request, "code",
                       "this has to be one of function-error, start-failed, invalid-result, "
                       "result-too-large, timeout, worker-lost, http-status, interrupted and "
                       "cancelled");
}

static bool read_error(struct request *request, struct lease_call *call)
{
    bool retry = true;
    struct str message = STR("the worker said no more");
    if (!body_members(request, "code message data retry") ||
        !read_code(request, &call->failure.code) || !body_text(request, "message", &message) ||
        !body_flag(request, "retry", &retry))
        return false;
    call->failure.message = message;
    call->final = !retry;
    return true;
}

static void read_data(struct request *request, struct lease_call *call)
{
    struct buf text = {0}, log = {0};
    uint32_t data = json_member(&request->json, 0, STR("data"));
    if (!data || request->json.nodes[data].type == JSON_NULL)
        return;
    json_minify(&request->json, data, &text);
    add_lines(&log, "data", buf_str(&text));
    call->log = arena_str(&request->arena, buf_str(&log));
    buf_done(&text);
    buf_done(&log);
}

void handle_lease_error(struct request *request)
{
    struct lease_call *call = call_new(request, LEASE_ERROR);
    bool fine = read_error(request, call);
    if (fine)
        read_data(request, call);
    call_start(request, fine);
}
