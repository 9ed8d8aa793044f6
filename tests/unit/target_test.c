/* server/target: what is asked for, and the parameters of a query. */
#include "server/target.h"
#include "tests/unit/check.h"

#include <string.h>

static void hides_and_reveals_a_query(void **state)
{
    (void)state;
    char target[] = "/v1/tasks?a=1&b?", bare[] = "/v1/tasks", empty[] = "/v1/tasks?";
    struct hidden_query query = target_hide(target);
    assert_string_equal(target, "/v1/tasks?");
    assert_true(str_eq(target_reveal(&query), STR("a=1&b?")));
    query = target_hide(bare);
    assert_null(target_reveal(&query).data);
    query = target_hide(empty);
    assert_int_equal(target_reveal(&query).len, 0);
    assert_string_equal(empty, "/v1/tasks?");
}

static void finds_the_authority(void **state)
{
    static const struct {
        const char *target, *authority, *path;
    } rows[] = {
        {"/healthz", NULL, "/healthz"},
        {"*", NULL, "*"},
        {"http:/healthz", NULL, "http:/healthz"},
        {"https://a/healthz", NULL, "https://a/healthz"},
        {"http://a:80/healthz", "a:80", "/healthz"},
        {"HTTP://[::1]//x", "[::1]", "//x"},
        {"http://a", "a", "/"},
        {"http:///x", "", "/x"},
        {"http://", "", "/"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str path = str_of(rows[i].target), authority = target_authority(&path);
        assert_int_equal(authority.data != NULL, rows[i].authority != NULL);
        assert_true(str_eq(authority, str_of(rows[i].authority)));
        assert_true(str_eq(path, str_of(rows[i].path)));
    }
}

static void decodes_a_path(void **state)
{
    (void)state;
    char text[] = "/a%2Fb%20+%00%zz%4%";
    assert_int_equal(target_decode(text), strlen("/a/b +%00%zz%4%"));
    assert_string_equal(text, "/a/b +%00%zz%4%");
}

static void reads_parameters(void **state)
{
    struct arena arena = {0};
    struct str query = STR("a=1&b&&c%3D=%26=+&"), name, value;
    (void)state;
    assert_true(query_next(&query, &name, &value));
    assert_true(str_eq(name, STR("a")) && str_eq(value, STR("1")));
    assert_true(query_next(&query, &name, &value));
    assert_true(str_eq(name, STR("b")) && value.data && !value.len);
    assert_true(query_next(&query, &name, &value));
    assert_true(!name.len && !value.len);
    assert_true(query_next(&query, &name, &value));
    assert_true(query_means(name, STR("c=")));
    assert_false(query_means(name, STR("c")));
    assert_false(query_means(name, STR("c=d")));
    assert_true(str_eq(query_decode(value, &arena), STR("&= ")));
    assert_false(query_next(&query, &name, &value));
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hides_and_reveals_a_query),
        cmocka_unit_test(finds_the_authority),
        cmocka_unit_test(decodes_a_path),
        cmocka_unit_test(reads_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
