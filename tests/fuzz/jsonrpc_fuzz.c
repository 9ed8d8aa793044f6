/* A line of a worker: what jsonrpc_read takes is whole and can be handed on, and what it refuses
 * has a reason. And the other way round: what is said to a worker is one line of JSON-RPC. */
#include "executors/jsonrpc.h"
#include "executors/run.h"
#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/rfc8259.h"

static uint32_t member(const struct json *json, uint32_t object, const char *name)
{
    return json->nodes[object].type == JSON_OBJECT ? json_member(json, object, str_of(name)) : 0;
}

static bool is_text(const struct json *json, uint32_t node)
{
    return node && json->nodes[node].type == JSON_STRING;
}

/* {"value":0..100,"message":a string or null} */
static void check_progress(struct str value, struct arena *arena)
{
    struct json json = must_parse(value, arena);
    uint32_t percent = member(&json, 0, "value"), message = member(&json, 0, "message");
    must(json.nodes[0].count == 2 && percent && message);
    must(json.nodes[percent].type == JSON_NUMBER);
    must(json_double(&json, percent) >= 0 && json_double(&json, percent) <= 100);
    must(is_text(&json, message) || json.nodes[message].type == JSON_NULL);
}

static void check_result(const struct json *json, const struct jsonrpc *message,
                         struct arena *arena)
{
    uint32_t result = member(json, 0, "result");
    size_t depth;
    must(result && rfc8259_valid(json_raw(json, result), &depth));
    must(message->too_deep == (depth > JSON_MAX_DEPTH));
    if (message->too_deep)
        return;
    struct json again = must_parse(message->result, arena);
    must(again.count == json->nodes[result].next - result);
    must(!memchr(message->result.data, '\n', message->result.len));
}

static void check_texts(const struct jsonrpc *message)
{
    const struct str texts[] = {message->id, message->text, message->data, message->value};
    for (size_t i = 0; i < array_size(texts); i++)
        must(str_utf8(texts[i]));
}

static void check_message(const struct json *json, const struct jsonrpc *message,
                          struct arena *arena)
{
    uint32_t id = member(json, 0, "id"), method = member(json, 0, "method");
    bool answers = message->kind == JSONRPC_RESULT || message->kind == JSONRPC_ERROR;
    check_texts(message);
    must(answers == !method && (answers || !id));
    must(!answers || (is_text(json, id) && json_string_is(json, id, message->id)));
    switch (message->kind) {
    case JSONRPC_RESULT:
        check_result(json, message, arena);
        return;
    case JSONRPC_ERROR:
        must(message->text.data && !member(json, 0, "result"));
        return;
    case JSONRPC_PROGRESS:
        must(message->id.data);
        check_progress(message->value, arena);
        return;
    case JSONRPC_LOG:
        must(message->id.data && message->text.data);
        return;
    case JSONRPC_OTHER:
        return;
    }
}

/* What nobody could have against it. */
static bool is_plain_result(const struct json *json)
{
    uint32_t version = member(json, 0, "jsonrpc");
    return is_text(json, version) && json_string_is(json, version, STR("2.0")) &&
           is_text(json, member(json, 0, "id")) && !member(json, 0, "method") &&
           member(json, 0, "result") && !member(json, 0, "error");
}

static void check_line(struct str line, const struct json *json, struct arena *arena)
{
    struct jsonrpc message;
    const char *why = NULL;
    if (jsonrpc_read(line, arena, &message, &why)) {
        must(json);
        check_message(json, &message, arena);
    } else {
        must(why && *why);
        must(!json || !is_plain_result(json));
    }
}

/* Arrays are arguments, too. */
static void check_request(const struct json *json, struct arena *arena)
{
    struct buf args = {0}, line = {0};
    json_minify(json, 0, &args);
    const struct jsonrpc_call call = {.id = STR("a_B-9"),
                                      .function = STR("echo"),
                                      .args = buf_str(&args),
                                      .kwargs = STR("{}"),
                                      .attempt = 7};
    jsonrpc_request(&call, &line);
    must(line.len && line.data[line.len - 1] == '\n');
    must(memchr(line.data, '\n', line.len) == line.data + line.len - 1);
    struct json said;
    struct json_error error;
    must(json_parse(buf_str(&line), JSON_MAX_DEPTH + 2, arena, &said, &error));
    uint32_t params = member(&said, 0, "params");
    must(params && str_eq(json_raw(&said, member(&said, params, "args")), call.args));
    buf_done(&args);
    buf_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct json json;
    struct json_error error;
    struct str line = {(const char *)data, size};
    bool valid = json_parse(line, UINT32_MAX, &arena, &json, &error);
    check_line(line, valid ? &json : NULL, &arena);
    if (json_parse(line, JSON_MAX_DEPTH, &arena, &json, &error) && json.nodes[0].type == JSON_ARRAY)
        check_request(&json, &arena);
    arena_done(&arena);
    return 0;
}
