/* Results put in the places of $task objects. */
#include "base/mem.h"
#include "model/template.h"
#include "tests/unit/check.h"

static const struct str values[] = {STR("V0"), STR("{\"v\":1}"), STR("\"V2\""), STR("[3]")};

static const struct {
    struct str text, filled;
    size_t used;
} rows[] = {
    /* nothing to fill */
    {STR("[]"), STR("[]"), 0},
    {STR("{}"), STR("{}"), 0},
    {STR("[1,\"$task\",null,{\"a\":[true]}]"), STR("[1,\"$task\",null,{\"a\":[true]}]"), 0},
    {STR("[12345678901234567890,1E400,\"\\u0000\"]"),
     STR("[12345678901234567890,1E400,\"\\u0000\"]"), 0},
    {STR("{\"task\":\"x\",\"$tasks\":1}"), STR("{\"task\":\"x\",\"$tasks\":1}"), 0},
    {STR("{\"a\":\"$task\"}"), STR("{\"a\":\"$task\"}"), 0},
    /* one place */
    {STR("[{\"$task\":\"x\"}]"), STR("[V0]"), 1},
    {STR("{\"k\":{\"$task\":\"x\"}}"), STR("{\"k\":V0}"), 1},
    {STR("[{\"$task\":\"x\",\"optional\":true}]"), STR("[V0]"), 1},
    {STR("[{\"optional\":true,\"$task\":\"x\"}]"), STR("[V0]"), 1},
    {STR("[{\"\\u0024task\":\"x\"}]"), STR("[V0]"), 1},
    {STR("[0,{\"$task\":\"x\"},2]"), STR("[0,V0,2]"), 1},
    {STR("[[[{\"a\":{\"b\":[{\"$task\":\"x\"}]}}]]]"), STR("[[[{\"a\":{\"b\":[V0]}}]]]"), 1},
    /* several, in the order in which they stand */
    {STR("[{\"$task\":\"x\"},{\"$task\":\"y\"}]"), STR("[V0,{\"v\":1}]"), 2},
    {STR("[{\"$task\":\"x\"},{\"$task\":\"x\"}]"), STR("[V0,{\"v\":1}]"), 2},
    {STR("[{\"a\":{\"$task\":\"x\"},\"b\":7,\"c\":[{\"$task\":\"y\"}]},{\"$task\":\"z\"}]"),
     STR("[{\"a\":V0,\"b\":7,\"c\":[{\"v\":1}]},\"V2\"]"), 3},
    {STR("{\"z\":{\"$task\":\"1\"},\"a\":{\"$task\":\"2\"},\"m\":{\"$task\":\"3\"},\"b\":{\"$"
         "task\":"
         "\"4\"}}"),
     STR("{\"z\":V0,\"a\":{\"v\":1},\"m\":\"V2\",\"b\":[3]}"), 4},
    /* an inline task is one place, whatever is in it */
    {STR("[{\"$task\":{\"process\":\"merge\",\"args\":[{\"$task\":\"x\"},{\"$value\":1}]}},2]"),
     STR("[V0,2]"), 1},
    {STR("[{\"$task\":{\"function\":\"f\",\"args\":[{\"$task\":{}}]}},{\"$task\":\"y\"}]"),
     STR("[V0,{\"v\":1}]"), 2},
    /* literals */
    {STR("[{\"$value\":{\"$task\":\"x\"}}]"), STR("[{\"$task\":\"x\"}]"), 0},
    {STR("[{\"$value\":1},{\"$value\":null},{\"$value\":[]}]"), STR("[1,null,[]]"), 0},
    {STR("[{\"$value\":{\"$value\":1}}]"), STR("[{\"$value\":1}]"), 0},
    {STR("{\"a\":{\"$value\":\"\\ud800\"}}"), STR("{\"a\":\"\\ud800\"}"), 0},
    {STR("[{\"$value\":{\"$task\":\"x\"}},{\"$task\":\"y\"}]"), STR("[{\"$task\":\"x\"},V0]"), 1},
    {STR("[{\"$task\":\"y\"},{\"$value\":[{\"$task\":\"x\"}]},{\"$task\":\"z\"}]"),
     STR("[V0,[{\"$task\":\"x\"}],{\"v\":1}]"), 2},
    /* with another member beside it, $value is a name like any other */
    {STR("[{\"$value\":1,\"a\":2}]"), STR("[{\"$value\":1,\"a\":2}]"), 0},
    {STR("[{\"$value\":{\"$task\":\"x\"},\"a\":2}]"), STR("[{\"$value\":V0,\"a\":2}]"), 1},
};

static void fills_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct buf out = {0};
        size_t used = 0;
        template_fill(rows[i].text, values, &used, &out);
        assert_row(rows[i].text, template_places(rows[i].text) == used);
        assert_str(buf_str(&out), rows[i].filled);
        assert_row(rows[i].text, used == rows[i].used);
        buf_done(&out);
    }
}

/* kwargs go on where args stopped; what is in the buffer already stays. */
static void goes_on_counting(void **state)
{
    struct buf out = {0};
    size_t used = 0;
    (void)state;
    buf_add_text(&out, "args ");
    template_fill(STR("[{\"$task\":\"x\"},{\"$task\":\"y\"}]"), values, &used, &out);
    assert_int_equal(used, 2);
    buf_add_text(&out, " kwargs ");
    template_fill(STR("{\"k\":{\"$task\":\"z\"},\"l\":{\"$task\":\"w\"}}"), values, &used, &out);
    assert_int_equal(used, 4);
    assert_str(buf_str(&out), STR("args [V0,{\"v\":1}] kwargs {\"k\":\"V2\",\"l\":[3]}"));
    buf_done(&out);
}

/* As deep as a request may be: 126 arrays, an object, and what is in it. */
static void fills_at_any_depth(void **state)
{
    struct buf text = {0}, want = {0}, out = {0};
    size_t used = 0;
    (void)state;
    for (int i = 0; i < 127; i++) {
        buf_add_text(&text, "[");
        buf_add_text(&want, "[");
    }
    buf_add_text(&text, "{\"$task\":\"x\"}");
    buf_add_text(&want, "V0");
    for (int i = 0; i < 127; i++) {
        buf_add_text(&text, "]");
        buf_add_text(&want, "]");
    }
    template_fill(buf_str(&text), values, &used, &out);
    assert_str(buf_str(&out), buf_str(&want));
    assert_int_equal(used, 1);
    buf_done(&text);
    buf_done(&want);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_places),
        cmocka_unit_test(goes_on_counting),
        cmocka_unit_test(fills_at_any_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
