#include "tests/bench/lib/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/lib/measure.h"

#define ANSWER_SECONDS 20 /* no answer for so long: the server hangs */

/* The head is complete: its status, and the length of the body. */
static void reply_head(struct reply *r)
{
    const char *length = strcasestr(r->head, "\r\nContent-Length:");

    r->status = atoi(r->head + 9); /* after "HTTP/1.1 " */
    if (!length && r->status != 204)
        die("an answer without Content-Length:\n%s", r->head);
    r->bytes = length ? strtoul(length + 17, NULL, 10) : 0;
    r->left = r->bytes;
}

/* Returns how much of the data belongs to the head. */
static size_t reply_feed_head(struct reply *r, const char *data, size_t len)
{
    size_t old = r->head_len, room = sizeof r->head - 1 - old, took = len < room ? len : room;
    const char *end;

    memcpy(r->head + old, data, took);
    r->head_len += took;
    r->head[r->head_len] = '\0';
    end = strstr(r->head + (old > 3 ? old - 3 : 0), "\r\n\r\n");
    if (!end) {
        if (took == room)
            die("an answer with too long a head");
        return took;
    }
    took = (size_t)(end + 4 - r->head) - old;
    reply_head(r);
    r->head_len = 0;
    return took;
}

void reply_feed(struct reply *r, const char *data, size_t len)
{
    if (r->done) { /* this is the next answer */
        r->done = false;
        r->status = 0;
    }
    if (r->status == 0) {
        size_t took = reply_feed_head(r, data, len);

        len -= took;
    }
    if (len > r->left)
        die("more bytes than the answer has");
    r->left -= len;
    r->done = r->status != 0 && r->left == 0;
}

char *request_make(const char *path, const char *header, const char *body, size_t *len)
{
    char *request;
    int n;

    if (body)
        n = asprintf(&request,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                     "%s%sContent-Length: %zu\r\n\r\n%s",
                     path, header ? header : "", header ? "\r\n" : "", strlen(body), body);
    else
        n = asprintf(&request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s\r\n", path,
                     header ? header : "", header ? "\r\n" : "");
    if (n < 0)
        die("out of memory");
    *len = (size_t)n;
    return request;
}

int tcp_connect(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("cannot connect to port %d: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void tcp_close(int fd)
{
    struct linger reset = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
}

void tcp_send(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR)
            die("cannot send: %s", strerror(errno));
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
}

static size_t receive_some(int fd, char *data, size_t size)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    ssize_t n;

    if (poll(&wait, 1, ANSWER_SECONDS * 1000) <= 0)
        die("no answer in %d s", ANSWER_SECONDS);
    n = recv(fd, data, size, 0);
    if (n <= 0)
        die("the connection broke before the answer: %s", n ? strerror(errno) : "closed");
    return (size_t)n;
}

int http_exchange(int fd, const char *request, size_t len, char *body, size_t size)
{
    struct reply r = {.status = 0};
    char data[65536];
    size_t kept = 0;

    tcp_send(fd, request, len);
    while (!r.done) {
        size_t n = receive_some(fd, data, sizeof data), before = r.left, in_body;
        bool in_head = r.status == 0;

        reply_feed(&r, data, n);
        in_body = r.status == 0 ? 0 : (in_head ? r.bytes : before) - r.left;
        if (body && kept + in_body < size) {
            memcpy(body + kept, data + n - in_body, in_body);
            kept += in_body;
        }
    }
    if (body)
        body[kept] = '\0';
    return r.status;
}

static void get(int fd, const char *path, char *body, size_t size)
{
    char request[256];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
    int status = http_exchange(fd, request, (size_t)len, body, size);

    if (status != 200)
        die("GET %s: %d\n%s", path, status, body);
}

long stats_count(int fd, const char *state)
{
    char body[8192], name[64];
    const char *at;

    get(fd, "/v1/stats", body, sizeof body);
    snprintf(name, sizeof name, "\"%s\":", state);
    at = strstr(body, "\"states\""); /* other members may use the same names */
    at = strstr(at ? at : body, name);
    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

void die_with_stats(int fd, const char *what)
{
    char stats[8192], failed[8192];

    get(fd, "/v1/stats", stats, sizeof stats);
    get(fd, "/v1/tasks?state=failed&limit=1", failed, sizeof failed);
    die("%s: %s\nthe newest that failed: %s", what, stats, failed);
}

char *json_repeat(const char *task, int count)
{
    size_t len = strlen(task), used = 0;
    char *array = malloc((len + 1) * (size_t)count + 3);

    if (!array)
        die("out of memory");
    for (int i = 0; i < count; i++) {
        array[used++] = i ? ',' : '[';
        memcpy(array + used, task, len);
        used += len;
    }
    memcpy(array + used, "]", 2);
    return array;
}
