/* What a process writes, in pieces as they come: its result, its log and its reports. The first
 * byte says which of its outputs it is, the second how it ended, the third how long the pieces are.
 */
#include "executors/process.h"
#include "executors/result.h"
#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/rfc8259.h"

enum { MAX_RESULT = 64 };

/* What the host was told, a line each: "P" or "L" before it. */
static struct buf told;

static void tell(char kind, struct str line)
{
    buf_add_char(&told, kind);
    buf_add_str(&told, line);
    buf_add_char(&told, '\n');
}

static void progressed(struct run *run, struct str value)
{
    must_parse(value, &run->arena);
    must(!memchr(value.data, '\n', value.len));
    tell('P', STR(""));
}

static void logged(struct run *run, const char *stream, struct str line)
{
    const struct process *process = run->state;
    must(strcmp(stream, process->streams[ERR].process ? "stderr" : "report") == 0);
    tell('L', line);
}

static bool is_blank(struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (!strchr(" \t\r", line.data[i]) || !line.data[i])
            return false;
    }
    return true;
}

static bool is_report(struct str line, struct arena *arena)
{
    struct json json;
    struct json_error error;
    if (!json_parse(line, JSON_MAX_DEPTH, arena, &json, &error) ||
        json.nodes[0].type != JSON_OBJECT)
        return false;
    uint32_t value = json_member(&json, 0, STR("progress"));
    uint32_t message = json_member(&json, 0, STR("message"));
    if (!value || json.nodes[value].type != JSON_NUMBER)
        return false;
    double percent = json_double(&json, value);
    return percent >= 0 && percent <= 100 &&
           (!message || json.nodes[message].type == JSON_STRING ||
            json.nodes[message].type == JSON_NULL);
}

/* Line by line, however it came. */
static void check_told(struct str text, bool reports, struct arena *arena)
{
    struct buf want = {0};
    while (text.data && text.len) {
        struct str line = str_cut(&text, '\n');
        bool report = reports && is_report(line, arena);
        if (reports && is_blank(line))
            continue;
        buf_add_char(&want, report ? 'P' : 'L');
        if (!report)
            buf_add_str(&want, line);
        buf_add_char(&want, '\n');
    }
    must(str_eq(buf_str(&want), buf_str(&told)));
    buf_done(&want);
}

/* Design 2.1: one JSON value, else the text as a string, nothing as null. */
static void check_result(struct str text, const struct outcome *outcome, struct arena *arena)
{
    size_t depth;
    bool valid = rfc8259_valid(text, &depth);
    if (!outcome->succeeded) {
        must(outcome->failure.code == FAILURE_RESULT_TOO_LARGE ||
             outcome->failure.code == FAILURE_INVALID_RESULT);
        must(outcome->failure.code == FAILURE_RESULT_TOO_LARGE || !str_utf8(text) ||
             (valid && depth > JSON_MAX_DEPTH) || !valid);
        must(outcome->failure.code == FAILURE_INVALID_RESULT || text.len > MAX_RESULT / 6 - 2);
        return;
    }
    struct json json = must_parse(outcome->result, arena), own;
    struct json_error error;
    must(outcome->result.len <= MAX_RESULT &&
         !memchr(outcome->result.data, '\n', outcome->result.len));
    if (!text.len) {
        must(json.nodes[0].type == JSON_NULL);
    } else if (valid) {
        must(json_parse(text, JSON_MAX_DEPTH, arena, &own, &error) && own.count == json.count);
    } else {
        text.len -= text.data[text.len - 1] == '\n';
        must(json.nodes[0].type == JSON_STRING && json_string_is(&json, 0, text));
    }
}

/* A process that failed says why with the last line that it wrote. */
static void check_failure(const struct outcome *outcome)
{
    must(outcome->failure.code == FAILURE_EXIT_STATUS || outcome->failure.code == FAILURE_SIGNAL);
    must(outcome->failure.message.len && str_utf8(outcome->failure.message));
}

static void check_outcome(struct process *process, uint8_t how, struct str text)
{
    process->child.status.si_code = how & 1 ? CLD_KILLED : CLD_EXITED;
    process->child.status.si_status = how >> 1;
    struct outcome outcome = process_outcome(process);
    if (process->too_large)
        must(outcome.failure.code == FAILURE_RESULT_TOO_LARGE &&
             (int64_t)text.len > result_room(process->run));
    else if (how)
        check_failure(&outcome);
    else
        check_result(text, &outcome, &process->run->arena);
}

static void feed(struct stream *stream, struct str text, uint8_t piece)
{
    while (text.len) {
        size_t len = piece && piece < text.len ? piece : text.len;
        char *copy = malloc(len); /* of its own size, for the sanitizer */
        memcpy(copy, text.data, len);
        stream_take(stream, (struct str){copy, len});
        free(copy);
        text.data += len;
        text.len -= len;
        piece = piece > 1 && text.len % 3 == 0 ? piece - 1 : piece;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct function function = {.name = STR("f")};
    struct run_host host = {.max_result = MAX_RESULT, .progressed = progressed, .logged = logged};
    struct process process = {.child.exited = true}; /* nothing to be killed */
    struct run run = {.function = &function, .host = &host, .state = &process};
    if (size < 3)
        return 0;
    int which = data[0] % STREAMS;
    struct str text = {(const char *)data + 3, size - 3};
    process.run = &run;
    process.streams[which].process = &process;
    feed(&process.streams[which], text, data[2]);
    streams_finish(&process);
    if (which != OUT)
        check_told(text, which == REPORT, &run.arena);
    check_outcome(&process, data[1], which == OUT ? text : STR(""));
    for (int i = 0; i < STREAMS; i++)
        buf_done(&process.streams[i].text);
    buf_done(&told);
    arena_done(&run.arena);
    return 0;
}
