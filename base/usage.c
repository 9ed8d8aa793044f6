#include "base/usage.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* statm: pages in all, pages that are resident, and more. */
static void read_memory(struct usage *usage)
{
    char text[256];
    int64_t total, resident, page = sysconf(_SC_PAGESIZE);
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : 0;
    struct str rest = {text, len > 0 ? (size_t)len : 0};
    if (fd >= 0)
        close(fd);
    if (str_int(str_cut(&rest, ' '), &total) && str_int(str_cut(&rest, ' '), &resident)) {
        usage->virtual_bytes = total * page;
        usage->resident_bytes = resident * page;
    }
}

static int64_t count_open_files(void)
{
    int64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count - 1; /* not the folder's own */
}

void usage_read(struct usage *usage)
{
    struct rusage own;
    struct rlimit files;
    *usage = (struct usage){0};
    if (getrusage(RUSAGE_SELF, &own) == 0)
        usage->cpu_seconds = seconds(own.ru_utime) + seconds(own.ru_stime);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        usage->open_files_allowed = (int64_t)files.rlim_cur;
    read_memory(usage);
    usage->open_files = count_open_files();
}
