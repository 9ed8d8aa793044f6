#include "server/connection.h"

#include "base/log.h"
#include "base/mem.h"
#include "server/exchange.h"
#include "server/http.h"
#include "server/traffic.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    ACCEPT_BATCH = 64, /* connections taken before those that are open get their turn */
    PAUSE_MS = 100,    /* without accepting, when no descriptor is left */
    SWEEP_MS = 500,    /* between two looks at who has taken too long */
};

/* How long bytes may be on the way, or questions of the kernel's, before the client has vanished. A
 * client that is there and takes nothing is asked as well: our own rules cut him off before. */
enum {
    VANISHED_BEATS = 8, /* heartbeats; STALLED_BEATS is less */
    VANISHED_SPANS = 2, /* of --body-timeout, if that is longer */
};

/* --- lists ------------------------------------------------------------------------------ */

static struct connection_list *list_of(const struct connection *c)
{
    return &c->thread->lists[c->phase];
}

static void list_remove(struct connection *c)
{
    struct connection_list *list = list_of(c);
    *(c->older ? &c->older->newer : &list->oldest) = c->newer;
    *(c->newer ? &c->newer->older : &list->newest) = c->older;
}

static void list_append(struct connection *c)
{
    struct connection_list *list = list_of(c);
    c->older = list->newest;
    c->newer = NULL;
    *(c->older ? &c->older->newer : &list->oldest) = c;
    list->newest = c;
    c->since = (int64_t)uv_now(&c->thread->loop);
}

/* --- phases ----------------------------------------------------------------------------- */

void connection_enter(struct connection *c, enum connection_phase phase)
{
    if (c->phase == PHASE_END)
        return;
    list_remove(c);
    c->phase = phase;
    list_append(c);
    c->stuck = false;
    c->moved = 0; /* the first look finds out how much it was before, and lets it pass */
}

struct peer *connection_take_place(struct connection *c)
{
    struct peer *peer = c->peer;
    c->peer = NULL;
    return peer;
}

struct connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

static void leave(struct connection *c)
{
    struct peer *peer = connection_take_place(c);
    if (peer)
        admission_leave(c->thread->server->config.admission, peer);
}

/* libmicrohttpd finds the end and closes. The place is free from now on. */
static void cut_off(struct connection *c)
{
    shutdown(c->fd, SHUT_RDWR);
    connection_enter(c, PHASE_END);
    leave(c);
}

