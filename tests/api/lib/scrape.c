#include "tests/api/lib/scrape.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One line after another; the family that the last HELP opened. */
struct reader {
    struct scrape *scrape;
    struct place place;
    const char *line; /* for messages */
    const char *family, *type;
    size_t samples; /* of the family so far */
    /* The histogram whose buckets are being read. */
    const char *labels;   /* without le; NULL: none */
    double bound, so_far; /* of the last bucket */
    int missing;          /* 2: _sum and _count, 1: _count */
};

#define wrong(reader, what) fail_at((reader)->place, "metrics: %s: %s", what, (reader)->line)

/* --- pieces ------------------------------------------------------------------------- */

/* A name from there on, letters, digits and _, no digit first; and what comes after it. */
static const char *take_name(struct reader *r, const char **at)
{
    const char *start = *at;
    if (isdigit((unsigned char)*start))
        wrong(r, "a name starts with a digit");
    while (isalnum((unsigned char)**at) || **at == '_')
        (*at)++;
    if (*at == start)
        wrong(r, "a name is missing");
    return keep_bytes(r->scrape->scenario, start, (size_t)(*at - start));
}

static void take_char(struct reader *r, const char **at, char c)
{
    if (**at != c)
        wrong(r, text(r->scrape->scenario, "no '%c' before \"%s\"", c, *at));
    (*at)++;
}

/* A label's value with its quotes; what is escaped is \, " and the line feed alone. */
static const char *take_value(struct reader *r, const char **at)
{
    take_char(r, at, '"');
    const char *start = *at;
    for (; **at && **at != '"'; (*at)++) {
        if (**at == '\\' && (!*++*at || !strchr("\\\"n", **at)))
            wrong(r, "an unknown escape");
    }
    const char *value = keep_bytes(r->scrape->scenario, start, (size_t)(*at - start));
    take_char(r, at, '"');
    return value;
}

struct labels {
    const char *all;  /* with the braces; "" if there are none */
    const char *le;   /* NULL: none */
    const char *rest; /* those but le, as text */
};

static struct labels take_labels(struct reader *r, const char **at)
{
    struct scenario *s = r->scrape->scenario;
    struct labels labels = {"", NULL, ""};
    const char *start = *at;
    if (**at != '{')
        return labels;
    do {
        (*at)++;
        const char *name = take_name(r, at);
        take_char(r, at, '=');
        const char *value = take_value(r, at);
        if (!strcmp(name, "le"))
            labels.le = value;
        else
            labels.rest = text(s, "%s%s=%s,", labels.rest, name, value);
    } while (**at == ',');
    take_char(r, at, '}');
    labels.all = keep_bytes(s, start, (size_t)(*at - start));
    return labels;
}

static double number(struct reader *r, const char *digits)
{
    char *end;
    double value = !strcmp(digits, "+Inf") ? (double)INFINITY : strtod(digits, &end);
    if (strcmp(digits, "+Inf") != 0 && (end == digits || *end || !isfinite(value)))
        wrong(r, "no number");
    return value;
}

/* --- lines --------------------------------------------------------------------------- */

static void end_family(struct reader *r)
{
    if (r->family && (!r->type || !r->samples))
        wrong(r, text(r->scrape->scenario, "%s has no TYPE or no sample", r->family));
    if (r->labels)
        wrong(r, "the histogram before this has no end");
}

static void take_help(struct reader *r, const char *at)
{
    end_family(r);
    r->family = take_name(r, &at);
    r->type = NULL;
    r->samples = 0;
    take_char(r, &at, ' ');
    if (!*at)
        wrong(r, "HELP says nothing");
    for (size_t i = 0; i < r->scrape->count; i++) {
        if (!strcmp(r->scrape->samples[i].family, r->family))
            wrong(r, "the family comes twice");
    }
    r->scrape->families++;
}

static void take_type(struct reader *r, const char *at)
{
    const char *name = take_name(r, &at);
    take_char(r, &at, ' ');
    if (!r->family || strcmp(name, r->family) != 0 || r->type)
        wrong(r, "TYPE does not follow its HELP");
    if (strcmp(at, "counter") != 0 && strcmp(at, "gauge") != 0 && strcmp(at, "histogram") != 0)
        wrong(r, "an unknown type");
    bool total = strlen(name) > 6 && !strcmp(name + strlen(name) - 6, "_total");
    if (total != !strcmp(at, "counter"))
        wrong(r, "a counter, and nothing else, is called _total");
    r->type = at;
}

