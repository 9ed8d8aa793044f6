#include "tests/api/lib/scenario.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/process.h"

struct undo {
    struct undo *next;
    void (*undo)(void *);
    void *what;
};

void scenario_filter(void)
{
    const char *only = getenv("ONLY");
    if (only)
        cmocka_set_test_filter(only);
}

/* Does not come back if this one is to be left out. */
void scenario_skip(struct scenario *s)
{
    const char *names = getenv("SKIP");
    size_t length = strlen(s->name);
    for (const char *p = names; p && (p = strstr(p, s->name)); p += length) {
        if ((p == names || p[-1] == ' ') && strchr(" ", p[length]))
            skip();
    }
}

/* The test program adopts what its servers leave behind, so that it can end it. */
int scenario_begin(void **state)
{
    struct scenario *s = calloc(1, sizeof *s);
    if (!s || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return -1;
    s->folder = folder_make(s);
    *state = s;
    return 0;
}

int scenario_end(void **state)
{
    struct scenario *s = *state;
    if (!s->finished && s->note)
        print_error("while trying: %s\n", s->note);
    while (s->undos) {
        struct undo *undo = s->undos;
        s->undos = undo->next;
        undo->undo(undo->what);
        free(undo);
    }
    process_end_orphans();
    int outcome = s->finished && s->spoilt ? -1 : 0;
    free(s);
    return outcome;
}

void at_end(struct scenario *s, void (*undo)(void *), void *what)
{
    struct undo *entry = malloc(sizeof *entry);
    if (!entry)
        abort();
    *entry = (struct undo){.next = s->undos, .undo = undo, .what = what};
    s->undos = entry;
}

void *keep(struct scenario *s, size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        abort();
    at_end(s, free, memory);
    return memory;
}

char *keep_bytes(struct scenario *s, const void *bytes, size_t length)
{
    char *copy = keep(s, length + 1);
    if (length)
        memcpy(copy, bytes, length);
    return copy;
}

char *vtext(struct scenario *s, const char *format, va_list arguments)
{
    char *out = NULL;
    if (vasprintf(&out, format, arguments) < 0)
        abort();
    at_end(s, free, out);
    return out;
}

char *text(struct scenario *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *out = vtext(s, format, arguments);
    va_end(arguments);
    return out;
}

char *requote(char *json)
{
    for (char *p = json; *p; p++) {
        if (*p == '\'')
            *p = '"';
    }
    return json;
}

char *vjson(struct scenario *s, const char *format, va_list arguments)
{
    return vtext(s, requote(text(s, "%s", format)), arguments);
}

char *json(struct scenario *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *out = vjson(s, format, arguments);
    va_end(arguments);
    return out;
}

void note(struct scenario *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    s->note = vtext(s, format, arguments);
    va_end(arguments);
}

void fail_at(struct place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments); /* print_error() would cut it at 1 KiB */
    va_end(arguments);
    fputc('\n', stderr);
    _fail(place.file, place.line);
    abort(); /* not reached: _fail() jumps */
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int deadline_ms(void)
{
    enum { PATIENT_MS = 20000 }; /* generous: sanitizers are slow */
    const char *times = getenv("ERRAND_PATIENCE");
    return times ? PATIENT_MS * atoi(times) : PATIENT_MS;
}

struct patience patience_begin(void)
{
    return (struct patience){.until = now_ms() + DEADLINE_MS};
}

void patience_more(struct patience *patience, const char *condition, struct place place)
{
    enum { BETWEEN_TRIES_MS = 5 };
    if (now_ms() > patience->until)
        fail_at(place, "waited %d ms in vain for: %s", DEADLINE_MS, condition);
    poll(NULL, 0, BETWEEN_TRIES_MS);
}
