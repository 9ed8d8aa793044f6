/* From its order to its start an attempt may have to wait: for a reader thread
 * that reads the results it runs on, for room in the memory that there is for
 * them, and, where what it runs on is large, for a turn of the loop of its own.
 * All calls on the loop thread. */
#ifndef ENGINE_LOADING_H
#define ENGINE_LOADING_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct attempt;

/* Bytes of arguments that take no room, and are started with others in one turn. */
enum { INPUTS_FREE = 64 << 10 };

/* First come, first served. */
struct line {
    struct attempt *first, **last;
};

/* Room is asked for once, for all that an attempt needs, before any of it is loaded, and given back
 * when the attempt ends. Whoever comes first gets it in any case when no other has any, so that
 * nobody waits for ever. */
struct loading {
    int64_t room;       /* bytes of inputs that attempts may hold together (--max-inputs) */
    int64_t held;       /* of those */
    struct line hungry; /* wait for room */
    struct line heavy;  /* loaded: one is started in a turn, and others get turns between */
    uv_async_t *wake;   /* makes another turn */
};

void loading_init(struct loading *loading, int64_t room, uv_async_t *wake);
/* At the start of an attempt. True: it can be launched now. Else it waits, or ORDER_LOADED follows.
 */
bool loading_start(struct attempt *attempt);
/* At ORDER_LOADED. True: it can be launched now; else it waits. */
bool loading_done(struct attempt *attempt);
/* One that is to be launched in this turn, or NULL. */
struct attempt *loading_next(struct loading *loading);
/* An attempt that was asked to stop waits no longer. False: it does not wait, or a reader has it.
 */
bool loading_leave(struct attempt *attempt);
/* It has ended: what it ran on is freed. */
void loading_end(struct attempt *attempt);

#endif
