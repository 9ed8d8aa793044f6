/* Sharing by cache_key (design 5.4): who holds a key, who joins, who leaves.
 * Writer thread, in its transaction. */
#ifndef ENGINE_SHARE_H
#define ENGINE_SHARE_H

#include "model/spec.h"
#include "store/rows.h"
#include "store/txn.h"

/* A create has CHANNELS_MAX; this many stay with a task that others have joined. */
enum { SHARED_CHANNELS_MAX = 1000 };

/* The creates of one plan that join one live task. */
struct share {
    struct joining *first, **last;
    size_t named;            /* channels that they name, some of them more than once */
    int64_t subscribers;     /* more */
    int64_t changes;         /* creates that change the task */
    struct str channels;     /* all of the task's, a JSON array; STR_NONE: they stay as they are */
    const struct str *added; /* those of them that are new */
    size_t added_count;
};

/* The newest task with the key, whatever its state. False: there is none. */
bool share_holder(struct db *db, struct str key, struct task_row *row, struct arena *arena);
/* A live task loses the key, and goes on without it. False: there was none. */
bool share_free(struct db *db, struct str key);
/* Notes, in the arena, that the create that spec asks for joins the task of *share (NULL: it is the
 * first): its channels are told too, and it subscribes unless it is an inline dependency, which a
 * meta-task wants by waiting for it. */
void share_add(struct share **share, const struct spec *spec, struct arena *arena);
/* Puts the channels of all who join to those that the task has. NULL, or whose are too many. */
const struct spec *share_merge(struct share *share, struct str channels, struct arena *arena);
/* Stores what was added to the task, all at once. */
void share_store(struct txn *txn, int64_t task, const struct share *share);
/* A new subscription's id, in the arena. */
struct str share_subscribe(struct txn *txn, int64_t task, struct arena *arena);
/* Takes the subscription back. False: the task has none of this id (any more). */
bool share_unsubscribe(struct txn *txn, int64_t task, struct str subscription);

#endif
