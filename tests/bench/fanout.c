/*
 * Event deliveries a second to many subscribers of one channel, beside a bare loop that
 * writes as many frames of the same length to as many descriptors; and the memory that
 * a subscriber costs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "tests/bench/lib/bench.h"
#include "tests/bench/lib/child.h"
#include "tests/bench/lib/http.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/swarm.h"

#define FLOOR_KB      2.0
#define SPARE_FDS     100
#define SETTLE        0.3
#define QUIET_SECONDS 10 /* nothing comes for so long: nothing will */
#define TASK          "{\"function\":\"echo\",\"args\":[\"x\"],\"notify_channels\":[\"fan\"]}"

struct fan {
    const struct bench *bench;
    int subscribers;
    struct child errand;
    long events_a_task;
    size_t bytes_an_event;
    struct pairs rates;
    double kb_idle;  /* added resident memory for each subscriber: when all are connected, */
    double kb_after; /* and when all have got their events */
    long lost;
};

static void tasks_post(int port, int count)
{
    char *tasks = json_repeat(TASK, count);
    size_t len;
    char *request = request_make("/v1/tasks", "Prefer: return=minimal", tasks, &len);
    int fd = tcp_connect(port);

    if (http_exchange(fd, request, len, NULL, 0) != 201)
        die("the tasks were not created");
    tcp_close(fd);
    free(tasks);
    free(request);
}

/* One subscriber tells how many events a task makes, and of what length; the server is
 * warm after it, so that what it uses anyway does not count for the subscribers. */
static void fan_warm(struct fan *f)
{
    struct swarm one;
    int tasks = 100;

    swarm_open(&one, f->errand.port, "/v1/events?channel=fan", 1);
    one.bytes = 0;
    tasks_post(f->errand.port, tasks);
    swarm_collect(&one, 100L * tasks, 1);
    f->events_a_task = one.events / tasks;
    if (one.events == 0 || one.events % tasks != 0)
        die("%ld events for %d tasks", one.events, tasks);
    f->bytes_an_event = (size_t)(one.bytes / one.events);
    swarm_close(&one);
    pause_seconds(SETTLE);
}

static double errand_rate(struct fan *f, struct swarm *s, int tasks)
{
    long goal = tasks * f->events_a_task * f->subscribers, before = s->events;
    double from = now_seconds(), to_answer;

    tasks_post(f->errand.port, tasks);
    to_answer = now_seconds() - from;
    from = swarm_collect(s, goal, QUIET_SECONDS);
    f->lost += goal - (s->events - before);
    return (double)(s->events - before) / (to_answer + from);
}

static double bare_rate(const struct fan *f, const struct child *bare, struct swarm *s, int tasks)
{
    long events = tasks * f->events_a_task, before = s->events;
    double from = now_seconds();
    int fd = tcp_connect(bare->port);
    char path[64];
    size_t len;
    char *request;

    snprintf(path, sizeof path, "/?events=%ld&bytes=%zu", events, f->bytes_an_event);
    request = request_make(path, NULL, "", &len);
    http_exchange(fd, request, len, NULL, 0);
    swarm_collect(s, events * f->subscribers, QUIET_SECONDS);
    if (s->events - before != events * f->subscribers)
        die("bare_sse has delivered %ld events", s->events - before);
    tcp_close(fd);
    free(request);
    return (double)(s->events - before) / (now_seconds() - from);
}

static void fan_rounds(struct fan *f, struct swarm *s)
{
    /* About 400,000 deliveries a round. */
    long deliveries = bench_pick(f->bench, 400000, 100000);
    int tasks = (int)(deliveries / f->events_a_task / f->subscribers) + 1;
    struct child bare;
    struct swarm bare_swarm;

    bare_start(&bare, f->bench, "bare_sse");
    swarm_open(&bare_swarm, bare.port, "/", f->subscribers);
    for (int i = 0; i < bench_pick(f->bench, 3, 2); i++) {
        double a = errand_rate(f, s, tasks);

        child_settle(&f->errand);
        pairs_add(&f->rates, a, bare_rate(f, &bare, &bare_swarm, tasks));
    }
    swarm_close(&bare_swarm);
    child_stop(&bare);
}

static void fan_run(struct fan *f)
{
    struct swarm s;
    long rss;

    errand_start(&f->errand, f->bench, NULL, 0);
    fan_warm(f);
    rss = child_rss_kb(&f->errand);
    swarm_open(&s, f->errand.port, "/v1/events?channel=fan", f->subscribers);
    pause_seconds(SETTLE);
    f->kb_idle = (double)(child_rss_kb(&f->errand) - rss) / f->subscribers;
    fan_rounds(f, &s);
    pause_seconds(SETTLE);
    f->kb_after = (double)(child_rss_kb(&f->errand) - rss) / f->subscribers;
    f->lost += s.ended;
    swarm_close(&s);
    errand_stop(&f->errand, f->bench);
}

static void fan_report(const struct fan *f, const char *name)
{
    report_value(name, pairs_ratio(&f->rates), "of bare", "%s; %zu bytes an event; lost %ld",
                 pairs_describe(&f->rates).text, f->bytes_an_event, f->lost);
}

static void part(struct bench *b)
{
    struct fan f = {.bench = b, .subscribers = 1000};
    struct rlimit limit;

    fan_run(&f);
    fan_report(&f, "fanout: 1,000 subscribers, deliveries");
    report_value("fanout: memory of each of the 1,000", f.kb_after, "KB",
                 "after the deliveries; %.2f KB before them", f.kb_idle);

    f = (struct fan){.bench = b, .subscribers = 9000};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * 9000 + SPARE_FDS) {
        f.subscribers = (int)(limit.rlim_cur - SPARE_FDS) / 2;
        printf("ulimit -n allows only %d subscribers instead of 9000\n", f.subscribers);
    }
    fan_run(&f);
    fan_report(&f, "fanout: 9,000 subscribers, deliveries");
    report_floor(&b->report, "fanout: memory of each of the 9,000", f.kb_after, "KB", BELOW,
                 FLOOR_KB, "after the deliveries; %.2f KB before them", f.kb_idle);
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, part);
}
