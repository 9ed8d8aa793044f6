/* What is said to workers, and what they may say. */
#include "base/json.h"
#include "base/mem.h"
#include "executors/jsonrpc.h"
#include "tests/unit/check.h"

static void makes_messages(void **state)
{
    (void)state;
    struct buf out = {0};
    const struct jsonrpc_call call = {.id = STR("t1"),
                                      .function = STR("add"),
                                      .args = STR("[1,1E400]"),
                                      .kwargs = STR("{\"a\":\"\\u0000\"}"),
                                      .attempt = 3};
    jsonrpc_request(&call, &out);
    assert_str(buf_str(&out),
               STR("{\"jsonrpc\":\"2.0\",\"id\":\"t1\",\"method\":\"add\",\"params\":"
                   "{\"args\":[1,1E400],\"kwargs\":{\"a\":\"\\u0000\"},\"attempt\":3}}\n"));
    out.len = 0;
    jsonrpc_cancel(STR("t1"), &out);
    assert_str(buf_str(&out), STR("{\"jsonrpc\":\"2.0\",\"method\":\"cancel\","
                                  "\"params\":{\"id\":\"t1\"}}\n"));
    buf_done(&out);
}

#define V "{\"jsonrpc\":\"2.0\","

static struct jsonrpc good(struct str line, struct arena *arena)
{
    struct jsonrpc message;
    const char *why = NULL;
    if (!jsonrpc_read(line, arena, &message, &why))
        fail_msg("refused, %s: %.*s", why, STR_ARG(line));
    return message;
}

static void reads_results(void **state)
{
    static const struct {
        struct str line, id, result;
    } rows[] = {
        {STR_INIT(V "\"id\":\"a\",\"result\":null}"), STR_INIT("a"), STR_INIT("null")},
        {STR_INIT(" {\"id\":\"a\" , \"result\" : [ 1.50, \"x y\" ,{ } ] , \"jsonrpc\":\"2.0\"}\r"),
         STR_INIT("a"), STR_INIT("[1.50,\"x y\",{}]")},
        {STR_INIT(V "\"id\":\"\\u0061-1\",\"result\":12345678901234567890}"), STR_INIT("a-1"),
         STR_INIT("12345678901234567890")},
        {STR_INIT(V "\"id\":\"a\",\"result\":\"\\ud800\\u0000\"}"), STR_INIT("a"),
         STR_INIT("\"\\ud800\\u0000\"")},
        {STR_INIT(V "\"more\":1,\"id\":\"a\",\"result\":{\"b\":1,\"a\":2,\"b\":3}}"), STR_INIT("a"),
         STR_INIT("{\"b\":1,\"a\":2,\"b\":3}")},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct arena arena = {0};
        struct jsonrpc message = good(rows[i].line, &arena);
        assert_row(rows[i].line, message.kind == JSONRPC_RESULT && !message.too_deep);
        assert_str(message.id, rows[i].id);
        assert_str(message.result, rows[i].result);
        arena_done(&arena);
    }
}

static void reads_errors(void **state)
{
    static const struct {
        struct str line;
        int64_t code;
        struct str text, data;
    } rows[] = {
        {STR_INIT(V "\"id\":\"a\",\"error\":{\"code\":-32000,\"message\":\"no\"}}"),
         -32000,
         STR_INIT("no"),
         {NULL, 0}},
        {STR_INIT(V "\"id\":\"a\",\"error\":{\"code\":-32099,\"message\":\"\",\"data\":null}}"),
         JSONRPC_SAFE_EXIT,
         STR_INIT(""),
         {NULL, 0}},
        {STR_INIT(V "\"id\":\"a\",\"error\":{\"code\":1e99,\"message\":\"\\u00e9\","
                    "\"data\":\"x\\ny\"}}"),
         0, STR_INIT("\xc3\xa9"), STR_INIT("x\ny")},
        {STR_INIT(V
                  "\"id\":\"a\",\"error\":{\"code\":1,\"message\":\"m\",\"data\":{ \"k\": [1] }}}"),
         1, STR_INIT("m"), STR_INIT("{\"k\":[1]}")},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct arena arena = {0};
        struct jsonrpc message = good(rows[i].line, &arena);
        assert_row(rows[i].line, message.kind == JSONRPC_ERROR && message.code == rows[i].code);
        assert_str(message.text, rows[i].text);
        assert_str(message.data, rows[i].data);
        arena_done(&arena);
    }
}

