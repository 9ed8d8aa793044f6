/* The token file: what it may say, what each line allows, and that a broken one is refused with the
 * number of its line. */
#include "base/mem.h"
#include "server/tokens.h"
#include "tests/unit/check.h"

#include <string.h>

/* SHA-256 of "a", "b" and "c". */
#define A "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
#define B "sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"
#define C "sha256:2E7D2C03A9507AE265ECF5B5356885A53393A2029D241394997265A1A25AEFC6"

static struct tokens *parse(const char *file)
{
    struct tokens_fault fault = {0};
    struct tokens *tokens = tokens_parse(str_of(file), &fault);
    if (!tokens)
        fail_msg("\"%s\": line %zu: %s", file, fault.line, fault.what);
    return tokens;
}

static bool allows(const struct tokens *tokens, const char *token, enum scope scope,
                   const char *function)
{
    const struct token *found = tokens_find(tokens, str_of(token));
    return found && token_allows(found, scope, str_of(function));
}

static void takes_a_single_token(void **state)
{
    static const char *const files[] = {"secret", "secret\n", "secret \r\n\n\t"};
    (void)state;
    for (size_t i = 0; i < array_size(files); i++) {
        struct tokens *tokens = parse(files[i]);
        assert_int_equal(tokens->count, 1);
        for (int scope = 0; scope < SCOPES; scope++)
            assert_true(allows(tokens, "secret", (enum scope)scope, NULL));
        assert_null(tokens_find(tokens, STR("secret2")));
        assert_null(tokens_find(tokens, STR("")));
        tokens_unref(tokens);
    }
}

static void takes_lines(void **state)
{
    struct tokens *tokens = parse("# who may what\n"
                                  "\n" A " read,cancel   the dashboard \r\n"
                                  "\t" B "\tsubmit:resize,submit:crop,read\n" C " admin root\n");
    (void)state;
    assert_int_equal(tokens->count, 3);
    assert_str(tokens->items[0].name, STR("the dashboard"));
    assert_null(tokens->items[1].name.data);
    assert_str(tokens->items[2].name, STR("root"));
    assert_true(allows(tokens, "a", SCOPE_READ, NULL));
    assert_true(allows(tokens, "a", SCOPE_CANCEL, NULL));
    assert_false(allows(tokens, "a", SCOPE_SUBMIT, NULL));
    assert_false(allows(tokens, "a", SCOPE_ADMIN, NULL));
    assert_true(allows(tokens, "b", SCOPE_SUBMIT, "resize"));
    assert_true(allows(tokens, "b", SCOPE_SUBMIT, "crop"));
    assert_false(allows(tokens, "b", SCOPE_SUBMIT, "resize2"));
    assert_false(allows(tokens, "b", SCOPE_SUBMIT, NULL));
    assert_true(allows(tokens, "b", SCOPE_READ, NULL));
    assert_true(allows(tokens, "c", SCOPE_WORK, NULL));
    assert_true(allows(tokens, "c", SCOPE_SUBMIT, "any"));
    tokens_unref(tokens);
}

static void unites_scopes(void **state)
{
    struct tokens *tokens = parse(A " submit:x,submit,work:y\n");
    (void)state;
    assert_true(allows(tokens, "a", SCOPE_SUBMIT, NULL));
    assert_true(allows(tokens, "a", SCOPE_SUBMIT, "z"));
    assert_true(allows(tokens, "a", SCOPE_WORK, "y"));
    assert_false(allows(tokens, "a", SCOPE_WORK, "z"));
    tokens_unref(tokens);
}

