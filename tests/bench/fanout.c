/*
 * Event deliveries a second to many subscribers of one channel, and the memory that a
 * subscriber costs. Two ways:
 *
 *   singly  a task, and when all have its event the next: each delivery is a write of its
 *           own, as in the bare loop beside it, which writes frames of the same length
 *   in one  many tasks in one POST: the server may join the frames for a subscriber
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
#define STREAM        "/v1/events?channel=fan&type=task.succeeded"
#define TASK          "{\"function\":\"echo\",\"args\":[\"x\"],\"notify_channels\":[\"fan\"]}"

struct fan {
    const struct bench *bench;
    int subscribers;
    struct child errand;
    size_t bytes_an_event;
    struct pairs singly;
    struct pairs in_one; /* a alone */
    double kb_idle;      /* added resident memory for each subscriber: when all are connected, */
    double kb_after;     /* and when all have got their events */
    long lost;           /* events that did not come, and streams that ended */
};

/* `posts` requests, each followed by reading the `events` that it makes for each
 * subscriber. Returns the deliveries a second; stops at the first loss. */
static double deliver(struct fan *f, int port, struct swarm *s, const char *request, size_t len,
                      int posts, int events)
{
    int fd = tcp_connect(port);
    long first = s->events, goal = first;
    double from = now_seconds();

    for (int i = 0; i < posts && s->events == goal; i++) {
        goal += (long)events * f->subscribers;
        if (http_exchange(fd, request, len, NULL, 0) != 201)
            die("the tasks were not created");
        swarm_collect(s, goal - s->events, QUIET_SECONDS);
    }
    f->lost += goal - s->events;
    from = now_seconds() - from;
    tcp_close(fd);
    return (double)(s->events - first) / from;
}

static double errand_rate(struct fan *f, struct swarm *s, int posts, int events)
{
    char *tasks = json_repeat(TASK, events), *request;
    double rate;
    size_t len;

    request = request_make("/v1/tasks", "Prefer: return=minimal", tasks, &len);
    rate = deliver(f, f->errand.port, s, request, len, posts, events);
    free(tasks);
    free(request);
    return rate;
}

static double bare_rate(struct fan *f, const struct child *bare, struct swarm *s, int posts)
{
    char path[64], *request;
    double rate;
    size_t len;

    snprintf(path, sizeof path, "/?bytes=%zu", f->bytes_an_event);
    request = request_make(path, NULL, "", &len);
    rate = deliver(f, bare->port, s, request, len, posts, 1);
    free(request);
    return rate;
}

/* One subscriber tells how long an event is; the server is warm after it, so that what
 * it uses anyway does not count for the subscribers. */
static void fan_warm(struct fan *f)
{
    struct swarm one;
    int tasks = 200;

    swarm_open(&one, f->errand.port, STREAM, 1);
    errand_rate(&(struct fan){.subscribers = 1, .errand = f->errand}, &one, 1, tasks);
    if (one.events != tasks)
        die("%ld events for %d tasks", one.events, tasks);
    f->bytes_an_event = (size_t)(one.bytes / one.events);
    swarm_close(&one);
    pause_seconds(SETTLE);
}

static void fan_rounds(struct fan *f, struct swarm *s)
{
    /* Deliveries a round; those in one POST go faster. */
    int singly = bench_pick(f->bench, 200000, 50000) / f->subscribers + 1;
    int in_one = bench_pick(f->bench, 400000, 100000) / f->subscribers + 1;
    struct child bare;
    struct swarm bare_swarm;

    bare_start(&bare, f->bench, "bare_sse");
    swarm_open(&bare_swarm, bare.port, "/", f->subscribers);
    for (int i = 0; i < bench_pick(f->bench, 3, 2); i++) {
        double rate = errand_rate(f, s, singly, 1);

        child_settle(&f->errand);
        pairs_add(&f->singly, rate, bare_rate(f, &bare, &bare_swarm, singly));
        pairs_add(&f->in_one, errand_rate(f, s, 1, in_one), 1);
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
    swarm_open(&s, f->errand.port, STREAM, f->subscribers);
    pause_seconds(SETTLE);
    f->kb_idle = (double)(child_rss_kb(&f->errand) - rss) / f->subscribers;
    fan_rounds(f, &s);
    pause_seconds(SETTLE);
    f->kb_after = (double)(child_rss_kb(&f->errand) - rss) / f->subscribers;
    f->lost += s.ended;
    swarm_close(&s);
    errand_stop(&f->errand, f->bench);
}

static void fan_report(const struct fan *f, const char *singly, const char *in_one)
{
    report_value(singly, pairs_ratio(&f->singly), "of bare", "%s; %zu bytes an event; lost %ld",
                 pairs_describe(&f->singly).text, f->bytes_an_event, f->lost);
    report_value(in_one, pairs_a(&f->in_one), "/s", "the server may join frames");
}

static void part(struct bench *b)
{
    struct fan f = {.bench = b, .subscribers = 1000};
    struct rlimit limit;

    fan_run(&f);
    fan_report(&f, "fanout: 1,000 subscribers, singly", "fanout: 1,000, many in one POST");
    report_value("fanout: memory of each of the 1,000", f.kb_after, "KB",
                 "after the deliveries, recent events included; %.2f KB before them", f.kb_idle);

    f = (struct fan){.bench = b, .subscribers = 9000};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * 9000 + SPARE_FDS) {
        f.subscribers = (int)(limit.rlim_cur - SPARE_FDS) / 2;
        printf("ulimit -n allows only %d subscribers instead of 9000\n", f.subscribers);
    }
    fan_run(&f);
    fan_report(&f, "fanout: 9,000 subscribers, singly", "fanout: 9,000, many in one POST");
    report_floor(&b->report, "fanout: memory of each of the 9,000", f.kb_after, "KB", BELOW,
                 FLOOR_KB, "after the deliveries, recent events included; %.2f KB before them",
                 f.kb_idle);
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, part);
}
