/* The settings of `errand serve`: where they come from, and what they refuse. */
#include "base/mem.h"
#include "base/settings.h"
#include "tests/unit/check.h"

#include <string.h>

enum { WORDS = 8 };

/* Both lists end at the first NULL. */
static const char *load(struct settings *settings, struct arena *arena,
                        const char *const environment[WORDS], const char *const argv[WORDS])
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return settings_load(settings, argc, (char *const *)(uintptr_t)argv,
                         (char *const *)(uintptr_t)environment, arena);
}

static void has_the_defaults_of_the_contract(void **state)
{
    struct arena arena = {0};
    struct settings settings;
    (void)state;
    assert_null(load(&settings, &arena, (const char *[WORDS]){NULL}, (const char *[WORDS]){NULL}));
    assert_str(settings.listen, STR("127.0.0.1:8080"));
    assert_str(settings.data, STR("./errand-data"));
    assert_str(settings.functions, STR("./functions"));
    assert_int_equal(settings.slots, 0);
    assert_int_equal(settings.grace, 3000);
    assert_int_equal(settings.drain, 5000);
    assert_str(settings.on_shutdown, STR("requeue"));
    assert_int_equal(settings.retain, 7 * 86400000LL);
    assert_int_equal(settings.max_body, 1 << 20);
    assert_int_equal(settings.max_result, 16 << 20);
    assert_int_equal(settings.max_inputs, 256 << 20);
    assert_int_equal(settings.max_queued, 1000000);
    assert_int_equal(settings.token.len, 0);
    assert_int_equal(settings.token_file.len, 0);
    assert_false(settings.no_auth);
    assert_int_equal(settings.cors_origin.count, 0);
    assert_int_equal(settings.heartbeat, 15000);
    assert_int_equal(settings.given, 0);
    assert_null(settings_load(&settings, 0, NULL, NULL, &arena));
    assert_int_equal(settings.slots, 0);
    arena_done(&arena);
}

static void reads_the_environment(void **state)
{
    struct arena arena = {0};
    struct settings settings;
    const char *const environment[] = {"ERRAND_LISTEN=0.0.0.0:1=2",
                                       "ERRAND_MAX_BODY=5",
                                       "ERRAND_NO_AUTH=1",
                                       "XERRAND_SLOTS=9",
                                       "ERRAND_SLOTSX=9",
                                       "errand_slots=9",
                                       "ERRAND_TOKEN=",
                                       "ERRAND_GRACE",
                                       "ERRAND_OTHER=1",
                                       "ERRAND_DRAIN=0.25",
                                       NULL};
    (void)state;
    assert_null(load(&settings, &arena, environment, (const char *[WORDS]){NULL}));
    assert_str(settings.listen, STR("0.0.0.0:1=2"));
    assert_int_equal(settings.max_body, 5);
    assert_int_equal(settings.drain, 250);
    assert_int_equal(settings.slots, 0);
    assert_int_equal(settings.grace, 3000);
    assert_true(settings.no_auth);
    assert_true(settings_given(&settings, SETTING_ID_listen));
    assert_true(settings_given(&settings, SETTING_ID_no_auth));
    assert_true(settings_given(&settings, SETTING_ID_token)); /* given, though empty */
    assert_false(settings_given(&settings, SETTING_ID_slots));
    assert_false(settings_given(&settings, SETTING_ID_grace));
    arena_done(&arena);
}

static void prefers_flags(void **state)
{
    struct arena arena = {0};
    struct settings settings;
    (void)state;
    assert_null(load(&settings, &arena,
                     (const char *[WORDS]){"ERRAND_SLOTS=3", "ERRAND_DATA=env", "ERRAND_NO_AUTH=on",
                                           "ERRAND_GRACE=9"},
                     (const char *[WORDS]){"--slots", "4", "--data=flag", "--no-auth=off"}));
    assert_int_equal(settings.slots, 4);
    assert_str(settings.data, STR("flag"));
    assert_false(settings.no_auth);
    assert_int_equal(settings.grace, 9000);
    arena_done(&arena);
}

static void reads_flags(void **state)
{
    struct arena arena = {0};
    struct settings settings;
    (void)state;
    assert_null(load(&settings, &arena, (const char *[WORDS]){NULL},
                     (const char *[WORDS]){"--no-auth", "--listen", "[::1]:0", "--data=a=b",
                                           "--token=", "--slots=7", "--slots=8"}));
    assert_true(settings.no_auth);
    assert_str(settings.listen, STR("[::1]:0"));
    assert_str(settings.data, STR("a=b"));
    assert_str(settings.token, STR(""));
    assert_int_equal(settings.slots, 8); /* the last one counts */
    assert_true(settings_given(&settings, SETTING_ID_token));
    assert_true(settings_given(&settings, SETTING_ID_slots));
    assert_false(settings_given(&settings, SETTING_ID_retain));
    arena_done(&arena);
}

