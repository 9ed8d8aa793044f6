#include "executors/mark.h"

#include "base/str.h"
#include "executors/proc.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

uint32_t mark_family(void)
{
    struct rlimit own;
    uint32_t families = 1U << MARK_FAMILY_BITS, random;
    if (getrlimit(RLIMIT_LOCKS, &own) != 0)
        return 0;
    if (own.rlim_max >> MARK_NUMBER_BITS < families) /* a server that a server started */
        families = (uint32_t)(own.rlim_max >> MARK_NUMBER_BITS);
    if (families < 2 || getrandom(&random, sizeof(random), 0) != sizeof(random))
        return 0;
    return 1 + random % (families - 1);
}

uint64_t mark_make(uint32_t family, uint64_t number)
{
    return family ? (uint64_t)family << MARK_NUMBER_BITS | number : 0;
}

uint64_t mark_read(const char *pid)
{
    static const char name[] = "\nMax file locks";
    char path[64], text[4096]; /* it has 1,300 bytes */
    int64_t mark = 0;
    snprintf(path, sizeof(path), "/proc/%.32s/limits", pid);
    if (!proc_read(path, text, sizeof(text)))
        return 0;
    const char *line = strstr(text, name);
    if (!line)
        return 0;
    line += sizeof(name) - 1;
    line += strspn(line, " ");
    line += strcspn(line, " "); /* past the soft limit */
    line += strspn(line, " ");
    return str_int((struct str){line, strcspn(line, " \n")}, &mark) ? (uint64_t)mark : 0;
}

/* Runs in a child that has the server's memory still. */
__attribute__((no_sanitize("address", "thread"))) void mark_self(uint64_t mark)
{
    const struct rlimit limit = {.rlim_cur = mark, .rlim_max = mark};
    if (mark)
        setrlimit(RLIMIT_LOCKS, &limit);
}
