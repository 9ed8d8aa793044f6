/* Time: milliseconds since 1970 UTC, a clock that never goes back, and RFC 3339.
 * No state; any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

/* Wall clock, milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_now(void);
/* A clock for measuring, in nanoseconds; not related to the time of day. */
int64_t clock_mono_ns(void);
/* Appends "2026-11-20T20:15:00.123Z" (RFC 3339, UTC, milliseconds), no quotes. */
void buf_add_time(struct buf *buf, int64_t ms);
/* Parses an RFC 3339 date-time (section 5.6: any offset, any number of fraction digits, "t", "z"
 * and a leap second accepted; years 1 to 9999 in UTC, so it can be below 0). False if it is none.
 */
bool clock_parse(struct str s, int64_t *ms);

#endif
