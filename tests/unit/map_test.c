/* The intrusive hash table. */
#include "base/map.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "tests/unit/check.h"

enum { MANY = 5000 };

struct entry {
    struct map_node node;
    size_t key;
    bool seen;
};

static size_t count_with(const struct map *map, uint64_t hash)
{
    size_t count = 0;
    for (struct map_node *n = map_find(map, hash); n; n = map_next(n)) {
        assert_true(n->hash == hash);
        count++;
    }
    return count;
}

static const struct entry *find(const struct map *map, uint64_t hash, size_t key)
{
    for (struct map_node *n = map_find(map, hash); n; n = map_next(n)) {
        const struct entry *entry = container_of(n, struct entry, node);
        if (entry->key == key)
            return entry;
    }
    return NULL;
}

static void begins_empty(void **state)
{
    struct map map = {0};
    (void)state;
    assert_null(map_find(&map, 0));
    assert_null(map_any(&map));
    map_done(&map);
    assert_int_equal(map.count, 0);
    assert_null(map.buckets);
}

static void put_all(struct map *map, struct entry *entries, uint64_t (*hash)(uint64_t key))
{
    for (size_t i = 0; i < MANY; i++) {
        entries[i] = (struct entry){.key = i};
        map_put(map, &entries[i].node, hash(i));
        assert_int_equal(map->count, i + 1);
    }
}

static uint64_t few_hashes(uint64_t key)
{
    return key % 3;
}

static uint64_t same_bucket(uint64_t key)
{
    return key << 40; /* different hashes, the same low bits */
}

static uint64_t spread(uint64_t key)
{
    return map_hash(key);
}

static uint64_t (*const hashes[])(uint64_t key) = {spread, few_hashes, same_bucket};

/* Whatever the hashes are like: what was put is found, what was removed is not. */
static void finds_what_it_holds(void **state)
{
    struct entry *entries = mem_alloc(MANY * sizeof(*entries));
    (void)state;
    for (size_t h = 0; h < array_size(hashes); h++) {
        struct map map = {0};
        put_all(&map, entries, hashes[h]);
        for (size_t i = 0; i < MANY; i++)
            assert_ptr_equal(find(&map, hashes[h](i), i), &entries[i]);
        for (size_t i = 0; i < MANY; i += 2)
            map_remove(&map, &entries[i].node);
        assert_int_equal(map.count, MANY / 2);
        for (size_t i = 0; i < MANY; i++)
            assert_ptr_equal(find(&map, hashes[h](i), i), i % 2 ? &entries[i] : NULL);
        for (size_t i = 0; i < MANY; i += 2) /* and back */
            map_put(&map, &entries[i].node, hashes[h](i));
        for (size_t i = 0; i < MANY; i++)
            assert_ptr_equal(find(&map, hashes[h](i), i), &entries[i]);
        map_done(&map);
    }
    mem_free(entries);
}

static void keeps_all_of_one_hash(void **state)
{
    struct map map = {0};
    struct entry entries[300] = {0};
    (void)state;
    for (size_t i = 0; i < array_size(entries); i++)
        map_put(&map, &entries[i].node, i % 2 ? 64 : 128); /* one bucket at first */
    assert_int_equal(count_with(&map, 64), 150);
    assert_int_equal(count_with(&map, 128), 150);
    assert_int_equal(count_with(&map, 0), 0);
    assert_int_equal(count_with(&map, 192), 0);
    map_remove(&map, &entries[1].node);
    assert_int_equal(count_with(&map, 64), 149);
    assert_int_equal(count_with(&map, 128), 150);
    map_done(&map);
}

static void takes_any_hash(void **state)
{
    static const uint64_t extremes[] = {0, 1, 63, 64, 1ULL << 63, UINT64_MAX};
    struct map map = {0};
    struct entry entries[array_size(extremes)] = {0};
    (void)state;
    for (size_t i = 0; i < array_size(extremes); i++)
        map_put(&map, &entries[i].node, extremes[i]);
    for (size_t i = 0; i < array_size(extremes); i++) {
        assert_ptr_equal(map_find(&map, extremes[i]), &entries[i].node);
        assert_null(map_next(&entries[i].node));
    }
    map_done(&map);
}

/* map_any leads to each entry once, and then to none. */
static void empties(void **state)
{
    struct map map = {0};
    struct entry *entries = mem_alloc(MANY * sizeof(*entries));
    (void)state;
    put_all(&map, entries, few_hashes);
    for (size_t i = 0; i < MANY; i++) {
        struct map_node *node = map_any(&map);
        assert_non_null(node);
        struct entry *entry = container_of(node, struct entry, node);
        assert_false(entry->seen);
        entry->seen = true;
        map_remove(&map, node);
    }
    assert_null(map_any(&map));
    assert_int_equal(map.count, 0);
    map_put(&map, &entries[7].node, 7); /* still of use */
    assert_ptr_equal(map_any(&map), &entries[7].node);
    map_done(&map);
    mem_free(entries);
}

/* Different keys have different hashes (it can be undone), and neighbours differ in their low
 * bits, which choose the bucket. */
static void spreads_integers(void **state)
{
    struct map map = {0};
    struct entry *entries = mem_alloc(MANY * sizeof(*entries));
    size_t taken[64] = {0};
    (void)state;
    put_all(&map, entries, spread);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(count_with(&map, map_hash(i)), 1);
        taken[map_hash(i << 32) % 64]++;
    }
    for (size_t i = 0; i < array_size(taken); i++)
        assert_in_range(taken[i], 1, 4 * MANY / 64);
    map_done(&map);
    mem_free(entries);
}

/* Two texts with one hash by FNV-1a, which is not kept secret: in a map they are apart. */
static void texts_hash_under_a_key(void **state)
{
    struct str a = STR("8yn0iYCKYHlIj4-BwPqk"), b = STR("GReLUrM4wMqfg9yzV3KQ");
    (void)state;
    assert_true(str_hash(a) == str_hash(b));
    assert_true(map_hash_str(a) != map_hash_str(b));
    assert_true(map_hash_str(a) == map_hash_str(STR("8yn0iYCKYHlIj4-BwPqk")));
}

/* The example of the paper: key 00 to 0f, text 00 to 0e. */
static void siphash_of_the_paper(void **state)
{
    uint8_t bytes[16];
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    assert_true(siphash((struct str){(const char *)bytes, 15}, bytes) == 0xa129ca6149be45e5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_empty),
        cmocka_unit_test(finds_what_it_holds),
        cmocka_unit_test(keeps_all_of_one_hash),
        cmocka_unit_test(takes_any_hash),
        cmocka_unit_test(empties),
        cmocka_unit_test(spreads_integers),
        cmocka_unit_test(texts_hash_under_a_key),
        cmocka_unit_test(siphash_of_the_paper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
