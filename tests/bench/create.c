/*
 * Creates a second: 64 keep-alive connections, one task a POST, each answered when it is
 * on disk; beside bare libmicrohttpd that answers the same bytes of request.
 */
#include <stdlib.h>

#include "tests/bench/lib/bench.h"
#include "tests/bench/lib/child.h"
#include "tests/bench/lib/http.h"
#include "tests/bench/lib/load.h"
#include "tests/bench/lib/measure.h"

#define CONNECTIONS 64
#define FLOOR       0.30
#define SYNCS       20 /* a round */

#define DELAYED   "{\"function\":\"echo\",\"args\":[\"x\"],\"delay\":3600}"
#define IMMEDIATE "{\"function\":\"echo\",\"args\":[\"x\"]}"

struct contest {
    const struct bench *bench;
    struct child server;
    struct load errand;
    struct load bare;
    char *request;
    size_t len;
    int stats; /* a connection to errand, to see what has run; -1: creating is all */
    struct pairs rates;
    struct pairs syncs; /* a: seconds */
};

/* The creates of one round a second; with `stats`, until all of them have also run. */
static double errand_rate(struct contest *c, double seconds)
{
    double from = now_seconds();
    long goal = c->stats < 0 ? 0 : stats_count(c->stats, "succeeded");

    load_run(&c->errand, c->request, c->len, seconds);
    if (c->stats < 0)
        return (double)c->errand.answers / c->errand.seconds;
    goal += c->errand.answers;
    while (stats_count(c->stats, "succeeded") < goal) {
        if (now_seconds() - from > seconds + 60)
            die_with_stats(c->stats, "not all tasks have succeeded after 60 s");
        pause_seconds(0.01);
    }
    return (double)c->errand.answers / (now_seconds() - from);
}

static void contest_round(struct contest *c, double seconds)
{
    double sync = disk_sync_seconds(c->bench->folder, SYNCS);
    double errand = errand_rate(c, seconds);

    child_settle(&c->server);
    pairs_add(&c->rates, errand, load_run(&c->bare, c->request, c->len, seconds));
    pairs_add(&c->syncs, sync, 1);
}

static void contest_run(struct contest *c, const char *task, const char *header, bool run)
{
    const struct bench *b = c->bench;
    struct child bare;
    int rounds = bench_pick(b, 5, 3);
    double seconds = bench_seconds(b, 1.5, 0.5);

    errand_start(&c->server, b, NULL, 0);
    bare_start(&bare, b, "bare_mhd");
    c->request = request_make("/v1/tasks", header, task, &c->len);
    c->stats = run ? tcp_connect(c->server.port) : -1;
    load_open(&c->errand, c->server.port, CONNECTIONS);
    load_open(&c->bare, bare.port, CONNECTIONS);
    errand_rate(c, 0.3); /* both warm */
    load_run(&c->bare, c->request, c->len, 0.3);
    for (int i = 0; i < rounds; i++)
        contest_round(c, seconds);
    load_close(&c->errand);
    load_close(&c->bare);
    if (run)
        tcp_close(c->stats);
    free(c->request);
    child_stop(&bare);
    errand_stop(&c->server, b);
}

static void contest_report(struct bench *b, const struct contest *c, const char *name, double floor)
{
    struct pairs_text beside = pairs_describe(&c->rates);
    double ratio = pairs_ratio(&c->rates), sync = pairs_a(&c->syncs) * 1000;

    if (floor > 0)
        report_floor(&b->report, name, ratio, "of bare", AT_LEAST, floor, "%s; disk sync %.2f ms",
                     beside.text, sync);
    else
        report_value(name, ratio, "of bare", "%s; disk sync %.2f ms", beside.text, sync);
}

static void part(struct bench *b)
{
    struct contest c = {.bench = b};

    contest_run(&c, DELAYED, NULL, false);
    contest_report(b, &c, "create: 64 connections", FLOOR);
    c = (struct contest){.bench = b};
    contest_run(&c, DELAYED, "Prefer: return=minimal", false);
    contest_report(b, &c, "create: the same, minimal answers", 0);
    c = (struct contest){.bench = b};
    contest_run(&c, IMMEDIATE, NULL, true);
    contest_report(b, &c, "create: echo, until all have run", 0);
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, part);
}
