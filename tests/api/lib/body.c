#include "tests/api/lib/body.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/api/lib/spelling.h"

static void delete_tree(void *tree)
{
    cJSON_Delete(tree);
}

void body_init(struct body *body, struct scenario *s, const char *bytes, size_t length)
{
    *body = (struct body){.scenario = s, .text = bytes, .length = length};
    body->tree = cJSON_ParseWithLength(bytes, length);
    if (body->tree)
        at_end(s, delete_tree, body->tree);
}

static cJSON *step(cJSON *from, const char *name)
{
    if (cJSON_IsArray(from))
        return isdigit(name[0]) ? cJSON_GetArrayItem(from, atoi(name)) : NULL;
    return cJSON_GetObjectItemCaseSensitive(from, name);
}

cJSON *body_at(const struct body *body, const char *path)
{
    cJSON *here = body->tree;
    char *rest = text(body->scenario, "%s", path);
    for (char *name; here && (name = strsep(&rest, "."));) {
        if (*name)
            here = step(here, name);
    }
    return here;
}

static cJSON *must_have(const struct body *body, const char *path, struct place place)
{
    cJSON *found = body_at(body, path);
    if (!found)
        fail_at(place, "no `%s` in: %s", path, body->text);
    return found;
}

const char *body_text(const struct body *body, const char *path, struct place place)
{
    cJSON *found = must_have(body, path, place);
    if (!cJSON_IsString(found))
        fail_at(place, "`%s` is not a string in: %s", path, body->text);
    return found->valuestring;
}

double body_number(const struct body *body, const char *path, struct place place)
{
    cJSON *found = must_have(body, path, place);
    if (!cJSON_IsNumber(found))
        fail_at(place, "`%s` is not a number in: %s", path, body->text);
    return found->valuedouble;
}

int body_count(const struct body *body, const char *path, struct place place)
{
    cJSON *found = must_have(body, path, place);
    if (!cJSON_IsArray(found))
        fail_at(place, "`%s` is not an array in: %s", path, body->text);
    return cJSON_GetArraySize(found);
}

char *json_one_spelling(struct scenario *s, const char *bytes, size_t length)
{
    char *out = spelling_of(bytes, length);
    if (!out)
        abort();
    at_end(s, free, out);
    return out;
}

const char *body_value(const struct body *body, const char *path, struct place place)
{
    const char *all = json_one_spelling(body->scenario, body->text, body->length);
    const char *begin = all, *end = all + strlen(all);
    if (*path && !spelling_find(all, path, &begin, &end))
        fail_at(place, "no `%s` in: %s", path, all);
    return keep_bytes(body->scenario, begin, (size_t)(end - begin));
}

void body_expect_text(const struct body *body, const char *path, const char *want,
                      struct place place)
{
    const char *got = body_text(body, path, place);
    if (strcmp(got, want) != 0)
        fail_at(place, "`%s` is \"%s\", not \"%s\", in: %s", path, got, want, body->text);
}

void body_expect_number(const struct body *body, const char *path, double want, struct place place)
{
    double got = body_number(body, path, place);
    if (got < want || got > want)
        fail_at(place, "`%s` is %g, not %g, in: %s", path, got, want, body->text);
}

void body_expect_absent(const struct body *body, const char *path, struct place place)
{
    if (!body->tree)
        fail_at(place, "not JSON: %s", body->text);
    if (body_at(body, path))
        fail_at(place, "there should be no `%s` in: %s", path, body->text);
}

void body_expect_exact(const struct body *body, const char *path, const char *want,
                       struct place place)
{
    const char *got = body_value(body, path, place);
    const char *spelt = json_one_spelling(body->scenario, want, strlen(want));
    if (strcmp(got, spelt) != 0)
        fail_at(place, "`%s` is %.1500s\n, not %.1500s", path, got, spelt);
}

void body_expect_json(const struct body *body, const char *path, const char *want,
                      struct place place)
{
    body_expect_exact(body, path, requote(text(body->scenario, "%s", want)), place);
}

int64_t body_time(const struct body *body, const char *path, struct place place)
{
    const char *got = body_text(body, path, place);
    struct tm parts = {0};
    const char *fraction = strptime(got, "%Y-%m-%dT%H:%M:%S", &parts);
    int milliseconds = 0, end = 0;
    if (!fraction || sscanf(fraction, ".%3dZ%n", &milliseconds, &end) != 1 || end != 5 ||
        fraction[5])
        fail_at(place, "`%s` is no time in UTC with milliseconds: %s", path, got);
    return (int64_t)timegm(&parts) * 1000 + milliseconds;
}
