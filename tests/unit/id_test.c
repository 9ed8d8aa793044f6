/* Identifiers. */
#include "base/id.h"
#include "base/mem.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void accepts_what_the_api_allows(void **state)
{
    static const struct str rows[] = {
        STR("a"),        STR("-"),
        STR("_"),        STR("0"),
        STR("AZaz09_-"), STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++)
        assert_row(rows[i], id_valid(rows[i]));
}

static void refuses_other_lengths(void **state)
{
    char text[100];
    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t len = 0; len <= sizeof(text); len++)
        assert_true(id_valid((struct str){text, len}) == (len >= 1 && len <= 64));
    assert_false(id_valid(STR_NONE));
}

/* Each byte alone, and at the end of others. */
static void refuses_other_bytes(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char text[] = {'a', 'b', (char)byte};
        bool fine = byte && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789_-",
                                   byte);
        assert_true(id_valid((struct str){text + 2, 1}) == fine);
        assert_true(id_valid((struct str){text, 3}) == fine);
    }
}

/* RFC 9562, section 5.7: 48 bits of milliseconds, version 7, variant 10. */
static void check_uuid(const char *id, const char *time)
{
    struct str row = str_of(id);
    assert_row(row, row.len == ID_UUID_LEN && id_valid(row));
    for (size_t i = 0; i < ID_UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        assert_row(row, dash ? id[i] == '-' : strchr("0123456789abcdef", id[i]) != NULL);
    }
    assert_row(row, memcmp(id, time, 13) == 0);
    assert_row(row, id[14] == '7');
    assert_row(row, strchr("89ab", id[19]) != NULL);
}

static void makes_uuids(void **state)
{
    static const struct {
        int64_t ms;
        const char *time;
    } rows[] = {
        {0, "00000000-0000"},
        {1, "00000000-0001"},
        {0x017F22E279B0, "017f22e2-79b0"}, /* RFC 9562, appendix A.6 */
        {0xFFFFFFFFFFFF, "ffffffff-ffff"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        char id[ID_UUID_LEN + 2];
        memset(id, '!', sizeof(id));
        id_new(rows[i].ms, id);
        assert_int_equal(id[ID_UUID_LEN], '\0');
        assert_int_equal(id[ID_UUID_LEN + 1], '!'); /* not written past the end */
        check_uuid(id, rows[i].time);
    }
}

enum { THREADS = 4, EACH = 5000 };

struct maker {
    pthread_t thread;
    char ids[EACH][ID_UUID_LEN + 1];
};

static void *make(void *arg)
{
    struct maker *maker = arg;
    for (size_t i = 0; i < EACH; i++)
        id_new(1234567890123, maker->ids[i]);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, ID_UUID_LEN);
}

/* In one millisecond, on several threads, across many refills of the pool of random bytes. */
static void makes_each_once(void **state)
{
    struct maker *makers = mem_alloc(THREADS * sizeof(*makers));
    char(*all)[ID_UUID_LEN + 1] = mem_alloc(sizeof(makers->ids) * THREADS);
    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&makers[i].thread, NULL, make, &makers[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(makers[i].thread, NULL);
        memcpy(all + i * EACH, makers[i].ids, sizeof(makers[i].ids));
    }
    qsort(all, (size_t)THREADS * EACH, sizeof(*all), compare);
    for (size_t i = 1; i < (size_t)THREADS * EACH; i++)
        assert_row(str_of(all[i]), compare(all[i - 1], all[i]) != 0);
    mem_free(all);
    mem_free(makers);
}

/* Each random bit is 0 in some ids and 1 in others, and each fixed one is not. */
static void fills_all_random_bits(void **state)
{
    unsigned ones[ID_UUID_LEN] = {0}, zeros[ID_UUID_LEN] = {0};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char id[ID_UUID_LEN + 1];
        id_new(0, id);
        for (size_t k = 0; k < ID_UUID_LEN; k++) {
            unsigned digit = (unsigned)strtoul((char[]){id[k] == '-' ? '0' : id[k], 0}, NULL, 16);
            ones[k] |= digit;
            zeros[k] |= ~digit & 15;
        }
    }
    for (size_t k = 15; k < ID_UUID_LEN; k++) {
        if (k == 18 || k == 23)
            continue;
        assert_int_equal(ones[k], k == 19 ? 11 : 15);
        assert_int_equal(zeros[k], k == 19 ? 7 : 15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_the_api_allows),
        cmocka_unit_test(refuses_other_lengths),
        cmocka_unit_test(refuses_other_bytes),
        cmocka_unit_test(makes_uuids),
        cmocka_unit_test(makes_each_once),
        cmocka_unit_test(fills_all_random_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
