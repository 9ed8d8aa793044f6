#include "model/retry.h"

#include <math.h>

int64_t backoff_pause(struct backoff backoff, int64_t failures, uint64_t random)
{
    double pause = backoff.initial;
    if (pause > 0) /* nothing times an overflowed power would be no number */
        pause *= pow(backoff.factor, (double)(failures - 1));
    if (pause > backoff.max)
        pause = backoff.max;
    double spread = (double)(random >> 11) / (double)(1ULL << 53); /* 0 to 1 */
    return (int64_t)llround(pause * (0.75 + 0.25 * spread) * 1000);
}
