#include "executors/oom.h"

#include "base/str.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* proc(5), oom_kill of /proc/vmstat; it counts those of memory cgroups too. 0: not known. */
static int64_t kills(void)
{
    static const char name[] = "\noom_kill ";
    char text[32768]; /* it has some 6 KB */
    int64_t count = 0;
    int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size_t len = 0;
    ssize_t got;
    while (len < sizeof(text) - 1 && (got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)got;
    close(fd);
    text[len] = '\0';
    const char *line = strstr(text, name);
    struct str rest = str_of(line ? line + sizeof(name) - 1 : "");
    return str_int(str_cut(&rest, '\n'), &count) ? count : 0;
}

void oom_begin(struct oom *oom)
{
    oom->before = oom->last = kills();
}

void oom_look(struct oom *oom)
{
    oom->before = oom->last;
    oom->last = kills();
}

bool oom_seen(const struct oom *oom)
{
    return kills() > oom->before;
}