/* Buckets ascend and add up to +Inf; then come _sum and _count, of the same labels. */
static void take_histogram(struct reader *r, const char *suffix, const struct labels *labels,
                           double value)
{
    if (!strcmp(suffix, "_bucket")) {
        double bound = labels->le ? number(r, labels->le) : 0;
        if (!labels->le || r->missing)
            wrong(r, "a bucket without le, or out of place");
        if (r->labels &&
            (strcmp(r->labels, labels->rest) != 0 || bound <= r->bound || value < r->so_far))
            wrong(r, "buckets do not ascend");
        r->labels = labels->rest;
        r->bound = bound;
        r->so_far = value;
        r->missing = isinf(bound) ? 2 : 0;
        return;
    }
    if (!r->labels || labels->le || strcmp(r->labels, labels->rest) != 0 || !r->missing)
        wrong(r, "no buckets, or none for +Inf, came before");
    if (strcmp(suffix, r->missing == 2 ? "_sum" : "_count") != 0)
        wrong(r, "_sum and then _count are wanted");
    if (r->missing == 1 && value != r->so_far)
        wrong(r, "_count is not the bucket of +Inf");
    if (--r->missing == 0)
        r->labels = NULL;
}

static void take_sample(struct reader *r)
{
    struct scrape *scrape = r->scrape;
    const char *at = r->line;
    const char *name = take_name(r, &at);
    size_t length = r->family ? strlen(r->family) : 0;
    if (!r->type || strncmp(name, r->family, length) != 0)
        wrong(r, "a sample outside of its family");
    struct labels labels = take_labels(r, &at);
    take_char(r, &at, ' ');
    double value = number(r, at);
    if (!strcmp(r->type, "histogram"))
        take_histogram(r, name + length, &labels, value);
    else if (name[length])
        wrong(r, "a sample outside of its family");
    if (strcmp(r->type, "gauge") != 0 && value < 0)
        wrong(r, "less than nothing was counted");
    const char *series = text(scrape->scenario, "%s%s", name, labels.all);
    for (size_t i = scrape->count; i-- > scrape->count - r->samples;) {
        if (!strcmp(scrape->samples[i].series, series))
            wrong(r, "the series comes twice");
    }
    scrape->samples[scrape->count++] = (struct sample){r->family, series, value};
    r->samples++;
}

struct scrape *scrape_read(struct scenario *s, const char *body, size_t length, struct place place)
{
    struct scrape *scrape = keep(s, sizeof *scrape);
    struct reader reader = {.scrape = scrape, .place = place, .line = "the end"};
    size_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += body[i] == '\n';
    if (!length || body[length - 1] != '\n' || memchr(body, '\0', length))
        fail_at(place, "metrics: no text that ends in a line feed");
    *scrape = (struct scrape){.scenario = s, .samples = keep(s, lines * sizeof(struct sample))};
    for (const char *at = body, *end; at < body + length; at = end + 1) {
        end = strchr(at, '\n');
        reader.line = keep_bytes(s, at, (size_t)(end - at));
        if (!strncmp(reader.line, "# HELP ", 7))
            take_help(&reader, reader.line + 7);
        else if (!strncmp(reader.line, "# TYPE ", 7))
            take_type(&reader, reader.line + 7);
        else
            take_sample(&reader);
    }
    end_family(&reader);
    return scrape;
}

/* --- asking --------------------------------------------------------------------------- */

struct scrape *scrape_server(struct server *server, struct place place)
{
    struct reply *reply = get(server, "/metrics");
    reply_expect_status(reply, 200, place);
    reply_expect_header(reply, "Content-Type", "text/plain; version=0.0.4; charset=utf-8", place);
    return scrape_read(server->scenario, reply->body.text, reply->body.length, place);
}

const struct sample *scrape_find(const struct scrape *scrape, const char *series)
{
    const char *wanted = requote(text(scrape->scenario, "%s", series));
    for (size_t i = 0; i < scrape->count; i++) {
        if (!strcmp(scrape->samples[i].series, wanted))
            return &scrape->samples[i];
    }
    return NULL;
}

double scrape_value(const struct scrape *scrape, const char *series, struct place place)
{
    const struct sample *sample = scrape_find(scrape, series);
    if (!sample)
        fail_at(place, "there is no %s", series);
    return sample->value;
}

void scrape_expect(const struct scrape *scrape, const char *series, double want, struct place place)
{
    double value = scrape_value(scrape, series, place);
    if (value != want)
        fail_at(place, "%s is %g, not %g", series, value, want);
}
