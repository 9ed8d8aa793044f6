/*
 * The measure of errand's event streams: one thread that writes frames to descriptors.
 * GET anything subscribes; POST /?bytes=B writes a frame of B bytes to each subscriber, and
 * waits for those that are slow.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/lib/measure.h"

#define EVENTS_MAX      256
#define SUBSCRIBERS_MAX 10000
#define FRAME_MIN       64
#define FRAME_MAX       4096

static const char begin[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                            "Cache-Control: no-store\r\n\r\nretry: 3000\n\n";
static const char done[] = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

struct hub {
    int epoll;
    int listener;
    int count;
    int subscribers[SUBSCRIBERS_MAX];
};

static void write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        struct pollfd wait = {.fd = fd, .events = POLLOUT};

        if (n < 0 && errno == EAGAIN)
            poll(&wait, 1, 1000);
        else if (n < 0)
            return; /* it left; its next read tells */
        else
            data += n, len -= (size_t)n;
    }
}

static void blast(const struct hub *h, size_t bytes)
{
    static long id;
    char frame[FRAME_MAX + 1];
    int len = snprintf(frame, sizeof frame, "id: %ld\ndata: ", ++id);

    bytes = bytes < FRAME_MIN ? FRAME_MIN : bytes > FRAME_MAX ? FRAME_MAX : bytes;
    memset(frame + len, 'x', bytes - (size_t)len);
    frame[bytes - 2] = frame[bytes - 1] = '\n';
    for (int i = 0; i < h->count; i++)
        write_all(h->subscribers[i], frame, bytes);
}

static void subscriber_remove(struct hub *h, int fd)
{
    for (int i = 0; i < h->count; i++) {
        if (h->subscribers[i] == fd)
            h->subscribers[i--] = h->subscribers[--h->count];
    }
    close(fd);
}

static void hub_read(struct hub *h, int fd)
{
    char request[2048];
    ssize_t n = recv(fd, request, sizeof request - 1, 0);
    unsigned long bytes;

    if (n <= 0) {
        subscriber_remove(h, fd);
        return;
    }
    request[n] = '\0';
    if (sscanf(request, "POST /?bytes=%lu", &bytes) == 1) {
        write_all(fd, done, sizeof done - 1);
        blast(h, bytes);
    } else if (h->count < SUBSCRIBERS_MAX) {
        h->subscribers[h->count++] = fd;
        write_all(fd, begin, sizeof begin - 1);
    }
}

static void hub_accept(struct hub *h)
{
    struct epoll_event event = {.events = EPOLLIN};

    event.data.fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);
    if (event.data.fd >= 0)
        epoll_ctl(h->epoll, EPOLL_CTL_ADD, event.data.fd, &event);
}

static void hub_open(struct hub *h)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN};
    socklen_t len = sizeof at;

    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    h->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(h->listener, (struct sockaddr *)&at, len) != 0 || listen(h->listener, 1024) != 0)
        die("bare_sse cannot listen: %s", strerror(errno));
    getsockname(h->listener, (struct sockaddr *)&at, &len);
    event.data.fd = h->listener;
    epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->listener, &event);
    printf("listening on http://127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
}

int main(void)
{
    static struct hub h;

    hub_open(&h);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(h.epoll, events, EVENTS_MAX, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == h.listener)
                hub_accept(&h);
            else
                hub_read(&h, events[i].data.fd);
        }
    }
}
