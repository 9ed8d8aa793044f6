#include "tests/bench/lib/load.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/lib/http.h"
#include "tests/bench/lib/measure.h"

#define ANSWER_SECONDS 20 /* no answer to anybody for so long: the server hangs */
#define EVENTS_MAX     64

struct load_conn {
    int fd;
    double sent_at;
    struct reply reply;
};

/* What a run repeats, and when it ends: at a time, or after so many requests. */
struct plan {
    const char *request;
    size_t len;
    double end;
    long requests_left;
    int outstanding;
};

void load_open(struct load *l, int port, int connections)
{
    *l = (struct load){.epoll = epoll_create1(EPOLL_CLOEXEC), .count = connections};
    l->conns = calloc((size_t)connections, sizeof *l->conns);
    if (l->epoll < 0 || !l->conns)
        die("cannot make %d connections: %s", connections, strerror(errno));
    for (int i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

        l->conns[i].fd = tcp_connect(port);
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->conns[i].fd, &event);
    }
}

void load_close(struct load *l)
{
    for (int i = 0; i < l->count; i++)
        tcp_close(l->conns[i].fd);
    close(l->epoll);
    free(l->conns);
    *l = (struct load){.epoll = -1};
}

static void conn_send(struct load_conn *c, struct plan *p, double now)
{
    c->sent_at = now;
    p->requests_left--;
    p->outstanding++;
    tcp_send(c->fd, p->request, p->len);
}

static void conn_answered(struct load *l, struct load_conn *c, struct plan *p)
{
    double now = now_seconds();

    if (c->reply.status / 100 != 2)
        die("answer %ld has the status %d", l->answers + 1, c->reply.status);
    p->outstanding--;
    l->answers++;
    l->answer_bytes = c->reply.bytes;
    if (now - c->sent_at > l->slowest)
        l->slowest = now - c->sent_at;
    if (p->requests_left > 0 && now < p->end)
        conn_send(c, p, now);
}

static void conn_read(struct load *l, struct load_conn *c, struct plan *p)
{
    char data[65536];
    ssize_t n = recv(c->fd, data, sizeof data, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        die("a connection broke after %ld answers: %s", l->answers, n ? strerror(errno) : "closed");
    reply_feed(&c->reply, data, (size_t)n);
    if (c->reply.done)
        conn_answered(l, c, p);
}

static double run(struct load *l, struct plan *p)
{
    double from = now_seconds();

    l->answers = 0;
    l->slowest = 0;
    for (int i = 0; i < l->count && p->requests_left > 0; i++)
        conn_send(&l->conns[i], p, now_seconds());
    while (p->outstanding > 0) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(l->epoll, events, EVENTS_MAX, ANSWER_SECONDS * 1000);

        if (n == 0)
            die("%d requests have no answer after %d s", p->outstanding, ANSWER_SECONDS);
        for (int i = 0; i < n; i++)
            conn_read(l, &l->conns[events[i].data.u32], p);
    }
    l->seconds = now_seconds() - from;
    return (double)l->answers / l->seconds;
}

double load_run(struct load *l, const char *request, size_t len, double seconds)
{
    struct plan p = {
        .request = request, .len = len, .end = now_seconds() + seconds, .requests_left = LONG_MAX};

    return run(l, &p);
}

double load_run_total(struct load *l, const char *request, size_t len, long total)
{
    struct plan p = {.request = request, .len = len, .end = HUGE_VAL, .requests_left = total};

    return run(l, &p);
}

double load_round(struct load *l, const char *request, size_t len)
{
    load_run_total(l, request, len, l->count);
    return l->seconds;
}