static void names_the_broken_line(void **state)
{
    static const struct {
        const char *file;
        size_t line;
    } rows[] = {
        {"", 0},
        {"\n\n", 0},
        {"# none yet\n", 0},
        {"#secret\n", 0},
        {"two words\n", 1},
        {"one\ntwo\n", 1},
        {A "\n", 1},
        {A " \n", 1},
        {A " write\n", 1},
        {A " read,\n", 1},
        {A " ,read\n", 1},
        {A " read,,cancel\n", 1},
        {A " read:x\n", 1},
        {A " admin:x\n", 1},
        {A " submit:\n", 1},
        {A " submit:a b,read\n" B " submit:a/b\n", 2},
        {A " Read\n", 1},
        {"# first\n\nsha256:abc read\n", 3},
        {A "0 read\n", 1},
        {A " read\nsha256:zz978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb read\n",
         2},
        {A " read\n" B " read\n" A " cancel\n", 3},
        {A " read a\tname\n", 1},
        {A " read \xff\n", 1},
        {A " read 1234567890123456789012345678901234567890123456789012345678901234+\n", 1},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct tokens_fault fault = {99, NULL};
        assert_row(str_of(rows[i].file), !tokens_parse(str_of(rows[i].file), &fault));
        assert_row(str_of(rows[i].file), fault.line == rows[i].line);
        assert_row(str_of(rows[i].file), fault.what != NULL);
    }
}

static void has_a_limit(void **state)
{
    struct buf file = {0};
    struct tokens_fault fault;
    (void)state;
    for (int i = 0; i <= TOKENS_MAX; i++)
        buf_addf(&file, "sha256:%064x read\n", i);
    assert_null(tokens_parse(buf_str(&file), &fault));
    assert_int_equal(fault.line, TOKENS_MAX + 1);
    file.len -= strlen("sha256: read\n") + 64;
    struct tokens *tokens = tokens_parse(buf_str(&file), &fault);
    assert_non_null(tokens);
    assert_int_equal(tokens->count, TOKENS_MAX);
    tokens_unref(tokens);
    while (file.len <= TOKEN_FILE_MAX)
        buf_add_char(&file, '\n');
    assert_null(tokens_parse(buf_str(&file), &fault));
    assert_int_equal(fault.line, 0);
    buf_done(&file);
}

/* A byte of 0 is no end of anything, and no part of a token. */
static void takes_any_bytes(void **state)
{
    struct tokens_fault fault;
    (void)state;
    assert_null(tokens_parse(STR(A " read\0x\n"), &fault));
    assert_null(tokens_parse(STR(A "\0read\n"), &fault));
    assert_null(tokens_parse(STR(A " submit:\0\n"), &fault));
    assert_null(tokens_parse(STR(A " read\n\0\n"), &fault));
    assert_int_equal(fault.line, 2);
    assert_null(tokens_parse(STR("\0\0\0"), &fault));
    assert_null(tokens_parse(STR("secret\0\n"), &fault));
    assert_null(tokens_parse(STR_NONE, &fault));
}

/* A file that is being written is one that has fewer lines, or none. */
static void half_a_file_allows_no_more(void **state)
{
    static const char file[] =
        A " read,submit:echo one\n# two\n" B " cancel,work:far,work\n\n" C " submit:a,submit:ab\n";
    static const size_t ends[] = {
        sizeof(A " read,submit:echo one\n") - 1, sizeof(A " read,submit:echo one\n# two\n") - 1,
        sizeof(A B " read,submit:echo one\n# two\n cancel,work:far,work\n") - 1,
        sizeof(A B " read,submit:echo one\n# two\n cancel,work:far,work\n\n") - 1};
    struct tokens_fault fault;
    (void)state;
    for (size_t len = 0, end = 0; len < sizeof(file) - 1; len++) {
        struct tokens *tokens = tokens_parse((struct str){file, len}, &fault);
        bool whole = end < array_size(ends) && ends[end] == len;
        end += whole;
        assert_row(((struct str){file, len}), (tokens != NULL) == whole);
        if (tokens)
            tokens_unref(tokens);
    }
}

static void knows_numbers(void **state)
{
    struct tokens *tokens = parse(A " read\n" B " read\n");
    (void)state;
    assert_ptr_equal(tokens_numbered(tokens, token_number(&tokens->items[1])), &tokens->items[1]);
    assert_null(tokens_numbered(tokens, token_number(NULL)));
    tokens_unref(tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_single_token),
        cmocka_unit_test(takes_lines),
        cmocka_unit_test(unites_scopes),
        cmocka_unit_test(names_the_broken_line),
        cmocka_unit_test(has_a_limit),
        cmocka_unit_test(takes_any_bytes),
        cmocka_unit_test(half_a_file_allows_no_more),
        cmocka_unit_test(knows_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
