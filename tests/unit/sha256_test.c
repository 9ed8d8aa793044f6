/* Fingerprints: the examples of FIPS 180-4 and of the empty message. */
#include "base/mem.h"
#include "base/sha256.h"
#include "tests/unit/check.h"

static void knows_the_examples(void **state)
{
    static const struct {
        struct str bytes;
        const char *digest;
    } rows[] = {
        {STR_INIT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {STR_INIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {STR_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        char digest[SHA256_HEX + 1];
        sha256_hex(rows[i].bytes, digest);
        assert_row(rows[i].bytes, str_eq(str_of(digest), str_of(rows[i].digest)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(knows_the_examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
