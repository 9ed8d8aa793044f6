#include "base/map.h"

#include "base/mem.h"
#include "base/siphash.h"

#include <sys/auxv.h>

enum { MAP_FIRST = 64 };

void map_done(struct map *map)
{
    mem_free(map->buckets);
    *map = (struct map){0};
}

static void map_grow(struct map *map)
{
    size_t old_size = map->buckets ? map->mask + 1 : 0;
    size_t size = old_size ? old_size * 2 : MAP_FIRST;
    struct map_node **buckets = mem_alloc(size * sizeof(struct map_node *));
    for (size_t i = 0; i < old_size; i++) {
        for (struct map_node *node = map->buckets[i], *next; node; node = next) {
            next = node->next;
            struct map_node **slot = &buckets[node->hash & (size - 1)];
            node->next = *slot;
            *slot = node;
        }
    }
    mem_free(map->buckets);
    map->buckets = buckets;
    map->mask = size - 1;
}

void map_put(struct map *map, struct map_node *node, uint64_t hash)
{
    if (!map->buckets || map->count > map->mask)
        map_grow(map);
    struct map_node **slot = &map->buckets[hash & map->mask];
    node->hash = hash;
    node->next = *slot;
    *slot = node;
    map->count++;
}

void map_remove(struct map *map, struct map_node *node)
{
    struct map_node **at = &map->buckets[node->hash & map->mask];
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    map->count--;
}

struct map_node *map_find(const struct map *map, uint64_t hash)
{
    struct map_node *node = map->buckets ? map->buckets[hash & map->mask] : NULL;
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

struct map_node *map_next(const struct map_node *node)
{
    struct map_node *next = node->next;
    while (next && next->hash != node->hash)
        next = next->next;
    return next;
}

struct map_node *map_any(const struct map *map)
{
    for (size_t i = 0; map->count && i <= map->mask; i++) {
        if (map->buckets[i])
            return map->buckets[i];
    }
    return NULL;
}

/* The kernel gives each process 16 random bytes. */
uint64_t map_hash_str(struct str key)
{
    return siphash(key, (const uint8_t *)getauxval(AT_RANDOM));
}

uint64_t map_hash(uint64_t key)
{
    key ^= key >> 33; /* MurmurHash3's finaliser */
    key *= 0xff51afd7ed558ccd;
    key ^= key >> 33;
    key *= 0xc4ceb9fe1a85ec53;
    return key ^ key >> 33;
}
