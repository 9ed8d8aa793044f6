/*
 * GET /metrics, read strictly: the text format of Prometheus, version 0.0.4, as
 * this server may write it. Each family has one HELP, then one TYPE, then all its
 * samples; no series comes twice; buckets ascend and add up. What is not so fails.
 */
#ifndef TESTS_API_SCRAPE_H
#define TESTS_API_SCRAPE_H

#include "tests/api/lib/server.h"

struct sample {
    const char *family;
    const char *series; /* name{labels}, as it came */
    double value;
};

struct scrape {
    struct scenario *scenario;
    struct sample *samples;
    size_t count;
    size_t families;
};

/* Asks the server. */
#define scrape(server) scrape_server(server, HERE)
struct scrape *scrape_server(struct server *, struct place);
struct scrape *scrape_read(struct scenario *, const char *text, size_t length, struct place);

/* The value of a series, its labels in the order of the server: "errand_tasks{state='queued'}".
 * Single quotes stand for double ones. It has to be there. */
#define metric(server, series)              scrape_value(scrape(server), series, HERE)
#define expect_metric(server, series, want) scrape_expect(scrape(server), series, want, HERE)
#define scrape_has(scrape, series)          (scrape_find(scrape, series) != NULL)
const struct sample *scrape_find(const struct scrape *, const char *series);
double scrape_value(const struct scrape *, const char *series, struct place);
void scrape_expect(const struct scrape *, const char *series, double want, struct place);

#endif
