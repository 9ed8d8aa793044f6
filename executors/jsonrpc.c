#include "executors/jsonrpc.h"

#include "base/json.h"
#include "executors/run.h"

#include <limits.h>

void jsonrpc_request(const struct jsonrpc_call *call, struct buf *out)
{
    buf_addf(out, "{\"jsonrpc\":\"2.0\",\"id\":\"%.*s\",\"method\":\"%.*s\",\"params\":{\"args\":",
             STR_ARG(call->id), STR_ARG(call->function));
    buf_add_str(out, call->args);
    buf_add_text(out, ",\"kwargs\":");
    buf_add_str(out, call->kwargs);
    buf_addf(out, ",\"attempt\":%lld}}\n", (long long)call->attempt);
}

void jsonrpc_cancel(struct str id, struct buf *out)
{
    buf_addf(out, "{\"jsonrpc\":\"2.0\",\"method\":\"cancel\",\"params\":{\"id\":\"%.*s\"}}\n",
             STR_ARG(id));
}

/* The value of a member that has to be a string; STR_NONE: it is not there, or is none. */
static struct str member_string(const struct json *json, uint32_t object, struct str name,
                                struct arena *arena)
{
    if (json->nodes[object].type != JSON_OBJECT)
        return STR_NONE;
    uint32_t node = json_member(json, object, name);
    return node && json->nodes[node].type == JSON_STRING ? json_string(json, node, arena)
                                                         : STR_NONE;
}

static struct str minified(const struct json *json, uint32_t node, struct arena *arena)
{
    struct buf text = {0};
    json_minify(json, node, &text);
    struct str copy = arena_str(arena, buf_str(&text));
    buf_done(&text);
    return copy;
}

/* Progress and log lines that are not what they should be are nobody's loss: OTHER. */
static void read_notification(const struct json *json, uint32_t method, struct arena *arena,
                              struct jsonrpc *message)
{
    uint32_t params = json_member(json, 0, STR("params"));
    struct str id = params ? member_string(json, params, STR("id"), arena) : STR_NONE;
    *message = (struct jsonrpc){.kind = JSONRPC_OTHER, .id = id};
    if (!id.data)
        return;
    if (json_string_is(json, method, STR("log"))) {
        message->text = member_string(json, params, STR("line"), arena);
        message->kind = message->text.data ? JSONRPC_LOG : JSONRPC_OTHER;
    } else if (json_string_is(json, method, STR("progress"))) {
        struct buf value = {0};
        if (run_progress(json, params, &value)) {
            message->kind = JSONRPC_PROGRESS;
            message->value = arena_str(arena, buf_str(&value));
        }
        buf_done(&value);
    }
}

static bool read_error(const struct json *json, uint32_t error, struct arena *arena,
                       struct jsonrpc *message, const char **why)
{
    *why = "\"error\" has to be an object with a number \"code\" and a string \"message\"";
    if (json->nodes[error].type != JSON_OBJECT)
        return false;
    uint32_t code = json_member(json, error, STR("code"));
    uint32_t data = json_member(json, error, STR("data"));
    message->kind = JSONRPC_ERROR;
    message->text = member_string(json, error, STR("message"), arena);
    if (!code || json->nodes[code].type != JSON_NUMBER || !message->text.data)
        return false;
    if (!json_int(json, code, &message->code))
        message->code = 0;
    if (data && json->nodes[data].type == JSON_STRING)
        message->data = json_string(json, data, arena);
    else if (data && json->nodes[data].type != JSON_NULL)
        message->data = minified(json, data, arena);
    return true;
}

/* Whether the value alone has no more levels than it may have. */
static bool shallow(const struct json *json, uint32_t node, struct arena *arena)
{
    struct json again;
    struct json_error error;
    return json_parse(json_raw(json, node), JSON_MAX_DEPTH, arena, &again, &error);
}

static bool read_answer(const struct json *json, bool deep, struct arena *arena,
                        struct jsonrpc *message, const char **why)
{
    uint32_t result = json_member(json, 0, STR("result"));
    uint32_t error = json_member(json, 0, STR("error"));
    *message =
        (struct jsonrpc){.kind = JSONRPC_RESULT, .id = member_string(json, 0, STR("id"), arena)};
    *why = "an answer has to have either \"result\" or \"error\"";
    if (!result == !error)
        return false;
    *why = "the \"id\" of an answer has to be a task's";
    if (!message->id.data)
        return false;
    if (error)
        return read_error(json, error, arena, message, why);
    message->too_deep = deep && !shallow(json, result, arena);
    if (!message->too_deep)
        message->result = minified(json, result, arena);
    return true;
}

bool jsonrpc_read(struct str line, struct arena *arena, struct jsonrpc *message, const char **why)
{
    struct json json;
    struct json_error error = {0};
    bool fine = json_parse(line, JSON_MAX_DEPTH + 1, arena, &json, &error);
    bool deep = !fine && error.too_deep;
    if (deep) /* it is JSON perhaps, and then there is a task that can be told */
        fine = json_parse(line, UINT_MAX, arena, &json, &error);
    *why = "it is no JSON";
    if (!fine)
        return false;
    *why = "it is no JSON-RPC message";
    if (json.nodes[0].type != JSON_OBJECT)
        return false;
    uint32_t version = json_member(&json, 0, STR("jsonrpc"));
    uint32_t method = json_member(&json, 0, STR("method"));
    *why = "\"jsonrpc\" has to be \"2.0\"";
    if (!version || json.nodes[version].type != JSON_STRING ||
        !json_string_is(&json, version, STR("2.0")))
        return false;
    if (!method)
        return read_answer(&json, deep, arena, message, why);
    *why = "a worker may notify, but not ask";
    if (json_member(&json, 0, STR("id")))
        return false;
    *why = "\"method\" has to be a string";
    if (json.nodes[method].type != JSON_STRING)
        return false;
    read_notification(&json, method, arena, message);
    return true;
}
