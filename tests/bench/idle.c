/*
 * What a server costs that does nothing, and one that does nothing with 200,000 tasks
 * queued behind its only slot.
 */
#include <stdlib.h>

#include "tests/bench/lib/bench.h"
#include "tests/bench/lib/child.h"
#include "tests/bench/lib/http.h"
#include "tests/bench/lib/load.h"
#include "tests/bench/lib/measure.h"

#define TASKS        200000
#define BATCH        500
#define IDLE_SECONDS 3.0
#define SETTLE       1.0
#define RSS_FLOOR    12.0
#define ADDED_FLOOR  10.0
#define HOLD         "#include <unistd.h>\nint main(void)\n{\n    return pause();\n}\n"

static long idle_ticks(const struct child *errand)
{
    long before = child_ticks(errand);

    pause_seconds(IDLE_SECONDS);
    return child_ticks(errand) - before;
}

/* Creates the tasks, one batch after the other; returns the seconds that it took. */
static double fill(const struct child *errand)
{
    char *tasks = json_repeat("{\"function\":\"hold\"}", BATCH);
    struct load one;
    double seconds;
    size_t len;
    char *request = request_make("/v1/tasks", "Prefer: return=minimal", tasks, &len);
    long live;
    int fd = tcp_connect(errand->port);

    load_open(&one, errand->port, 1);
    load_run_total(&one, request, len, TASKS / BATCH);
    seconds = one.seconds;
    load_close(&one);
    live = stats_count(fd, "queued");
    tcp_close(fd);
    if (live < TASKS - 1)
        die("%ld tasks are queued, not %d", live, TASKS - 1);
    free(tasks);
    free(request);
    return seconds;
}

static void part(struct bench *b)
{
    char functions[PATH_MAX];
    struct child errand;
    double mb, full_mb, seconds;
    long ticks, full_ticks;

    path_join(functions, b->folder, "functions");
    program_make(b, functions, "hold", HOLD);
    errand_start(&errand, b, functions, 1);
    pause_seconds(SETTLE);
    ticks = idle_ticks(&errand);
    mb = (double)child_rss_kb(&errand) / 1024;
    report_floor(&b->report, "idle: resident memory", mb, "MB", BELOW, RSS_FLOOR, "just started");
    report_floor(&b->report, "idle: processor time in 3 s", (double)ticks, "ticks", AT_MOST, 0,
                 "a tick is 10 ms");

    seconds = fill(&errand);
    pause_seconds(SETTLE);
    full_mb = (double)child_rss_kb(&errand) / 1024;
    full_ticks = idle_ticks(&errand);
    report_floor(&b->report, "idle: memory that 200,000 queued tasks add", full_mb - mb, "MB",
                 BELOW, ADDED_FLOOR, "%.1f MB in all; created in %.1f s, 500 a POST", full_mb,
                 seconds);
    report_value("idle: processor time in 3 s with them", (double)full_ticks, "ticks",
                 "a tick is 10 ms");
    errand_stop(&errand, b);
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, part);
}
