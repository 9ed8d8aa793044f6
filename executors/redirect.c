#include "executors/redirect.h"

#include <curl/curl.h>

bool redirect_status(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void add_part(struct buf *out, CURLU *parts, CURLUPart which)
{
    char *text = NULL;
    if (curl_url_get(parts, which, &text, CURLU_DEFAULT_PORT) == CURLUE_OK)
        buf_add_text(out, text);
    curl_free(text);
}

/* "scheme://host:port" */
static void add_origin(struct buf *out, const char *url)
{
    CURLU *parts = curl_url();
    if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
        add_part(out, parts, CURLUPART_SCHEME);
        buf_add_text(out, "://");
        add_part(out, parts, CURLUPART_HOST);
        buf_add_char(out, ':');
        add_part(out, parts, CURLUPART_PORT);
    }
    curl_url_cleanup(parts);
}

struct str redirect_elsewhere(const char *url, const char *target, struct arena *arena)
{
    struct buf here = {0}, there = {0}, shown = {0};
    struct str elsewhere = STR_NONE;
    add_origin(&here, url);
    add_origin(&there, target);
    if (!there.len || !str_eq_nocase(buf_str(&here), buf_str(&there))) {
        buf_add_lossy(&shown, there.len ? buf_str(&there) : STR("an unknown place"));
        elsewhere = arena_str(arena, buf_str(&shown));
    }
    buf_done(&here);
    buf_done(&there);
    buf_done(&shown);
    return elsewhere;
}
