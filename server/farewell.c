#include "server/farewell.h"

#include "base/mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

struct farewell {
    struct hub_mail mail;
    struct hub *hub;
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    int open_handles;
    struct buf text; /* what is still to be written starts at done */
    size_t done;
};

void hub_farewell(struct hub *hub, int fd, struct str text)
{
    if (atomic_fetch_add(&hub->farewells, 1) >= hub->admission->limits.farewells) {
        atomic_fetch_sub(&hub->farewells, 1);
        (void)send(fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        close(fd);
        return;
    }
    struct farewell *farewell = mem_alloc(sizeof(*farewell));
    farewell->mail.kind = HUB_FAREWELL;
    farewell->hub = hub;
    farewell->fd = fd;
    buf_add_str(&farewell->text, text);
    mailbox_post(&hub->mailbox, &farewell->mail.mail);
}

static void farewell_free(struct farewell *farewell)
{
    atomic_fetch_sub(&farewell->hub->farewells, 1);
    buf_done(&farewell->text);
    mem_free(farewell);
}

static void handle_closed(uv_handle_t *handle)
{
    struct farewell *farewell = handle->data;
    if (!--farewell->open_handles)
        farewell_free(farewell);
}

static void farewell_end(struct farewell *farewell)
{
    if (uv_is_closing((uv_handle_t *)&farewell->poll))
        return;
    uv_close((uv_handle_t *)&farewell->poll, handle_closed);
    uv_close((uv_handle_t *)&farewell->timer, handle_closed);
    close(farewell->fd);
}

static void time_over(uv_timer_t *timer)
{
    farewell_end(timer->data);
}

/* False: the client is gone. */
static bool write_some(struct farewell *farewell)
{
    while (farewell->done < farewell->text.len) {
        ssize_t len = send(farewell->fd, farewell->text.data + farewell->done,
                           farewell->text.len - farewell->done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (len < 0)
            return errno == EAGAIN || errno == EINTR;
        farewell->done += (size_t)len;
        if (farewell->done == farewell->text.len)
            shutdown(farewell->fd, SHUT_WR);
    }
    return true;
}

/* What the client still sends is read and forgotten. False: it has closed. */
static bool read_some(struct farewell *farewell)
{
    static char scrap[65536]; /* the hub's thread alone */
    ssize_t len = recv(farewell->fd, scrap, sizeof(scrap), MSG_DONTWAIT);
    return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    struct farewell *farewell = poll->data;
    if (status < 0 || !write_some(farewell) || (events & UV_READABLE && !read_some(farewell))) {
        farewell_end(farewell);
        return;
    }
    if (farewell->done == farewell->text.len)
        uv_poll_start(poll, UV_READABLE, socket_ready);
}

void farewell_start(struct hub *hub, struct hub_mail *mail)
{
    struct farewell *farewell = container_of(mail, struct farewell, mail);
    if (uv_poll_init(&hub->loop, &farewell->poll, farewell->fd) != 0) {
        close(farewell->fd);
        farewell_free(farewell);
        return;
    }
    uv_timer_init(&hub->loop, &farewell->timer);
    farewell->poll.data = farewell->timer.data = farewell;
    farewell->open_handles = 2;
    uv_update_time(&hub->loop);
    uv_timer_start(&farewell->timer, time_over, FAREWELL_MS, 0);
    uv_poll_start(&farewell->poll, UV_READABLE | UV_WRITABLE, socket_ready);
}
