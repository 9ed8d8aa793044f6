#include "engine/manifest_worker.h"

#include "base/id.h"
#include "base/mem.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

enum { SECONDS_MAX = 1000000000, SERVED_MAX = 1000 };

/* False leaves *value alone. */
static bool read_whole(double number, double low, double high, int64_t *value)
{
    if (!(number >= low && number <= high) || number != floor(number))
        return false;
    *value = (int64_t)number;
    return true;
}

/* One member of "workers". */
static const char *read_rule(const cJSON *part, struct worker_rules *rules)
{
    double number = cJSON_IsNumber(part) ? part->valuedouble : -1;
    if (strcmp(part->string, "min") == 0)
        return read_whole(number, 0, WORKERS_MAX, &rules->min)
                   ? NULL
                   : "has to be a whole number from 0 to 1024";
    if (strcmp(part->string, "max") == 0)
        return read_whole(number, 1, WORKERS_MAX, &rules->max)
                   ? NULL
                   : "has to be a whole number from 1 to 1024";
    if (strcmp(part->string, "inflight") == 0)
        return read_whole(number, 1, INFLIGHT_MAX, &rules->inflight)
                   ? NULL
                   : "has to be a whole number from 1 to 1000";
    if (strcmp(part->string, "idle") != 0)
        return "is no member of \"workers\"";
    if (!(number >= 0 && number <= SECONDS_MAX))
        return "has to be a number from 0 to 1e+09";
    rules->idle = llround(number * 1000);
    return NULL;
}

const char *manifest_workers(const cJSON *item, struct arena *arena, struct worker_rules *rules)
{
    bool max_given = false;
    if (!cJSON_IsObject(item))
        return "has to be an object";
    for (const cJSON *part = item->child; part; part = part->next) {
        const char *why = read_rule(part, rules);
        if (why)
            return arena_printf(arena, "is wrong: \"%s\" %s", part->string, why).data;
        max_given = max_given || strcmp(part->string, "max") == 0;
    }
    if (!max_given && rules->max < rules->min)
        rules->max = rules->min;
    return rules->min > rules->max ? "is wrong: \"min\" is above \"max\"" : NULL;
}

const char *manifest_functions(const cJSON *item, struct arena *arena, struct function *function)
{
    int count = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 0;
    if (count < 1 || count > SERVED_MAX)
        return "has to be an array of 1 to 1000 names";
    struct str *names = ARENA_ARRAY(arena, struct str, (size_t)count);
    size_t used = 0;
    for (const cJSON *part = item->child; part; part = part->next) {
        struct str name = str_of(cJSON_IsString(part) ? part->valuestring : "");
        if (!id_valid(name))
            return "has to be an array of names: 1 to 64 characters of A-Z a-z 0-9 _ -";
        for (size_t i = 0; i < used; i++) {
            if (str_eq(names[i], name))
                return "has a name twice";
        }
        names[used++] = arena_str(arena, name);
    }
    function->serves = names;
    function->serves_count = used;
    return NULL;
}
