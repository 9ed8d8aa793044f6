/*
 * Arrays of 500 tasks a POST, beside bare libmicrohttpd that takes the same bytes of
 * request and answers as many bytes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/lib/bench.h"
#include "tests/bench/lib/child.h"
#include "tests/bench/lib/http.h"
#include "tests/bench/lib/load.h"
#include "tests/bench/lib/measure.h"

#define CONNECTIONS 8
#define TASKS       500
#define TASK        "{\"function\":\"echo\",\"args\":[\"x\"],\"delay\":3600}"

static void compare(const struct bench *b, const char *header, struct pairs *rates,
                    size_t *answer_bytes)
{
    char *tasks = json_repeat(TASK, TASKS), *request, *bare_request, path[64];
    double seconds = bench_seconds(b, 1.5, 0.5);
    struct child errand, bare;
    struct load to_errand, to_bare;
    size_t len, bare_len;

    errand_start(&errand, b, NULL, 0);
    bare_start(&bare, b, "bare_mhd");
    load_open(&to_errand, errand.port, CONNECTIONS);
    load_open(&to_bare, bare.port, CONNECTIONS);
    request = request_make("/v1/tasks", header, tasks, &len);
    load_run(&to_errand, request, len, 0.2); /* warm, and tells how long answers are */
    *answer_bytes = to_errand.answer_bytes;
    snprintf(path, sizeof path, "/?bytes=%zu", to_errand.answer_bytes);
    bare_request = request_make(path, header, tasks, &bare_len);
    load_run(&to_bare, bare_request, bare_len, 0.2);
    for (int i = 0; i < bench_pick(b, 5, 3); i++) {
        double a = load_run(&to_errand, request, len, seconds);

        child_settle(&errand);
        pairs_add(rates, a * TASKS, load_run(&to_bare, bare_request, bare_len, seconds) * TASKS);
    }
    load_close(&to_errand);
    load_close(&to_bare);
    child_stop(&bare);
    errand_stop(&errand, b);
    free(tasks);
    free(request);
    free(bare_request);
}

static void batch_report(const struct bench *b, const char *name, const char *header)
{
    struct pairs rates = {.count = 0};
    size_t answer_bytes;

    compare(b, header, &rates, &answer_bytes);
    report_value(name, pairs_ratio(&rates), "of bare", "tasks: %s; %.0f bytes of answer each",
                 pairs_describe(&rates).text, (double)answer_bytes / TASKS);
}

static void part(struct bench *b)
{
    batch_report(b, "batch: 500 a POST", NULL);
    batch_report(b, "batch: the same, minimal answers", "Prefer: return=minimal");
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, part);
}
