#include "tests/bench/lib/report.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Three figures that tell: 0.312, 4.21, 35.2, 48211. */
static void format_value(char *out, size_t size, double value, const char *unit)
{
    int digits = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;

    if (value == (double)(long)value)
        digits = 0;
    snprintf(out, size, "%.*f%s%s", digits, value, *unit ? " " : "", unit);
}

static void print_line(const char *name, const char *value, const char *floor, const char *verdict,
                       const char *beside, va_list args)
{
    char text[256];

    vsnprintf(text, sizeof text, beside, args);
    printf("%-46s %14s  %-10s %-4s  %s\n", name, value, floor, verdict, text);
    fflush(stdout);
}

void report_value(const char *name, double value, const char *unit, const char *beside, ...)
{
    char value_text[64];
    va_list args;

    format_value(value_text, sizeof value_text, value, unit);
    va_start(args, beside);
    print_line(name, value_text, "", "", beside, args);
    va_end(args);
}

static void record(struct report *r, const char *name, bool met)
{
    for (int i = 0; i < r->count; i++) {
        if (strcmp(r->floors[i].name, name) == 0) {
            r->floors[i].met |= met;
            return;
        }
    }
    assert(r->count < REPORT_FLOORS_MAX);
    r->floors[r->count++] = (struct floor_record){.name = name, .met = met};
}

void report_floor(struct report *r, const char *name, double value, const char *unit,
                  enum floor_sense sense, double floor, const char *beside, ...)
{
    static const char *const signs[] = {[AT_LEAST] = ">=", [AT_MOST] = "<=", [BELOW] = "<"};
    char value_text[64], number[32], floor_text[64];
    bool met = sense == AT_LEAST ? value >= floor : sense == BELOW ? value < floor : value <= floor;
    va_list args;

    format_value(value_text, sizeof value_text, value, unit);
    format_value(number, sizeof number, floor, "");
    snprintf(floor_text, sizeof floor_text, "%s %s", signs[sense], number);
    va_start(args, beside);
    print_line(name, value_text, floor_text, met ? "PASS" : "MISS", beside, args);
    va_end(args);
    record(r, name, met);
}

int report_missed(const struct report *r)
{
    int missed = 0;

    for (int i = 0; i < r->count; i++)
        missed += !r->floors[i].met;
    return missed;
}
