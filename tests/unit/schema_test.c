/* The writing of JSON Schema. */
#include "base/mem.h"
#include "base/schema.h"
#include "tests/unit/check.h"

static void writes_objects(void **state)
{
    struct schema_object object = {0};
    struct buf out = {0};
    (void)state;
    schema_member(&object, "a", "'type':'string'", "the \"first\"", true);
    schema_member(&object, "b", "", NULL, false);
    schema_member(&object, "c", "", "anything", true);
    schema_object_end(&object, "what", "'minProperties':1", &out);
    assert_str(buf_str(&out),
               STR("{\"description\":\"what\",\"type\":\"object\",\"additionalProperties\":false,"
                   "\"required\":[\"a\",\"c\"],\"properties\":{"
                   "\"a\":{\"description\":\"the \\\"first\\\"\",\"type\":\"string\"},\"b\":{},"
                   "\"c\":{\"description\":\"anything\"}},\"minProperties\":1}"));
    out.len = 0;
    schema_object_end(&object, NULL, NULL, &out); /* it is empty again */
    assert_str(buf_str(&out), STR("{\"type\":\"object\",\"additionalProperties\":false,"
                                  "\"required\":[],\"properties\":{}}"));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
