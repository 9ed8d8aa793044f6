#include "server/framing.h"

#include "server/exchange.h"
#include "server/http.h"

#include <ctype.h>
#include <string.h>

/* libmicrohttpd 0.9.75 keeps the head of a request as it came, one header behind the other, and
 * writes NULs over the bytes between them; its texts point there. */
enum {
    LINE_BREAK_MAX = 2, /* bytes between a value and the next name */
    HEAD_END_MAX = 4,   /* the same and an empty line */
};

struct framing {
    int lengths, encodings, hosts;
    size_t fields;
    const char *at;     /* the end of what was looked at */
    const char *broken; /* what is wrong with a header by itself, or NULL */
};

/* libmicrohttpd reads cookies as well, which nobody wants here. When their records do not fit, it
 * ends the connection without a word. It looks at the first header of that name: this. */
static const char no_cookies[] = "Cookie\0none";

void framing_keep_cookies_out(struct MHD_Connection *connection)
{
    MHD_set_connection_value(connection, MHD_HEADER_KIND, no_cookies,
                             no_cookies + sizeof("Cookie"));
}

/* RFC 9110, section 5.6.2. A space before the colon is no part of a name: libmicrohttpd takes it
 * for one, and so does not see the header that others see. */
static bool is_token(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.data[i]) && !strchr("!#$%&'*+-.^_`|~", name.data[i]))
            return false;
    return name.len;
}

/* A value stands behind its name and the colon. libmicrohttpd 0.9.75 hangs the second line of a
 * folded header on the name, which it moves elsewhere: "Content-Length:", " 19" is then a header
 * "Content-Length19" without a value, and the body a second request. */
static bool is_folded(struct str name, const char *value)
{
    while (value[-1] == ' ' || value[-1] == '\t')
        value--;
    return value != name.data + name.len + 1;
}

/* A value ends for libmicrohttpd at a NUL that came in it, and a line that begins with one ends the
 * head. Nothing but a line break was written over in between. */
static bool hides_bytes(const char *from, const char *to, ptrdiff_t most)
{
    bool hides = to < from || to - from > most;
    while (!hides && from < to)
        hides = *from++;
    return hides;
}

static const char *fault_of(const struct framing *framing, struct str name, const char *value)
{
    if (is_folded(name, value))
        return "a header may not be folded over two lines";
    if (!is_token(name))
        return "the name of a header holds a byte that no name may hold";
    if (strchr(value, '\r'))
        return "a header holds a carriage return without a line feed";
    if (hides_bytes(framing->at, name.data, LINE_BREAK_MAX))
        return "a header holds a byte of 0";
    if (str_eq_nocase(name, STR("Transfer-Encoding")) &&
        !str_eq_nocase(str_of(value), STR("chunked")))
        return "the only Transfer-Encoding is chunked";
    return NULL;
}

static enum MHD_Result look_at_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct framing *framing = arg;
    struct str header = str_of(name);
    (void)kind;
    if (name == no_cookies)
        return MHD_YES;
    framing->fields++;
    framing->lengths += str_eq_nocase(header, STR("Content-Length"));
    framing->encodings += str_eq_nocase(header, STR("Transfer-Encoding"));
    framing->hosts += str_eq_nocase(header, STR("Host"));
    if (!framing->broken)
        framing->broken = fault_of(framing, header, value);
    framing->at = value + strlen(value);
    return MHD_YES;
}

/* A method, spaces, a target, one more, and the version. */
static bool line_is_plain(const struct request *request, const struct head *head)
{
    const char *target = head->method + strlen(head->method) + 1;
    target += strspn(target, " ");
    return is_token(str_of(head->method)) && target == request->target &&
           head->version - 1 == target + request->target_len;
}

static size_t head_size(const struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

/* Two lengths, a length and an encoding, or one of them that is not seen would let a second request
 * hide in the body (RFC 9112, sections 2.2, 5.1, 5.2 and 6.1); two hosts would let the wrong one be
 * checked (section 3.2). libmicrohttpd lets them pass. */
static bool check_fields(struct request *request, const struct head *head, struct framing *framing)
{
    if (request->spaced)
        framing->broken = "there is a space in the path or the query";
    else if (!line_is_plain(request, head))
        framing->broken = "the request's line holds a byte that may not be there";
    else if (!framing->broken &&
             hides_bytes(framing->at, head->method + head_size(request), HEAD_END_MAX))
        framing->broken = "a header holds a byte of 0";
    else if (!framing->hosts && !request->old)
        framing->broken = "the header Host is missing";
    else if (framing->lengths + framing->encodings > 1 || framing->hosts > 1)
        framing->broken = "Content-Length, Transfer-Encoding and Host may each be given once, and "
                          "the first two not together";
    if (!framing->broken)
        return true;
    request_add_header(request, "Connection", STR("close"));
    return problem_set(&request->problem, &request->arena, PROBLEM_BAD_REQUEST, "%s",
                       framing->broken);
}

/* What is let through leaves the connection memory for its answer (server/exchange.h). */
static bool check_size(struct request *request, size_t fields)
{
    size_t size = head_size(request);
    size_t most = (size_t)request->thread->server->config.max_header;
    if (request->target_len > most)
        return problem_set(&request->problem, &request->arena, PROBLEM_TARGET_TOO_LONG,
                           "path and query may have %zu bytes (--max-header)", most);
    if (size <= most && size + (fields + 1) * FIELD_BYTES <= most + HEAD_SPARE - HEAD_ANSWER)
        return true;
    return problem_set(&request->problem, &request->arena, PROBLEM_HEAD_TOO_LARGE,
                       "the request line and %zu headers have %zu bytes; they may have %zu, and %d "
                       "more for each header only %zu (--max-header)",
                       fields, size, most, FIELD_BYTES, most + HEAD_SPARE - HEAD_ANSWER);
}

bool framing_check(struct request *request, const struct head *head)
{
    struct framing framing = {.at = head->version + strlen(head->version)};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, look_at_header, &framing);
    return check_size(request, framing.fields) && check_fields(request, head, &framing);
}
