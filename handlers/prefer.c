#include "handlers/prefer.h"

#include "handlers/params.h"

/* As str_cut, but a separator inside a quoted string is a part of it. */
static struct str cut_unquoted(struct str *rest, char sep)
{
    struct str part = *rest;
    bool quoted = false;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (c == sep && !quoted) {
            *rest = (struct str){part.data + i + 1, part.len - i - 1};
            return (struct str){part.data, i};
        }
    }
    *rest = STR_NONE;
    return part;
}

/* What a quoted string stands for (RFC 9110, section 5.6.4); a token as it is. */
static struct str unquoted(struct str word, struct arena *arena)
{
    if (word.len < 2 || word.data[0] != '"' || word.data[word.len - 1] != '"')
        return word;
    char *out = ARENA_ARRAY(arena, char, word.len);
    size_t len = 0;
    for (size_t i = 1; i + 1 < word.len; i++) {
        i += word.data[i] == '\\' && i + 2 < word.len;
        out[len++] = word.data[i];
    }
    return (struct str){out, len};
}

static bool refuse(struct request *request, const char *why)
{
    return problem_parameter(&request->problem, &request->arena, STR("Prefer"), "%s", why);
}

static bool read_return(struct request *request, struct str value, struct preferences *preferences)
{
    preferences->minimal = str_eq_nocase(value, STR("minimal"));
    return preferences->minimal || str_eq_nocase(value, STR("representation")) ||
           refuse(request, "return has to be minimal or representation");
}

static bool read_wait(struct request *request, struct str value, struct preferences *preferences)
{
    preferences->has_wait = wait_parse(value, &preferences->wait_ms);
    return preferences->has_wait || refuse(request, "wait has to be a number of seconds, 0 to 60");
}

/* Of a preference that is given more than once the first counts, parameters behind a ";" say
 * nothing to us, and what is not understood is left alone (RFC 7240, section 2). */
bool prefer_read(struct request *request, struct preferences *preferences)
{
    struct str rest = request_header_list(request, "Prefer");
    bool wait_seen = false, return_seen = false, fine = true;
    *preferences = (struct preferences){0};
    while (rest.data && fine) {
        struct str item = cut_unquoted(&rest, ',');
        struct str value = cut_unquoted(&item, ';');
        struct str name = str_trim(str_cut(&value, '='));
        value = unquoted(str_trim(value), &request->arena);
        if (!wait_seen && str_eq_nocase(name, STR("wait"))) {
            wait_seen = true;
            fine = read_wait(request, value, preferences);
        } else if (!return_seen && str_eq_nocase(name, STR("return"))) {
            return_seen = true;
            fine = read_return(request, value, preferences);
        }
    }
    return fine;
}
