#include "server/request.h"

#include "server/http.h"

#include <fcntl.h>
#include <stdatomic.h>

struct str request_header(const struct request *request, const char *name)
{
    return str_of(MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name));
}

struct lines {
    struct str name, first;
    struct buf joined; /* of two lines and more */
};

static enum MHD_Result add_line(void *arg, enum MHD_ValueKind kind, const char *name,
                                size_t name_len, const char *value, size_t value_len)
{
    struct lines *lines = arg;
    struct str line = {value ? value : "", value_len};
    (void)kind;
    if (!str_eq_nocase(lines->name, (struct str){name, name_len}))
        return MHD_YES;
    if (!lines->first.data) {
        lines->first = line;
        return MHD_YES;
    }
    if (!lines->joined.len)
        buf_add_str(&lines->joined, lines->first);
    buf_add_text(&lines->joined, ", ");
    buf_add_str(&lines->joined, line);
    return MHD_YES;
}

struct str request_header_list(struct request *request, const char *name)
{
    struct lines lines = {.name = str_of(name)};
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, add_line, &lines);
    if (!lines.joined.len)
        return lines.first;
    struct str list = arena_str(&request->arena, buf_str(&lines.joined));
    buf_done(&lines.joined);
    return list;
}

bool request_query_next(struct request *request, const char *name, struct str *rest,
                        struct str *value)
{
    struct str given, sent;
    while (query_next(rest, &given, &sent)) {
        if (query_means(given, str_of(name))) {
            *value = query_decode(sent, &request->arena);
            return true;
        }
    }
    return false;
}

struct str request_query(struct request *request, const char *name, size_t i)
{
    struct str rest = request->query, value;
    while (request_query_next(request, name, &rest, &value)) {
        if (!i--)
            return value;
    }
    return STR_NONE;
}

void request_add_header(struct request *request, const char *name, struct str value)
{
    struct header *header = ARENA_NEW(&request->arena, struct header);
    header->name = arena_str(&request->arena, str_of(name));
    header->value = arena_str(&request->arena, value);
    header->next = request->headers;
    request->headers = header;
}

static int64_t beyond_free(size_t bytes)
{
    return bytes > HELD_FREE ? (int64_t)(bytes - HELD_FREE) : 0;
}

bool request_hold(struct request *request, size_t bytes)
{
    struct http_server *server = request->thread->server;
    int64_t before = beyond_free(request->held);
    request->held += bytes;
    int64_t more = beyond_free(request->held) - before;
    return atomic_fetch_add(&server->held, more) + more <= server->config.max_in_flight || !more;
}

bool request_try_hold(struct request *request, size_t bytes)
{
    int64_t before = beyond_free(request->held);
    if (request_hold(request, bytes))
        return true;
    request->held -= bytes;
    atomic_fetch_sub(&request->thread->server->held, beyond_free(request->held + bytes) - before);
    return false;
}

void request_unhold(struct request *request)
{
    atomic_fetch_sub(&request->thread->server->held, beyond_free(request->held));
    request->held = 0;
}

void request_at_end(struct request *request, void (*release)(void *what), void *what)
{
    request->release = release;
    request->what = what;
}

void request_suspend(struct request *request, void (*resume)(struct request *request))
{
    request->resume = resume;
    request->suspended = true;
    request->thread->suspended++;
    MHD_suspend_connection(request->connection);
}

void request_wake(struct request *request)
{
    mailbox_post(&request->thread->mailbox, &request->mail);
}

int request_take_socket(struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? fcntl(info->connect_fd, F_DUPFD_CLOEXEC, 0) : -1;
    request->taken = fd >= 0;
    return fd;
}

struct peer *request_take_place(struct request *request)
{
    return connection_take_place(connection_of(request->connection));
}
