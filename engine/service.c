#include "engine/service.h"

#include "base/mem.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

const char *service_url_wrong(const char *url)
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    const char *wrong = NULL;
    CURLUcode code =
        curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER);
    if (code == CURLUE_USER_NOT_ALLOWED)
        wrong = "may not hold a user or a password; say it in \"headers\"";
    else if (code != CURLUE_OK || curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        wrong = "is no URL";
    else if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0)
        wrong = "has to begin with http:// or https://";
    curl_free(scheme);
    curl_url_cleanup(parts);
    return wrong;
}

const char *service_method(const char *name)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH"};
    for (size_t i = 0; i < array_size(methods); i++) {
        if (strcmp(name, methods[i]) == 0)
            return methods[i];
    }
    return NULL;
}

/* RFC 9110 5.6.2 */
static bool is_token(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("!#$%&'*+-.^_`|~", *c))
            return false;
    }
    return *text != 0;
}

/* What frames the message, and what its body is, is not the manifest's to say. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"Content-Length", "Transfer-Encoding",
                                       "Content-Type",   "Connection",
                                       "Expect",         "TE",
                                       "Trailer",        "Upgrade"};
    for (size_t i = 0; i < array_size(ours); i++) {
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    }
    return false;
}

static bool is_variable(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        bool letter = isalpha((unsigned char)name.data[i]) || name.data[i] == '_';
        if (!letter && !(i && isdigit((unsigned char)name.data[i])))
            return false;
    }
    return name.len > 0;
}

/* Replaces each ${VARIABLE}; a $ that no { follows is itself. */
static bool expand(struct arena *arena, const char *value, struct buf *out, const char **why)
{
    for (const char *at = value; *at;) {
        if (at[0] != '$' || at[1] != '{') {
            buf_add_char(out, *at++);
            continue;
        }
        const char *end = strchr(at, '}');
        struct str name = {at + 2, end ? (size_t)(end - at) - 2 : 0};
        if (!end || !is_variable(name)) {
            *why = "has a ${ that names no variable";
            return false;
        }
        const char *text =
            getenv(arena_str(arena, name).data); /* NOLINT(concurrency-mt-unsafe): never set */
        if (!text) {
            *why = arena_printf(arena, "wants the variable %.*s, which is not set", STR_ARG(name))
                       .data;
            return false;
        }
        buf_add_text(out, text);
        at = end + 1;
    }
    return true;
}

/* RFC 9110 5.5: no control characters, above all no line ends. */
static bool is_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if ((c < ' ' && c != '\t') || c == 127)
            return false;
    }
    return true;
}

bool service_header(struct arena *arena, const char *name, const char *value, const char **header,
                    const char **why)
{
    struct buf text = {0};
    *why = NULL;
    if (!is_token(name))
        *why = "is no name of a header";
    else if (is_ours(name))
        *why = "is set by the server";
    else if (expand(arena, value, &text, why) && !is_value(buf_str(&text)))
        *why = "has a control character in its value";
    else if (!*why && !str_trim(buf_str(&text)).len)
        *why = "has no value";
    if (!*why)
        *header = arena_printf(arena, "%s: %.*s", name, STR_ARG(str_trim(buf_str(&text)))).data;
    buf_done(&text);
    return !*why;
}
