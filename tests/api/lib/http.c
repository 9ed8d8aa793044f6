#include "tests/api/lib/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum framing { NO_BODY, BY_LENGTH, CHUNKED, UNTIL_CLOSE };

struct http {
    struct scenario *scenario;
    int fd;   /* -1: closed by us */
    char *in; /* what came and was not used yet: in[used..length) */
    size_t used, length, room;
    enum framing framing; /* of the body that is being read */
    size_t left;          /* of the body, or of its chunk */
    bool between_chunks;  /* the line end after a chunk is to be read yet */
    bool timed_out;
    bool broken; /* reset by the server, not ended */
};

static void close_at_end(void *http_)
{
    struct http *http = http_;
    http_close(http);
    free(http->in);
}

struct http *http_open(struct scenario *s, int port)
{
    return http_open_from(s, "127.0.0.1", port);
}

struct http *http_open_from(struct scenario *s, const char *address, int port)
{
    struct http *http = keep(s, sizeof *http);
    http->scenario = s;
    http->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at_end(s, close_at_end, http);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    setsockopt(http->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in from = {.sin_family = AF_INET};
    inet_pton(AF_INET, address, &from.sin_addr);
    setsockopt(http->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(http->fd, (struct sockaddr *)&from, sizeof from) != 0)
        abort();
    if (connect(http->fd, (struct sockaddr *)&to, sizeof to) != 0)
        http_close(http);
    return http;
}

struct http *http_open_to(struct scenario *s, const char *address, int port)
{
    struct http *http = keep(s, sizeof *http);
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *to;
    if (getaddrinfo(address, text(s, "%d", port), &hints, &to) != 0)
        abort();
    http->scenario = s;
    http->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at_end(s, close_at_end, http);
    if (connect(http->fd, to->ai_addr, to->ai_addrlen) != 0)
        http_close(http);
    freeaddrinfo(to);
    return http;
}

void http_close(struct http *http)
{
    if (http->fd >= 0)
        close(http->fd);
    http->fd = -1;
}

void http_reset(struct http *http)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    if (http->fd >= 0)
        setsockopt(http->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    http_close(http);
}

bool http_vanish(struct http *http)
{
    const int on = 1;
    if (setsockopt(http->fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) != 0)
        return false;
    http_close(http);
    return true;
}

void http_window(struct http *http, int bytes)
{
    setsockopt(http->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

bool http_write(struct http *http, const void *bytes, size_t length)
{
    const char *rest = bytes;
    while (length > 0 && http->fd >= 0) {
        struct pollfd can = {.fd = http->fd, .events = POLLOUT};
        if (poll(&can, 1, DEADLINE_MS) != 1)
            return false;
        ssize_t put = send(http->fd, rest, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (put > 0) {
            rest += put;
            length -= (size_t)put;
        }
    }
    return http->fd >= 0;
}

/* More bytes into `in`; false at the end of the connection or of the time. */
static bool fill(struct http *http, int milliseconds)
{
    struct pollfd can = {.fd = http->fd, .events = POLLIN};
    int ready = http->fd < 0 ? -1 : poll(&can, 1, milliseconds);
    http->timed_out = ready == 0;
    if (ready != 1)
        return false;
    if (http->used == http->length)
        http->used = http->length = 0;
    if (http->room - http->length < 65536) {
        http->room = http->room * 2 + 65536;
        http->in = realloc(http->in, http->room);
        if (!http->in)
            abort();
    }
    ssize_t got = recv(http->fd, http->in + http->length, http->room - http->length, 0);
    http->broken = got < 0;
    if (got > 0)
        http->length += (size_t)got;
    return got > 0;
}

static const char *pending(const struct http *http)
{
    return http->in ? http->in + http->used : "";
}

static size_t pending_length(const struct http *http)
{
    return http->length - http->used;
}

/* The bytes up to and with a mark; NULL if they do not come. */
static char *take_until(struct http *http, const char *mark, int milliseconds)
{
    for (;;) {
        size_t have = pending_length(http);
        const char *found = memmem(pending(http), have, mark, strlen(mark));
        if (found) {
            size_t length = (size_t)(found - pending(http)) + strlen(mark);
            char *taken = keep_bytes(http->scenario, pending(http), length);
            http->used += length;
            return taken;
        }
        if (!fill(http, milliseconds))
            return NULL;
    }
}

const char *header(const struct reply *reply, const char *name)
{
    size_t length = strlen(name);
    const char *line = strstr(reply->head, "\r\n");
    for (; line && line[2]; line = strstr(line + 2, "\r\n")) {
        const char *here = line + 2;
        if (strncasecmp(here, name, length) != 0 || here[length] != ':')
            continue;
        const char *value = here + length + 1 + strspn(here + length + 1, " \t");
        return keep_bytes(reply->body.scenario, value, strcspn(value, "\r"));
    }
    return NULL;
}

static void choose_framing(struct http *http, const struct reply *reply, bool head)
{
    const char *length = header(reply, "Content-Length");
    const char *coding = header(reply, "Transfer-Encoding");
    http->left = 0;
    http->between_chunks = false;
    if (head || reply->status == 204 || reply->status == 304) {
        http->framing = NO_BODY;
    } else if (coding && strcasecmp(coding, "chunked") == 0) {
        http->framing = CHUNKED;
    } else if (length) {
        http->framing = BY_LENGTH;
        http->left = strtoul(length, NULL, 10);
    } else {
        http->framing = UNTIL_CLOSE;
    }
}

struct reply *http_read_head(struct http *http, bool head)
{
    struct reply *reply = keep(http->scenario, sizeof *reply);
    do {
        reply->head = take_until(http, "\r\n\r\n", DEADLINE_MS);
        if (!reply->head || sscanf(reply->head, "HTTP/1.%*1[01] %3d", &reply->status) != 1)
            return NULL;
    } while (reply->status == 100);
    body_init(&reply->body, http->scenario, "", 0);
    choose_framing(http, reply, head);
    return reply;
}

/* The size line of the next chunk, and with the last one the trailer too. False: cut off. */
static bool next_chunk(struct http *http, int milliseconds)
{
    if (http->between_chunks && !take_until(http, "\r\n", milliseconds))
        return false;
    http->between_chunks = false;
    const char *size = take_until(http, "\r\n", milliseconds);
    if (!size)
        return false;
    http->left = strtoul(size, NULL, 16);
    if (http->left == 0) {
        http->framing = NO_BODY;
        return take_until(http, "\r\n", DEADLINE_MS) != NULL;
    }
    return true;
}

long http_read_some(struct http *http, char *into, size_t room, int milliseconds)
{
    if (http->framing == CHUNKED && http->left == 0 && !next_chunk(http, milliseconds))
        return -1;
    if (http->framing == NO_BODY || (http->framing == BY_LENGTH && http->left == 0))
        return 0;
    if (pending_length(http) == 0 && !fill(http, milliseconds))
        return http->framing == UNTIL_CLOSE && !http->timed_out && !http->broken ? 0 : -1;
    size_t take = pending_length(http) < room ? pending_length(http) : room;
    if (http->framing != UNTIL_CLOSE && take > http->left)
        take = http->left;
    memcpy(into, pending(http), take);
    http->used += take;
    if (http->framing != UNTIL_CLOSE)
        http->left -= take;
    http->between_chunks = http->framing == CHUNKED && http->left == 0;
    return (long)take;
}

bool http_timed_out(const struct http *http)
{
    return http->timed_out;
}

struct reply *http_read(struct http *http, bool head)
{
    struct reply *reply = http_read_head(http, head);
    if (!reply)
        return NULL;
    char *all = NULL;
    size_t length = 0;
    long got = 0;
    do {
        length += (size_t)got;
        all = realloc(all, length + 65537);
        if (!all)
            abort();
        got = http_read_some(http, all + length, 65536, DEADLINE_MS);
    } while (got > 0);
    all[length] = 0;
    at_end(http->scenario, free, all);
    body_init(&reply->body, http->scenario, all, length);
    return got == 0 ? reply : NULL;
}

void http_await_words(struct http *http, const char *words, struct place place)
{
    if (!take_until(http, words, DEADLINE_MS))
        fail_at(place, "\"%s\" has not come", words);
}

void http_end(struct http *http)
{
    shutdown(http->fd, SHUT_WR);
}

bool http_is_closed(struct http *http)
{
    char scrap[4096];
    ssize_t got;
    do {
        got = recv(http->fd, scrap, sizeof scrap, MSG_DONTWAIT);
    } while (got > 0);
    return got == 0 || (errno != EAGAIN && errno != EINTR);
}

void http_expect_closed(struct http *http, struct place place)
{
    if (pending_length(http) > 0 || fill(http, DEADLINE_MS))
        fail_at(place, "more came instead of the end: %.500s", pending(http));
    if (http->timed_out)
        fail_at(place, "the server did not close the connection");
}