static void reads_lists(void **state)
{
    static const char *const want[] = {"https://a", "http://b:1", "null"};
    const char *const none[WORDS] = {NULL};
    const char *const environment[WORDS] = {"ERRAND_CORS_ORIGIN=https://a,http://b:1,,null,"};
    const char *const flags[WORDS] = {
        "--cors-origin",  "https://a",         "--cors-origin=http://b:1", "--slots", "2",
        "--cors-origin=", "--cors-origin=null"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct arena arena = {0};
        struct settings settings;
        assert_null(load(&settings, &arena, i ? environment : none, i ? none : flags));
        assert_int_equal(settings.cors_origin.count, 3);
        for (size_t k = 0; k < array_size(want); k++)
            assert_str(settings.cors_origin.items[k], str_of(want[k]));
        assert_true(settings_given(&settings, SETTING_ID_cors_origin));
        arena_done(&arena);
    }
}

static const struct {
    const char *flag, *value;
    int64_t got;
} good[] = {
    {"slots", "0", 0},
    {"slots", "1", 1},
    {"slots", "1000000000", 1000000000},
    {"max-queued", "1", 1},
    {"max-body", "1", 1},
    {"max-body", "1073741824", 1073741824},
    {"max-result", "2", 2},
    {"grace", "0", 0},
    {"grace", "2", 2000},
    {"grace", "0.5", 500},
    {"grace", "0.0004", 0},
    {"heartbeat", "0.001", 1},
    {"retain", "30s", 30000},
    {"retain", "1.5s", 1500},
    {"retain", "2m", 120000},
    {"retain", "12h", 43200000},
    {"retain", "0.5h", 1800000},
    {"retain", "7d", 604800000},
    {"retain", "45", 45000},
    {"retain", "36525d", 3155760000000},
};

static int64_t number_of(const struct settings *settings, const char *flag)
{
    static const struct {
        const char *flag;
        size_t offset;
    } numbers[] = {
        {"slots", offsetof(struct settings, slots)},
        {"max-queued", offsetof(struct settings, max_queued)},
        {"max-body", offsetof(struct settings, max_body)},
        {"max-result", offsetof(struct settings, max_result)},
        {"grace", offsetof(struct settings, grace)},
        {"heartbeat", offsetof(struct settings, heartbeat)},
        {"retain", offsetof(struct settings, retain)},
    };
    for (size_t i = 0; i < array_size(numbers); i++) {
        if (strcmp(numbers[i].flag, flag) == 0)
            return *(const int64_t *)((const char *)settings + numbers[i].offset);
    }
    return -1;
}

static void reads_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_size(good); i++) {
        struct arena arena = {0};
        struct settings settings;
        struct str word = arena_printf(&arena, "--%s=%s", good[i].flag, good[i].value);
        const char *argv[WORDS] = {word.data};
        assert_row(word, load(&settings, &arena, (const char *[WORDS]){NULL}, argv) == NULL);
        assert_row(word, number_of(&settings, good[i].flag) == good[i].got);
        arena_done(&arena);
    }
}

/* What each type refuses. */
static const struct {
    const char *flag, *variable, *wrong;
    const char *values[20];
} bad[] = {
    {"slots",
     "ERRAND_SLOTS",
     "wants a whole number, 0 or more",
     {"", "-1", "1.5", "x", "+1", " 1", "1 ", "0x10", "1e3", "9223372036854775808", "1,000"}},
    {"slots", "ERRAND_SLOTS", "is too large", {"1000000001", "9223372036854775807"}},
    {"max-queued", "ERRAND_MAX_QUEUED", "wants a whole number of at least 1", {"0", "-0", "-5"}},
    {"max-body",
     "ERRAND_MAX_BODY",
     "wants a number of bytes from 1 to 1073741824",
     {"", "0", "-1", "1.0", "1k", "1M", "1073741825", "99999999999999999999"}},
    {"grace",
     "ERRAND_GRACE",
     "wants seconds, such as 5 or 0.5",
     {"", "-1", "-0", "+1", ".5", "5.", "1e3", "1s", "0x1", "1,5", "nan", "inf", "1.5.5",
      "1000000000001", "1.x", " 1"}},
    {"retain",
     "ERRAND_RETAIN",
     "wants an age such as 30s, 12h or 7d",
     {"", "d", "7D", "7w", "-7d", "7 d", "7dd", "d7", "7d7", ".5h", "1000000000001s",
      "1000000000000d", "1.d", "sevend", "7\xC3\xA4"}},
    {"grace", "ERRAND_GRACE", "is too large", {"3155760000.001", "1000000000000"}},
    {"retain",
     "ERRAND_RETAIN",
     "is too large",
     {"36526d", "3155760001", "876600.001h", "106751991167d"}},
    {"no-auth",
     "ERRAND_NO_AUTH",
     "wants on or off",
     {"", "yes", "ON", "True", "2", "on ", "00", "null"}},
};

