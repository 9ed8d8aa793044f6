/* Names of channels as they are stored, each once, in the order in which they
 * came. One thread. */
#ifndef ENGINE_CHANNEL_SET_H
#define ENGINE_CHANNEL_SET_H

#include "base/arena.h"
#include "base/map.h"

/* All zero is an empty set. */
struct channel_set {
    struct map known; /* its entries are in the arena that they were added with */
    struct buf names; /* a JSON array but for its end */
    size_t count;
};

/* name as it stands in stored JSON, quotes included: one function writes those, so equal names are
 * equal texts. It is not copied. False: it is there already. */
bool channel_set_add(struct channel_set *set, struct str name, struct arena *arena);
/* All of a stored array; STR_NONE has none. */
void channel_set_add_all(struct channel_set *set, struct str array, struct arena *arena);
/* The array in the arena, or STR_NONE if there are none; the set is empty afterwards. */
struct str channel_set_take(struct channel_set *set, struct arena *arena);

#endif
