/*
 * 400 connections that all create at once, again and again: no answer may ever be late.
 * (A server that waits for events that it has already been given stalls here.)
 */
#include <stdlib.h>

#include "tests/bench/lib/bench.h"
#include "tests/bench/lib/child.h"
#include "tests/bench/lib/http.h"
#include "tests/bench/lib/load.h"
#include "tests/bench/lib/measure.h"

#define CONNECTIONS   400
#define ROUNDS_MAX    500
#define FLOOR_SECONDS 2.0
#define TASK          "{\"function\":\"echo\",\"args\":[\"x\"],\"delay\":3600}"

/* `rounds` rounds, with connections that stay, or with new ones for each round. */
static void burst(struct bench *b, int port, const char *name, int rounds, bool fresh)
{
    double taken[ROUNDS_MAX], slowest = 0;
    struct load l;
    size_t len;
    char *request = request_make("/v1/tasks", NULL, TASK, &len);

    load_open(&l, port, CONNECTIONS);
    for (int i = 0; i < rounds; i++) {
        if (fresh && i > 0) {
            load_close(&l);
            load_open(&l, port, CONNECTIONS);
        }
        taken[i] = load_round(&l, request, len);
        slowest = l.slowest > slowest ? l.slowest : slowest;
    }
    load_close(&l);
    free(request);
    report_floor(&b->report, name, slowest, "s", AT_MOST, FLOOR_SECONDS,
                 "rounds: median %.1f ms, most %.1f ms; %d of them", median(taken, rounds) * 1000,
                 percentile(taken, rounds, 1) * 1000, rounds);
}

static void part(struct bench *b)
{
    struct child errand;

    errand_start(&errand, b, NULL, 0);
    burst(b, errand.port, "burst: 400 at once, slowest answer", bench_pick(b, ROUNDS_MAX, 50),
          false);
    burst(b, errand.port, "burst: the same on new connections", bench_pick(b, 50, 10), true);
    errand_stop(&errand, b);
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, part);
}
