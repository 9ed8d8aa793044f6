/* The settings of `errand serve`: flags, environment variables and --help are
 * all made from settings.def. Read once at start, constant afterwards. */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include "base/arena.h"

struct settings_list {
    const struct str *items;
    size_t count;
};

#define SETTING_TEXT    struct str
#define SETTING_LIST    struct settings_list
#define SETTING_COUNT   int64_t
#define SETTING_SECONDS int64_t /* milliseconds */
#define SETTING_AGE     int64_t /* milliseconds */
#define SETTING_BYTES   int64_t
#define SETTING_ROOM    int64_t
#define SETTING_SWITCH  bool

struct settings {
#define X(name, flag, type, value, argument, help) SETTING_##type name;
#include "base/settings.def"
#undef X
    uint64_t given; /* bit i: setting i of the list was set by a flag or the environment */
};

enum setting {
#define X(name, flag, type, value, argument, help) SETTING_ID_##name,
#include "base/settings.def"
#undef X
};

/* Defaults, then the environment, then argv (the words after "serve"). Texts live in the arena.
 * NULL, or a message for the user (in the arena) about the first word that is wrong. */
const char *settings_load(struct settings *settings, int argc, char *const *argv,
                          char *const *environment, struct arena *arena);
bool settings_given(const struct settings *settings, enum setting which);
/* The list of flags with variables and defaults, for --help. */
void settings_help(struct buf *out);

#endif
