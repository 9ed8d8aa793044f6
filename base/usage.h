/* What the kernel says of this process. Reads /proc: not for a thread that
 * others wait for. */
#ifndef BASE_USAGE_H
#define BASE_USAGE_H

#include <stdint.h>

struct usage {
    double cpu_seconds;                     /* user and system, all threads */
    int64_t resident_bytes, virtual_bytes;  /* of memory; 0: not known */
    int64_t open_files, open_files_allowed; /* descriptors; 0: not known */
};

void usage_read(struct usage *usage);

#endif
