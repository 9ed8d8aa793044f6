/* When a failed attempt is tried again. Pure. */
#ifndef MODEL_RETRY_H
#define MODEL_RETRY_H

#include <stdint.h>

struct backoff {
    double initial; /* seconds before the second attempt */
    double factor;  /* each further pause is so many times the one before */
    double max;     /* seconds; no pause is longer */
};

#define BACKOFF_DEFAULT ((struct backoff){1, 2, 300})

/* The pause after the failures-th failed attempt (1 is the first), in milliseconds: between three
 * quarters of initial * factor^(failures-1), capped at max, and the whole of it. random is any
 * number; it decides where in between, so that tasks that failed together do not return together.
 */
int64_t backoff_pause(struct backoff backoff, int64_t failures, uint64_t random);

#endif
