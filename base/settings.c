#include "base/settings.h"

#include <ctype.h>
#include <string.h>

enum setting_type {
    TYPE_TEXT,
    TYPE_LIST,
    TYPE_COUNT,
    TYPE_SECONDS,
    TYPE_AGE,
    TYPE_BYTES,
    TYPE_ROOM,
    TYPE_SWITCH
};

static const struct setting_row {
    const char *flag, *value, *argument, *help;
    size_t offset; /* of the field in struct settings */
    enum setting_type type;
} rows[] = {
#define X(name, flag, type, value, argument, help)                                                 \
    {flag, value, argument, help, offsetof(struct settings, name), TYPE_##type},
#include "base/settings.def"
#undef X
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
_Static_assert(ROWS <= 64, "struct settings.given has a bit for each setting");

/* A hundred years, as of durations in a request: sums of times never overflow. */
static const int64_t DURATION_MAX_MS = 3155760000000;

static bool parse_age(struct str s, int64_t *ms)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    int64_t scale = 1;
    if (s.len && isalpha((unsigned char)s.data[s.len - 1])) {
        scale = 0;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
            if (units[i].unit == s.data[s.len - 1])
                scale = units[i].seconds;
        }
        s.len--;
    }
    return scale && str_seconds(s, ms) && !__builtin_mul_overflow(*ms, scale, ms);
}

static void list_add(struct settings_list *list, struct str item, struct arena *arena)
{
    struct str *items = ARENA_ARRAY(arena, struct str, list->count + 1);
    if (list->count)
        memcpy(items, list->items, list->count * sizeof(*items));
    items[list->count++] = item;
    list->items = items;
}

static const char too_large[] = "is too large";

static bool parse_switch(struct str s, bool *on)
{
    *on = str_eq(s, STR("on")) || str_eq(s, STR("1")) || str_eq(s, STR("true"));
    return *on || str_eq(s, STR("off")) || str_eq(s, STR("0")) || str_eq(s, STR("false"));
}

static const char *parse_count(struct str s, bool may_be_0, int64_t *number)
{
    if (!str_int(s, number) || *number < !may_be_0)
        return may_be_0 ? "wants a whole number, 0 or more" : "wants a whole number of at least 1";
    return *number <= 1000000000 ? NULL : too_large;
}

/* What is wrong with the value, or NULL. */
static const char *row_set(const struct setting_row *row, struct settings *settings, struct str s,
                           struct arena *arena)
{
    void *field = (char *)settings + row->offset;
    int64_t *number = field;
    switch (row->type) {
    case TYPE_TEXT:
        *(struct str *)field = s;
        return NULL;
    case TYPE_LIST:
        if (s.len)
            list_add(field, s, arena);
        return NULL;
    case TYPE_SWITCH:
        return parse_switch(s, field) ? NULL : "wants on or off";
    case TYPE_COUNT:
        return parse_count(s, strcmp(row->value, "0") == 0, number);
    case TYPE_BYTES:
        return str_int(s, number) && *number >= 1 && *number <= 1 << 30
                   ? NULL
                   : "wants a number of bytes from 1 to 1073741824";
    case TYPE_ROOM:
        return str_int(s, number) && *number >= 0 && *number <= 1 << 30
                   ? NULL
                   : "wants a number of bytes from 0 to 1073741824";
    case TYPE_SECONDS:
        if (!str_seconds(s, number))
            return "wants seconds, such as 5 or 0.5";
        return *number <= DURATION_MAX_MS ? NULL : too_large;
    case TYPE_AGE:
        if (!parse_age(s, number))
            return "wants an age such as 30s, 12h or 7d";
        return *number <= DURATION_MAX_MS ? NULL : too_large;
    }
    return "has no type";
}

static struct str variable_name(const struct setting_row *row, struct arena *arena)
{
    struct str name = arena_printf(arena, "ERRAND_%s", row->flag);
    char *bytes = (char *)(uintptr_t)name.data;
    for (size_t i = 0; i < name.len; i++)
        bytes[i] = bytes[i] == '-' ? '_' : (char)toupper((unsigned char)bytes[i]);
    return name;
}

static struct str variable_value(char *const *environment, struct str name)
{
    for (; environment && *environment; environment++) {
        struct str value = str_of(*environment);
        struct str key = str_cut(&value, '=');
        if (str_eq(key, name))
            return value;
    }
    return STR_NONE;
}

static const char *load_environment(struct settings *settings, char *const *environment,
                                    struct arena *arena)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct str name = variable_name(&rows[i], arena);
        struct str rest = variable_value(environment, name);
        if (!rest.data)
            continue;
        settings->given |= 1ULL << i;
        while (rest.data) {
            struct str value = rows[i].type == TYPE_LIST ? str_cut(&rest, ',') : rest;
            if (rows[i].type != TYPE_LIST)
                rest = STR_NONE;
            const char *wrong = row_set(&rows[i], settings, value, arena);
            if (wrong)
                return arena_printf(arena, "%s %s", name.data, wrong).data;
        }
    }
    return NULL;
}

static const struct setting_row *row_of(struct str flag)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (str_eq(flag, str_of(rows[i].flag)))
            return &rows[i];
    }
    return NULL;
}

/* A word that is no flag may be a secret, as may what follows the = of a flag: neither is shown. */
static const char *refuse_word(struct str flag, const struct setting_row *last, struct arena *arena)
{
    if (str_starts(flag, STR("-")))
        return arena_printf(arena, "unknown flag %.*s", STR_ARG(flag)).data;
    if (last)
        return arena_printf(arena, "what comes after --%s is no flag", last->flag).data;
    return "the first word is no flag";
}

static const char *load_flags(struct settings *settings, int argc, char *const *argv,
                              struct arena *arena)
{
    const struct setting_row *last = NULL;
    for (int i = 0; i < argc; i++) {
        struct str value = str_of(argv[i]);
        struct str flag = str_cut(&value, '=');
        const struct setting_row *row = NULL;
        if (str_starts(flag, STR("--")))
            row = row_of((struct str){flag.data + 2, flag.len - 2});
        if (!row)
            return refuse_word(flag, last, arena);
        last = row;
        if (row->type == TYPE_SWITCH && !value.data)
            value = STR("on");
        if (!value.data && i + 1 < argc)
            value = str_of(argv[++i]);
        if (!value.data)
            return arena_printf(arena, "--%s wants a value", row->flag).data;
        settings->given |= 1ULL << (row - rows);
        const char *wrong = row_set(row, settings, value, arena);
        if (wrong)
            return arena_printf(arena, "--%s %s", row->flag, wrong).data;
    }
    return NULL;
}

const char *settings_load(struct settings *settings, int argc, char *const *argv,
                          char *const *environment, struct arena *arena)
{
    *settings = (struct settings){0};
    for (size_t i = 0; i < ROWS; i++)
        row_set(&rows[i], settings, str_of(rows[i].value), arena);
    const char *wrong = load_environment(settings, environment, arena);
    return wrong ? wrong : load_flags(settings, argc, argv, arena);
}

bool settings_given(const struct settings *settings, enum setting which)
{
    return settings->given >> which & 1;
}

void settings_help(struct buf *out)
{
    struct arena arena = {0};
    for (size_t i = 0; i < ROWS; i++) {
        const struct setting_row *row = &rows[i];
        buf_addf(out, "  --%s%s%s\n      %s\n      default %s, variable %s\n", row->flag,
                 row->argument[0] ? " " : "", row->argument, row->help,
                 row->value[0] ? row->value : "(none)", variable_name(row, &arena).data);
    }
    arena_done(&arena);
}
