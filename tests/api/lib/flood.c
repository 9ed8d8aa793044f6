#include "tests/api/lib/flood.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void raise_open_files(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

char *text_repeat(struct scenario *s, const char *start, const char *bytes, int count,
                  const char *end)
{
    size_t length = strlen(bytes);
    char *all = keep(s, strlen(start) + length * (size_t)count + strlen(end) + 1);
    char *at = mempcpy(all, start, strlen(start));
    for (int i = 0; i < count; i++)
        at = mempcpy(at, bytes, length);
    memcpy(at, end, strlen(end) + 1);
    return all;
}

struct http **flood_open(struct server *server, int count, const char *bytes)
{
    struct http **all = keep(server->scenario, (size_t)count * sizeof(struct http *));
    raise_open_files();
    for (int i = 0; i < count; i++) {
        all[i] = server_connect(server);
        http_say(all[i], bytes);
    }
    return all;
}

int flood_closed(struct http **all, int count)
{
    int closed = 0;
    for (int i = 0; i < count; i++)
        closed += http_is_closed(all[i]);
    return closed;
}

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The middle one of several, so that one hiccup of a busy machine is none of the server's. */
void flood_expect_prompt(struct server *server, struct place place)
{
    enum { ASKED = 9, PROMPT_MS = 1000 };
    int64_t times[ASKED];
    for (int i = 0; i < ASKED; i++) {
        int64_t start = now_ms();
        struct reply *reply = say_once(server, "GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n"
                                               "Connection: close\r\n\r\n");
        if (!reply || reply->status != 200)
            fail_at(place, "a healthy client got %d", reply ? reply->status : 0);
        times[i] = now_ms() - start;
    }
    qsort(times, ASKED, sizeof *times, by_size);
    if (times[ASKED / 2] >= PROMPT_MS)
        fail_at(place, "a healthy client waited for %lld ms", (long long)times[ASKED / 2]);
}

/* A line of /proc/PID/status, such as "VmRSS:  1234 kB". */
static long status_kb(struct server *server, const char *name)
{
    char line[256];
    long kb = -1;
    FILE *file = fopen(text(server->scenario, "/proc/%d/status", (int)server->pid), "re");
    while (file && kb < 0 && fgets(line, sizeof line, file)) {
        if (!strncmp(line, name, strlen(name)))
            kb = strtol(line + strlen(name), NULL, 10);
    }
    if (kb < 0)
        fail_at(HERE, "no %s of process %d is told", name, (int)server->pid);
    (void)fclose(file);
    return kb;
}

long server_rss_kb(struct server *server)
{
    return status_kb(server, "VmRSS:");
}

long server_peak_kb(struct server *server)
{
    return status_kb(server, "VmHWM:");
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/* The tests are built as the server is. */
void flood_expect_growth(long grown_kb, long most_kb, struct place place)
{
    if (grown_kb > most_kb && !SANITIZED)
        fail_at(place, "the server's memory grew by %ld KB", grown_kb);
}

struct reply *say_bytes(struct server *server, const char *bytes, size_t length)
{
    struct http *http = server_connect(server);
    http_write(http, bytes, length);
    struct reply *reply = http_read(http, false);
    http_close(http);
    return reply;
}

struct reply *say_once(struct server *server, const char *bytes)
{
    return say_bytes(server, bytes, strlen(bytes));
}