#define PROGRESS V "\"method\":\"progress\",\"params\":"
#define LOG      V "\"method\":\"log\",\"params\":"

static void reads_notifications(void **state)
{
    static const struct {
        struct str line;
        enum jsonrpc_kind kind;
        struct str id, text;
    } rows[] = {
        {STR_INIT(PROGRESS "{\"id\":\"a\",\"progress\":4.50,\"message\":\"h\\n\"}}"),
         JSONRPC_PROGRESS, STR_INIT("a"), STR_INIT("{\"value\":4.50,\"message\":\"h\\n\"}")},
        {STR_INIT(PROGRESS "{\"id\":\"a\",\"progress\":0}}"), JSONRPC_PROGRESS, STR_INIT("a"),
         STR_INIT("{\"value\":0,\"message\":null}")},
        {STR_INIT(PROGRESS "{\"id\":\"a\",\"progress\":101}}"), JSONRPC_OTHER, STR_INIT("a"), {0}},
        {STR_INIT(PROGRESS "{\"id\":\"a\",\"progress\":\"1\"}}"),
         JSONRPC_OTHER,
         STR_INIT("a"),
         {0}},
        {STR_INIT(PROGRESS "{\"id\":\"a\",\"progress\":5.0000000000000000000000000000000}}"),
         JSONRPC_OTHER,
         STR_INIT("a"),
         {0}},
        {STR_INIT(PROGRESS "{\"progress\":1}}"), JSONRPC_OTHER, {0}, {0}},
        {STR_INIT(PROGRESS "[1]}"), JSONRPC_OTHER, {0}, {0}},
        {STR_INIT(LOG "{\"id\":\"a\",\"line\":\"x\\u0000y\"}}"), JSONRPC_LOG, STR_INIT("a"),
         STR_INIT("x\0y")},
        {STR_INIT(LOG "{\"id\":\"a\",\"line\":\"\"}}"), JSONRPC_LOG, STR_INIT("a"), STR_INIT("")},
        {STR_INIT(LOG "{\"id\":\"a\",\"line\":7}}"), JSONRPC_OTHER, STR_INIT("a"), {0}},
        {STR_INIT(LOG "{\"id\":7,\"line\":\"x\"}}"), JSONRPC_OTHER, {0}, {0}},
        {STR_INIT(V "\"method\":\"log\"}"), JSONRPC_OTHER, {0}, {0}},
        {STR_INIT(V "\"method\":\"hello\",\"params\":{\"id\":\"a\"}}"),
         JSONRPC_OTHER,
         STR_INIT("a"),
         {0}},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct arena arena = {0};
        struct jsonrpc message = good(rows[i].line, &arena);
        assert_row(rows[i].line, message.kind == rows[i].kind);
        assert_str(message.id, rows[i].id);
        assert_str(message.kind == JSONRPC_LOG ? message.text : message.value, rows[i].text);
        arena_done(&arena);
    }
}

