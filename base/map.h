/* An intrusive hash table: an entry embeds a struct map_node that holds its
 * hash; the caller compares keys. Nothing is allocated for an entry. One
 * thread. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_node {
    struct map_node *next; /* in the same bucket */
    uint64_t hash;
};

struct map {
    struct map_node **buckets; /* NULL while empty */
    size_t mask;               /* buckets - 1, a power of two less one */
    size_t count;
};

/* All zero is an empty map. The entries are the caller's. */
void map_done(struct map *map);
void map_put(struct map *map, struct map_node *node, uint64_t hash);
void map_remove(struct map *map, struct map_node *node);
/* The first node with this hash, then the others: for (n = map_find(m, h); n; n = map_next(n)). */
struct map_node *map_find(const struct map *map, uint64_t hash);
struct map_node *map_next(const struct map_node *node);
/* Any entry at all, or NULL: for emptying a map. */
struct map_node *map_any(const struct map *map);
/* Hashes for keys: of a text, under a key that is this process's own, as texts are often chosen by
 * strangers; of an integer, whose bits are spread. */
uint64_t map_hash_str(struct str key);
uint64_t map_hash(uint64_t key);

#endif