static void say(const struct connection *c, struct str text)
{
    (void)send(c->fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void connection_moves_on(struct connection *c)
{
    c->stuck = false;
}

void connection_refuse(struct connection *c, int text)
{
    if (c->phase == PHASE_END)
        return;
    say(c, c->thread->server->texts[text]);
    cut_off(c);
}

/* One that waits for a request is closed without a word: there is nothing to answer. */
static void time_out(struct connection *c)
{
    struct http_server *server = c->thread->server;
    bool asked = c->phase == PHASE_BODY || (c->phase == PHASE_FIRST && traffic_received(c->fd) > 0);
    atomic_fetch_add(&server->timeouts[c->phase], 1);
    if (asked)
        say(c, server->texts[HTTP_TEXT_TIMEOUT]);
    cut_off(c);
}

/* Whether a body, or an answer, moves as fast as it has to. What goes the other way does not count:
 * whoever takes no answer could talk instead. */
static bool moves(struct connection *c)
{
    const struct connection_limits *limits = &c->thread->server->config.limits;
    int64_t moved = c->phase == PHASE_BODY ? traffic_received(c->fd) : traffic_taken(c->fd);
    double least = (double)limits->min_rate * (double)limits->body_ms / 1000;
    if ((double)(moved - c->moved) < least)
        return false;
    list_remove(c);
    list_append(c);
    c->moved = moved;
    return true;
}

static void sweep_phase(struct http_thread *thread, enum connection_phase phase, int64_t limit)
{
    int64_t now = (int64_t)uv_now(&thread->loop);
    struct connection *c;
    while ((c = thread->lists[phase].oldest) && now - c->since >= limit) {
        bool body = phase == PHASE_BODY || phase == PHASE_ANSWER;
        if (!body || !moves(c))
            time_out(c);
    }
}

/* libmicrohttpd 0.9.75 reads no more when a connection's memory is full, as by the line of a chunk
 * that does not end, and says nothing. Its client sends, and none of it is read. */
static void sweep_stuck(struct http_thread *thread)
{
    for (struct connection *c = thread->lists[PHASE_BODY].oldest, *newer; c; c = newer) {
        int unread = 0;
        bool waits = ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0;
        newer = c->newer;
        if (waits && c->stuck)
            connection_refuse(c, HTTP_TEXT_STUCK);
        c->stuck = waits;
    }
}

static void sweep(uv_timer_t *timer)
{
    struct http_thread *thread = timer->data;
    const struct connection_limits *limits = &thread->server->config.limits;
    sweep_phase(thread, PHASE_FIRST, limits->header_ms);
    sweep_phase(thread, PHASE_IDLE, limits->idle_ms);
    sweep_stuck(thread);
    sweep_phase(thread, PHASE_BODY, limits->body_ms);
    sweep_phase(thread, PHASE_ANSWER, limits->body_ms);
    if (!thread->open)
        uv_timer_stop(timer);
}

/* --- coming and going ------------------------------------------------------------------- */

/* libmicrohttpd 0.9.75 closes without a word, and without an end of the request, when it comes upon
 * a second error after a first: the memory was full with the last header. */
static void end_unheard(struct connection *c)
{
    if (c->phase != PHASE_END)
        say(c, c->thread->server->texts[HTTP_TEXT_STUCK]);
    exchange_drop(c->request);
}

void connection_notify(void *arg, struct MHD_Connection *connection, void **context,
                       enum MHD_ConnectionNotificationCode code)
{
    struct http_thread *thread = arg;
    struct connection *c = *context;
    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = thread->arriving;
        thread->arriving = NULL;
        return;
    }
    if (c->request)
        end_unheard(c);
    list_remove(c);
    leave(c);
    thread->open--;
    mem_free(c);
}

/* The client that has kept us waiting for longest makes room: it holds a place and asks nothing. */
static bool make_room(struct http_thread *thread)
{
    struct connection *first = thread->lists[PHASE_FIRST].oldest;
    struct connection *idle = thread->lists[PHASE_IDLE].oldest;
    struct connection *longest = !first || (idle && idle->since <= first->since) ? idle : first;
    if (!longest)
        return false;
    atomic_fetch_add(&thread->server->evictions, 1);
    cut_off(longest);
    return true;
}

static void connection_open(struct http_thread *thread, int fd, struct peer *peer,
                            const struct sockaddr *address, socklen_t len)
{
    struct connection *c = mem_alloc(sizeof(*c));
    *c = (struct connection){.thread = thread, .peer = peer, .fd = fd, .phase = PHASE_FIRST};
    list_append(c);
    if (!thread->open++)
        uv_timer_start(&thread->sweep, sweep, SWEEP_MS, SWEEP_MS);
    thread->arriving = c;
    MHD_add_connection(thread->daemon, fd, address, len); /* closes it if it fails */
    if (!thread->arriving)
        return;
    thread->arriving = NULL;
    list_remove(c);
    leave(c);
    thread->open--;
    mem_free(c);
}

static void admit(struct http_thread *thread, int fd, const struct sockaddr *address, socklen_t len)
{
    const struct http_config *config = &thread->server->config;
    enum admission_reason reason = ADMISSION_ALL;
    struct peer *peer = admission_enter(config->admission, address, &reason);
    if (!peer && reason == ADMISSION_ALL && make_room(thread))
        peer = admission_enter(config->admission, address, &reason);
    if (peer) {
        connection_open(thread, fd, peer, address, len);
        return;
    }
    admission_refuse(config->admission, reason);
    hub_farewell(
        config->hub, fd,
        thread->server->texts[reason == ADMISSION_ALL ? HTTP_TEXT_FULL : HTTP_TEXT_ADDRESS_FULL]);
}

static void on_incoming(uv_poll_t *poll, int status, int events);

static void pause_over(uv_timer_t *timer)
{
    struct http_thread *thread = timer->data;
    uv_poll_start(&thread->incoming, UV_READABLE, on_incoming);
}

/* Out of descriptors or of the kernel's memory: the socket would be readable again at once. */
static void pause_accepting(struct http_thread *thread, int error)
{
    if (!thread->in_want)
        log_warn("new connections have to wait: %s", strerror(error));
    thread->in_want = true;
    make_room(thread);
    uv_poll_stop(&thread->incoming);
    uv_timer_start(&thread->pause, pause_over, PAUSE_MS, 0);
}

/* False: that was all for now. */
static bool accept_one(struct http_thread *thread)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    int fd = accept4(thread->server->socket, (struct sockaddr *)&address, &len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0) {
        thread->in_want = false;
        admit(thread, fd, (const struct sockaddr *)&address, len);
    } else if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
        pause_accepting(thread, error);
    }
    return fd >= 0 || error == ECONNABORTED || error == EINTR;
}

static void on_incoming(uv_poll_t *poll, int status, int events)
{
    struct http_thread *thread = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPT_BATCH && accept_one(thread); i++)
        ;
    http_run(thread);
}

void connections_prepare(int socket, const struct connection_limits *limits)
{
    enum { SECONDS_MAX = 32767 }; /* the kernel's (MAX_TCP_KEEPIDLE) */
    const int on = 1;
    int64_t beats = VANISHED_BEATS * limits->heartbeat_ms, spans = VANISHED_SPANS * limits->body_ms;
    int64_t longest = beats > spans ? beats : spans;
    int64_t beat = limits->heartbeat_ms / 1000 + 1;
    int pause = (int)(beat < SECONDS_MAX ? beat : SECONDS_MAX);
    unsigned vanished = longest < INT_MAX ? (unsigned)longest : INT_MAX;
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &pause, sizeof(pause));
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof(pause));
    setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished, sizeof(vanished));
}

bool connections_start(struct http_thread *thread)
{
    if (uv_poll_init(&thread->loop, &thread->incoming, thread->server->socket) != 0)
        return false;
    uv_timer_init(&thread->loop, &thread->pause);
    uv_timer_init(&thread->loop, &thread->sweep);
    thread->incoming.data = thread->pause.data = thread->sweep.data = thread;
    return uv_poll_start(&thread->incoming, UV_READABLE, on_incoming) == 0;
}

void connections_stop(struct http_thread *thread)
{
    uv_close((uv_handle_t *)&thread->incoming, NULL);
    uv_close((uv_handle_t *)&thread->pause, NULL);
    uv_close((uv_handle_t *)&thread->sweep, NULL);
}