static void refuses_nonsense(void **state)
{
    static const struct str lines[] = {
        STR_INIT("hello"),
        STR_INIT("{"),
        STR_INIT("[" V "\"id\":\"a\",\"result\":1}]"),
        STR_INIT("1"),
        STR_INIT(V "\"id\":\"a\",\"result\":1} x"),
        STR_INIT(V "\"id\":\"a\",\"result\":01}"),
        STR_INIT(V "\"id\":\"a\",\"result\":\"\xff\"}"),
        STR_INIT("{\"id\":\"a\",\"result\":1}"),
        STR_INIT("{\"jsonrpc\":2.0,\"id\":\"a\",\"result\":1}"),
        STR_INIT("{\"jsonrpc\":\"1.0\",\"id\":\"a\",\"result\":1}"),
        STR_INIT(V "\"id\":\"a\"}"),
        STR_INIT(V "\"id\":\"a\",\"result\":1,\"error\":null}"),
        STR_INIT(V "\"id\":1,\"result\":1}"),
        STR_INIT(V "\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error\"}}"),
        STR_INIT(V "\"result\":1}"),
        STR_INIT(V "\"id\":\"a\",\"error\":\"no\"}"),
        STR_INIT(V "\"id\":\"a\",\"error\":null}"),
        STR_INIT(V "\"id\":\"a\",\"error\":{\"message\":\"no\"}}"),
        STR_INIT(V "\"id\":\"a\",\"error\":{\"code\":\"1\",\"message\":\"no\"}}"),
        STR_INIT(V "\"id\":\"a\",\"error\":{\"code\":1}}"),
        STR_INIT(V "\"id\":\"a\",\"error\":{\"code\":1,\"message\":2}}"),
        STR_INIT(V "\"id\":\"a\",\"method\":\"log\",\"params\":{\"id\":\"a\",\"line\":\"x\"}}"),
        STR_INIT(V "\"method\":1}"),
    };
    (void)state;
    for (size_t i = 0; i < array_size(lines); i++) {
        struct arena arena = {0};
        struct jsonrpc message;
        const char *why = NULL;
        assert_row(lines[i], !jsonrpc_read(lines[i], &arena, &message, &why) && why);
        arena_done(&arena);
    }
}

static void add_deep(struct buf *line, int levels, const char *before, const char *after)
{
    line->len = 0;
    buf_add_text(line, before);
    for (int i = 0; i < levels; i++)
        buf_add_char(line, '[');
    for (int i = 0; i < levels; i++)
        buf_add_char(line, ']');
    buf_add_text(line, after);
}

/* The limit is that of the result by itself; the answer around it does not count. */
static void measures_depth(void **state)
{
    (void)state;
    struct buf line = {0};
    for (int levels = JSON_MAX_DEPTH - 1; levels <= JSON_MAX_DEPTH + 2; levels++) {
        struct arena arena = {0};
        add_deep(&line, levels, V "\"id\":\"a\",\"result\":", "}");
        struct jsonrpc message = good(buf_str(&line), &arena);
        assert_int_equal(message.too_deep, levels > JSON_MAX_DEPTH);
        assert_int_equal(message.result.len, message.too_deep ? 0 : 2 * levels);
        add_deep(&line, levels, V "\"x\":", ",\"id\":\"a\",\"result\":[1]}");
        message = good(buf_str(&line), &arena);
        assert_false(message.too_deep);
        assert_str(message.result, STR("[1]"));
        add_deep(&line, levels,
                 V "\"id\":\"a\",\"error\":{\"code\":1,\"message\":\"\",\"data\":", "}}");
        assert_int_equal(good(buf_str(&line), &arena).data.len, 2 * levels);
        arena_done(&arena);
    }
    struct arena arena = {0};
    add_deep(&line, 1000000, V "\"id\":\"a\",\"result\":", "}");
    assert_true(good(buf_str(&line), &arena).too_deep);
    arena_done(&arena);
    buf_done(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_messages),   cmocka_unit_test(reads_results),
        cmocka_unit_test(reads_errors),     cmocka_unit_test(reads_notifications),
        cmocka_unit_test(refuses_nonsense), cmocka_unit_test(measures_depth),
    };
    return cmocka_run_group_tests_name("jsonrpc", tests, NULL, NULL);
}
