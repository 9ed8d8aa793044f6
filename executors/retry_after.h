/* The header Retry-After of an answer (RFC 9110 10.2.3). Pure. */
#ifndef EXECUTORS_RETRY_AFTER_H
#define EXECUTORS_RETRY_AFTER_H

#include <stdint.h>

/* Whatever a service says. */
enum { RETRY_AFTER_MAX_S = 24 * 3600 };

/* A number of seconds or a date, as milliseconds from now (milliseconds since 1970) on; 0 if it is
 * neither, or past. */
int64_t retry_after(const char *value, int64_t now);

#endif
