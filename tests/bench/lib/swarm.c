#include "tests/bench/lib/swarm.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/lib/http.h"
#include "tests/bench/lib/measure.h"

#define EVENTS_MAX      256
#define CONNECT_AT_ONCE 100 /* fewer than any listen backlog */
#define BEGIN_SECONDS   20

struct swarm_stream {
    int fd;
    bool begun;
    unsigned char head; /* how much of "\r\n\r\n" was seen */
    unsigned char id;   /* how much of "\nid:" was seen */
};

/* Bytes may come in any pieces, so how far a match has got is kept between them. */
static unsigned char match(const char *word, unsigned char got, char c)
{
    if (word[got] == c)
        return (unsigned char)(got + 1);
    return word[0] == c;
}

/* Returns how much of the data belongs to the head. */
static size_t stream_head(struct swarm_stream *st, const char *data, size_t len)
{
    size_t i = 0;

    while (i < len && st->head < 4)
        st->head = match("\r\n\r\n", st->head, data[i++]);
    return i;
}

static long stream_events(struct swarm_stream *st, const char *data, size_t len)
{
    const char *at = data, *end = data + len;
    long events = 0;

    while (at < end) {
        if (st->id == 0) { /* most bytes are not near a line's end */
            at = memchr(at, '\n', (size_t)(end - at));
            if (!at)
                break;
        }
        st->id = match("\nid:", st->id, *at++);
        if (st->id == 4) {
            st->id = 0;
            events++;
        }
    }
    return events;
}

static void stream_ended(struct swarm *s, struct swarm_stream *st)
{
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, st->fd, NULL);
    s->open -= st->begun;
    s->ended++;
}

static void stream_read(struct swarm *s, struct swarm_stream *st)
{
    char data[65536];
    ssize_t n = recv(st->fd, data, sizeof data, MSG_DONTWAIT);
    size_t head;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        stream_ended(s, st);
        return;
    }
    if (st->head == 0 && strncmp(data, "HTTP/1.1 200", 12) != 0)
        die("a stream begins with: %.*s", (int)n, data);
    head = stream_head(st, data, (size_t)n);
    if (!st->begun && (size_t)n > head) {
        st->begun = true;
        st->id = 1; /* as after a line's end */
        s->open++;
    }
    s->bytes += n - (ssize_t)head;
    s->events += stream_events(st, data + head, (size_t)n - head);
}

/* False: nothing came in time. */
static bool swarm_read(struct swarm *s, double seconds)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(s->epoll, events, EVENTS_MAX, (int)(seconds * 1000));

    for (int i = 0; i < n; i++)
        stream_read(s, &s->streams[events[i].data.u32]);
    return n > 0;
}

static void stream_open(struct swarm *s, int i, int port, const char *request, size_t len)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

    s->streams[i] = (struct swarm_stream){.fd = tcp_connect(port)};
    epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->streams[i].fd, &event);
    tcp_send(s->streams[i].fd, request, len);
}

void swarm_open(struct swarm *s, int port, const char *path, int count)
{
    size_t len;
    char *request = request_make(path, "Accept: text/event-stream", NULL, &len);

    *s = (struct swarm){.epoll = epoll_create1(EPOLL_CLOEXEC), .count = count};
    s->streams = calloc((size_t)count, sizeof *s->streams);
    if (s->epoll < 0 || !s->streams)
        die("cannot make %d streams: %s", count, strerror(errno));
    for (int i = 0; i < count; i++) {
        stream_open(s, i, port, request, len);
        if (i % CONNECT_AT_ONCE != CONNECT_AT_ONCE - 1 && i != count - 1)
            continue;
        while (s->open < i + 1) {
            if (!swarm_read(s, BEGIN_SECONDS) || s->ended > 0)
                die("%d of %d streams have begun", s->open, i + 1);
        }
    }
    free(request);
}

void swarm_close(struct swarm *s)
{
    for (int i = 0; i < s->count; i++)
        tcp_close(s->streams[i].fd);
    close(s->epoll);
    free(s->streams);
    *s = (struct swarm){.epoll = -1};
}

double swarm_collect(struct swarm *s, long events, double seconds)
{
    double from = now_seconds(), last = from;
    long goal = s->events + events;

    while (s->events < goal && s->open > 0) {
        long before = s->events;

        if (!swarm_read(s, seconds))
            break;
        if (s->events > before)
            last = now_seconds();
        else if (now_seconds() - last > seconds)
            break; /* heartbeats alone do not count */
    }
    return last - from;
}
