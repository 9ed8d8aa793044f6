/* What a manifest and a service say of each other, a line each: a URL, where it redirects to,
 * Retry-After, a header's name and its value. */
#include "engine/service.h"
#include "executors/redirect.h"
#include "executors/retry_after.h"
#include "tests/fuzz/lib/fuzz.h"

#include <ctype.h>

#define NOW 1700000000000

/* Scheme, host and port of a URL that is written plainly, with a name that cannot be another way to
 * write an address. False: not one of those. */
static bool plain_origin(const char *url, char scheme[8], char host[64], char port[8])
{
    int length = 0;
    *port = 0;
    if (sscanf(url, "%5[A-Za-z]://%63[A-Za-z.-]%n", scheme, host, &length) != 2)
        return false;
    bool https = strcasecmp(scheme, "https") == 0;
    if (!https && strcasecmp(scheme, "http") != 0)
        return false;
    url += length;
    if (*url == ':') {
        length = 0;
        if (sscanf(url, ":%5[1-9]%n", port, &length) != 1)
            return false;
        url += length;
    }
    if (!*port)
        snprintf(port, 8, "%s", https ? "443" : "80");
    for (const char *c = url; *c; c++) {
        if (*c <= ' ' || *c == 127)
            return false;
    }
    return !*url || strchr("/?#", *url);
}

static bool same_origin(const char *a, const char *b, bool *known)
{
    char schemes[2][8], hosts[2][64], ports[2][8];
    *known = plain_origin(a, schemes[0], hosts[0], ports[0]) &&
             plain_origin(b, schemes[1], hosts[1], ports[1]);
    return *known && strcasecmp(schemes[0], schemes[1]) == 0 &&
           strcasecmp(hosts[0], hosts[1]) == 0 && strcmp(ports[0], ports[1]) == 0;
}

static void check_redirect(const char *url, const char *target, struct arena *arena)
{
    bool known, same = same_origin(url, target, &known);
    struct str elsewhere = redirect_elsewhere(url, target, arena);
    must(!known || !service_url_wrong(url));
    must(!known || same == !elsewhere.data);
    must(!elsewhere.data || (elsewhere.len && str_utf8(elsewhere)));
    if (!service_url_wrong(url))
        must(!redirect_elsewhere(url, url, arena).data);
}

static void check_retry_after(const char *value)
{
    int64_t max = RETRY_AFTER_MAX_S * 1000LL, ms = retry_after(value, NOW);
    must(ms >= 0 && ms <= max);
    must(!isdigit((unsigned char)value[0]) || value[strspn(value, "0123456789")] ||
         ms == (strlen(value) > 9 || atoll(value) * 1000 > max
                    ? (strspn(value, "0") == strlen(value) ? 0 : ms)
                    : atoll(value) * 1000));
    must(retry_after(value, NOW + 1000) <= ms);
}

/* "Name: value" on one line, and the name as it was given. */
static void check_header(const char *name, const char *value, struct arena *arena)
{
    const char *header = NULL, *why = NULL;
    if (!service_header(arena, name, value, &header, &why)) {
        must(why && *why);
        return;
    }
    size_t len = strlen(name);
    must(strncmp(header, name, len) == 0 && header[len] == ':' && header[len + 1] == ' ');
    must(header[len + 2] && !strpbrk(name, " \t:"));
    for (const char *c = header; *c; c++)
        must((unsigned char)*c >= ' ' || *c == '\t');
    must(strcasecmp(name, "Content-Length") != 0 && strcasecmp(name, "Transfer-Encoding") != 0);
}

/* Up to a NUL, as everything that libcurl gives. */
static const char *cut_line(struct str *rest, struct arena *arena)
{
    struct str line = arena_str(arena, str_cut(rest, '\n'));
    return line.data ? line.data : "";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct str rest = {(const char *)data, size};
    const char *url = cut_line(&rest, &arena), *target = cut_line(&rest, &arena);
    check_redirect(url, target, &arena);
    check_retry_after(cut_line(&rest, &arena));
    const char *name = cut_line(&rest, &arena);
    check_header(name, cut_line(&rest, &arena), &arena);
    service_method(name);
    arena_done(&arena);
    return 0;
}
