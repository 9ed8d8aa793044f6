/* What a script expects of an answer. */
#include <stdio.h>
#include <string.h>

#include "tests/api/lib/http.h"
#include "tests/api/lib/record.h"

void reply_expect_status(const struct reply *reply, int want, struct place place)
{
    if (reply->status != want)
        fail_at(place, "status %d, not %d: %.2000s", reply->status, want, reply->body.text);
}

void reply_expect_header(const struct reply *reply, const char *name, const char *want,
                         struct place place)
{
    const char *got = header(reply, name);
    if (!got || strcmp(got, want) != 0)
        fail_at(place, "header %s is %s, not %s, in:\n%s", name, got ? got : "absent", want,
                reply->head);
}

/* Section 4: the one shape of an error. `slug` NULL: any. */
void reply_expect_problem(const struct reply *reply, int want, const char *slug, struct place place)
{
    reply_expect_status(reply, want, place);
    const char *type = header(reply, "Content-Type");
    if (!type || strncmp(type, "application/problem+json", 24) != 0)
        fail_at(place, "a problem of the type %s: %s", type ? type : "(none)", reply->body.text);
    body_expect_number(&reply->body, "status", want, place);
    body_text(&reply->body, "title", place);
    body_text(&reply->body, "detail", place);
    const char *kind = body_text(&reply->body, "type", place);
    if (strncmp(kind, "/problems/", 10) != 0 || (slug && strcmp(kind + 10, slug) != 0))
        fail_at(place, "the problem is %s, not %s: %s", kind, slug ? slug : "(any)",
                reply->body.text);
    record_problem(reply, kind + 10);
}

void reply_expect_error(const struct reply *reply, const char *kind, const char *want,
                        struct place place)
{
    reply_expect_problem(reply, 422, NULL, place);
    int count = body_count(&reply->body, "errors", place);
    for (int i = 0; i < count; i++) {
        char path[64];
        snprintf(path, sizeof path, "errors.%d.detail", i);
        body_text(&reply->body, path, place);
        snprintf(path, sizeof path, "errors.%d.%s", i, kind);
        if (body_at(&reply->body, path) && !strcmp(body_text(&reply->body, path, place), want))
            return;
    }
    fail_at(place, "no error with the %s %s: %s", kind, want, reply->body.text);
}