static void check_refused(struct str word, struct str variable, struct str flag_says,
                          struct str variable_says)
{
    struct arena arena = {0};
    struct settings settings;
    const char *words[WORDS] = {word.data};
    const char *variables[WORDS] = {variable.data};
    const char *none[WORDS] = {NULL};
    const char *wrong = load(&settings, &arena, none, words);
    assert_row(word, wrong != NULL);
    assert_str(str_of(wrong), flag_says);
    wrong = load(&settings, &arena, variables, none);
    assert_row(variable, wrong != NULL);
    assert_str(str_of(wrong), variable_says);
    arena_done(&arena);
}

static void refuses_bad_values(void **state)
{
    struct arena arena = {0};
    (void)state;
    for (size_t i = 0; i < array_size(bad); i++) {
        for (const char *const *value = bad[i].values; *value; value++)
            check_refused(arena_printf(&arena, "--%s=%s", bad[i].flag, *value),
                          arena_printf(&arena, "%s=%s", bad[i].variable, *value),
                          arena_printf(&arena, "--%s %s", bad[i].flag, bad[i].wrong),
                          arena_printf(&arena, "%s %s", bad[i].variable, bad[i].wrong));
    }
    arena_done(&arena);
}

static void refuses_bad_words(void **state)
{
    static const struct {
        const char *argv[WORDS];
        const char *wrong;
    } rows[] = {
        {{"--nonsense"}, "unknown flag --nonsense"},
        {{"--nonsense=1"}, "unknown flag --nonsense"},
        {{"--"}, "unknown flag --"},
        {{"--=1"}, "unknown flag --"},
        {{""}, "the first word is no flag"},
        {{"-slots", "1"}, "unknown flag -slots"},
        {{"slots", "1"}, "the first word is no flag"},
        {{"--Slots", "1"}, "unknown flag --Slots"},
        {{"--slot", "1"}, "unknown flag --slot"},
        {{"--max_body", "1"}, "unknown flag --max_body"},
        {{"--slots"}, "--slots wants a value"},
        {{"--data"}, "--data wants a value"},
        {{"--no-auth", "off"}, "what comes after --no-auth is no flag"},
        {{"--slots", "1", "more"}, "what comes after --slots is no flag"},
        {{"--slots", "x", "--nonsense"}, "--slots wants a whole number, 0 or more"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct arena arena = {0};
        struct settings settings;
        const char *wrong = load(&settings, &arena, (const char *[WORDS]){NULL}, rows[i].argv);
        assert_str(str_of(wrong), str_of(rows[i].wrong));
        arena_done(&arena);
    }
}

/* A bad variable is an error even where a flag would beat it. */
static void looks_at_the_environment_first(void **state)
{
    struct arena arena = {0};
    struct settings settings;
    (void)state;
    const char *wrong = load(&settings, &arena, (const char *[WORDS]){"ERRAND_SLOTS=x"},
                             (const char *[WORDS]){"--slots=1", "--nonsense"});
    assert_str(str_of(wrong), STR("ERRAND_SLOTS wants a whole number, 0 or more"));
    arena_done(&arena);
}

/* Everything in the list: the flag, its default and its variable. */
static void helps_with_every_flag(void **state)
{
    static const struct {
        const char *flag, *value, *help;
    } rows[] = {
#define X(name, flag, type, value, argument, help) {"--" flag, value, help},
#include "base/settings.def"
#undef X
    };
    struct buf help = {0};
    struct arena arena = {0};
    (void)state;
    settings_help(&help);
    const char *at = help.data;
    for (size_t i = 0; i < array_size(rows); i++) {
        struct str variable = arena_printf(&arena, "ERRAND_%s", rows[i].flag + 2);
        char *bytes = (char *)(uintptr_t)variable.data;
        for (char *c = bytes + 7; *c; c++)
            *c = (char)(*c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? *c - 32 : *c);
        struct str origin = arena_printf(&arena, "default %s, variable %s\n",
                                         rows[i].value[0] ? rows[i].value : "(none)", bytes);
        assert_row(str_of(rows[i].flag), (at = strstr(at, rows[i].flag)) != NULL);
        assert_row(str_of(rows[i].help), (at = strstr(at, rows[i].help)) != NULL);
        assert_row(origin, (at = strstr(at, origin.data)) != NULL);
    }
    arena_done(&arena);
    buf_done(&help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_defaults_of_the_contract),
        cmocka_unit_test(reads_the_environment),
        cmocka_unit_test(prefers_flags),
        cmocka_unit_test(reads_flags),
        cmocka_unit_test(reads_lists),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(refuses_bad_values),
        cmocka_unit_test(refuses_bad_words),
        cmocka_unit_test(looks_at_the_environment_first),
        cmocka_unit_test(helps_with_every_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
