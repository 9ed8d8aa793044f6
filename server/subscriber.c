#include "server/subscriber.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/events.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Heartbeats without taking a byte: the reader is cut off, and resumes. */
enum { STALLED_BEATS = 4 };

/* --- its place in the hub's lists ------------------------------------------------ */

static void list_remove(struct subscriber *s)
{
    *(s->older ? &s->older->newer : &s->hub->oldest) = s->newer;
    *(s->newer ? &s->newer->older : &s->hub->newest) = s->older;
}

static void list_append(struct subscriber *s)
{
    s->older = s->hub->newest;
    s->newer = NULL;
    *(s->older ? &s->older->newer : &s->hub->oldest) = s;
    s->hub->newest = s;
    s->written_at = (int64_t)uv_now(&s->hub->loop);
}

static void mark_dirty(struct subscriber *s)
{
    if (s->dirty)
        return;
    s->dirty = true;
    s->next_dirty = s->hub->dirty;
    s->hub->dirty = s;
}

static void link_all(struct subscriber *s, struct map *map, const struct str *keys, size_t count)
{
    s->links = mem_alloc(count * sizeof(*s->links));
    s->link_count = count;
    for (size_t i = 0; i < count; i++) {
        s->links[i] = (struct link){.subscriber = s, .key = keys[i]};
        map_put(map, &s->links[i].node, map_hash_str(keys[i]));
    }
}

static struct map *index_of(struct subscriber *s)
{
    if (s->filter->task_count)
        return &s->hub->by_task;
    return s->filter->channel_count ? &s->hub->by_channel : NULL;
}

static void index_add(struct subscriber *s)
{
    struct hub *hub = s->hub;
    if (s->filter->task_count) {
        link_all(s, &hub->by_task, s->filter->tasks, s->filter->task_count);
    } else if (s->filter->channel_count) {
        link_all(s, &hub->by_channel, s->filter->channels, s->filter->channel_count);
    } else {
        s->next_everyone = hub->everyone;
        s->at_everyone = &hub->everyone;
        if (hub->everyone)
            hub->everyone->at_everyone = &s->next_everyone;
        hub->everyone = s;
    }
}

static void index_remove(struct subscriber *s)
{
    struct map *map = index_of(s);
    for (size_t i = 0; i < s->link_count; i++)
        map_remove(map, &s->links[i].node);
    if (s->at_everyone) {
        *s->at_everyone = s->next_everyone;
        if (s->next_everyone)
            s->next_everyone->at_everyone = s->at_everyone;
    }
}

/* --- closing ---------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
    struct subscriber *s = handle->data;
    mem_free(s->links);
    mem_free(s->filter);
    mem_free(s);
}

void subscriber_close(struct subscriber *s)
{
    if (s->closing)
        return;
    s->closing = true;
    for (struct subscriber **at = &s->hub->dirty; s->dirty && *at; at = &(*at)->next_dirty) {
        if (*at == s) {
            *at = s->next_dirty;
            break;
        }
    }
    list_remove(s);
    index_remove(s);
    for (size_t i = 0; i < s->pending_count; i++)
        frame_unref(s->pending[i]);
    atomic_fetch_sub(&s->hub->listeners, 1);
    atomic_fetch_sub(&s->hub->subscribers, 1);
    atomic_fetch_sub(&s->hub->log_listeners, s->filter->logs);
    uv_close((uv_handle_t *)&s->poll, handle_closed);
    shutdown(s->fd, SHUT_RDWR);
    close(s->fd);
    admission_stream_leave(s->hub->admission);
    admission_leave(s->hub->admission, s->peer);
}

/* True: it is closed. What it wants cannot be read, and nothing that is sent on would be without a
 * gap: the client comes again with the last id it has. A reset tells it from an end in order. */
static bool close_if_unread(struct subscriber *s)
{
    const struct linger reset = {.l_onoff = 1};
    struct db *db = s->hub->db;
    if (db_status(db) == DB_OK)
        return false;
    db_rollback(db);
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    subscriber_close(s);
    return true;
}

/* --- writing ----------------------------------------------------------------------- */

static void socket_ready(uv_poll_t *poll, int status, int events);

static void watch(struct subscriber *s, bool blocked)
{
    s->blocked = blocked;
    uv_poll_start(&s->poll, UV_READABLE | UV_DISCONNECT | (blocked ? UV_WRITABLE : 0),
                  socket_ready);
}

/* Drops what was written; what is left starts at the offset. */
static void advance(struct subscriber *s, size_t written)
{
    size_t done = 0;
    s->offset += written;
    while (done < s->pending_count && s->offset >= s->pending[done]->text.len) {
        s->offset -= s->pending[done]->text.len;
        frame_unref(s->pending[done++]);
    }
    for (size_t i = done; i < s->pending_count; i++)
        s->pending[i - done] = s->pending[i];
    s->pending_count -= done;
}

/* The socket takes no more. A frame that is half out stays; the others are in the ring or the
 * store, where they will be read from again. */
static void lag(struct subscriber *s)
{
    size_t kept = s->offset ? 1 : 0;
    for (size_t i = kept, first = 1; i < s->pending_count; i++) {
        struct frame *frame = s->pending[i];
        if (!frame->id) { /* a head or a comment is nowhere else */
            s->pending[kept++] = frame;
            continue;
        }
        if (first)
            s->cursor = frame->id - 1;
        first = 0;
        frame_unref(frame);
    }
    s->pending_count = kept;
    atomic_fetch_add(&s->hub->lags, s->live);
    s->ending = false; /* the end is found again where the rest is */
    s->live = false;
    watch(s, true);
}

/* True: all is written. False: it is blocked now, or closed. */
static bool write_pending(struct subscriber *s)
{
    while (s->pending_count) {
        struct iovec parts[PENDING_MAX] = {0};
        for (size_t i = 0; i < s->pending_count; i++)
            parts[i] = (struct iovec){(void *)(uintptr_t)s->pending[i]->text.data,
                                      s->pending[i]->text.len};
        parts[0].iov_base = (char *)parts[0].iov_base + s->offset;
        parts[0].iov_len -= s->offset;
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = s->pending_count};
        ssize_t written = sendmsg(s->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written >= 0) {
            list_remove(s);
            list_append(s);
            s->missed_beats = 0;
            advance(s, (size_t)written);
            CRASH_POINT(event_written);
        } else if (errno == EAGAIN) {
            lag(s);
            return false;
        } else if (errno != EINTR) {
            subscriber_close(s);
            return false;
        }
    }
    return true;
}

void subscriber_push(struct subscriber *s, struct frame *frame)
{
    s->pending[s->pending_count++] = frame;
}

/* It comes here once for each of its channels that the frame has. */
void subscriber_offer(struct subscriber *s, struct frame *frame)
{
    bool passed = s->offered == s->hub->offers || (frame->id && frame->id <= s->cursor);
    s->offered = s->hub->offers;
    if (!s->live || s->closing || s->ending || passed || !filter_passes(s->filter, frame))
        return;
    if (s->pending_count == PENDING_MAX && !write_pending(s))
        return; /* it lags now and finds the frame in the ring; a line of log it has missed */
    if (frame->id)
        s->cursor = frame->id;
    subscriber_push(s, frame_ref(frame));
    s->ending = s->filter->seq && frame->ends;
    mark_dirty(s);
}

void subscriber_nudge(struct subscriber *s)
{
    s->live = false;
    mark_dirty(s);
}

void subscriber_end(struct subscriber *s)
{
    if (!s->live) /* it will find the end itself when it gets there */
        return;
    s->ending = true;
    mark_dirty(s);
}

void subscriber_flush(struct subscriber *s)
{
    if (s->closing || s->blocked || !write_pending(s))
        return;
    if (s->ending) {
        subscriber_close(s);
    } else if (!s->live) {
        subscriber_read_on(s);
        if (close_if_unread(s))
            return;
        mark_dirty(s); /* the others get their turn before it goes on */
    }
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    struct subscriber *s = poll->data;
    char scrap[512];
    if (status < 0 || events & UV_DISCONNECT) {
        subscriber_close(s);
        return;
    }
    if (events & UV_READABLE) { /* nothing is expected of it but to leave */
        ssize_t len = recv(s->fd, scrap, sizeof(scrap), MSG_DONTWAIT);
        if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR)) {
            subscriber_close(s);
            return;
        }
    }
    if (events & UV_WRITABLE) {
        watch(s, false);
        mark_dirty(s);
        uv_async_send(&s->hub->wake);
    }
}

void subscriber_heartbeat(struct subscriber *s)
{
    if (s->blocked && ++s->missed_beats >= STALLED_BEATS) {
        atomic_fetch_add(&s->hub->dropped, 1);
        subscriber_close(s);
        return;
    }
    if (!s->blocked && !s->filter->follow && s->pending_count < PENDING_MAX) {
        subscriber_push(s, frame_text(STR(": heartbeat\n\n")));
        mark_dirty(s);
    }
    list_remove(s);
    list_append(s);
}

/* --- the start ---------------------------------------------------------------------- */

/* Where it begins; a reset goes first if it cannot go on where it wants to (design 4.8, 4.10). The
 * stream of one task then begins with the first of its events, as it does without a wish; others
 * with what comes next, or with what is left of what they missed. */
static void place_cursor(struct subscriber *s, const struct subscription *subscription)
{
    struct event_bounds bounds = event_bounds_read(s->hub->db);
    int64_t wanted = subscription->last_id;
    bool missed = subscription->resume && event_bounds_miss(&bounds, wanted);
    if (s->filter->seq)
        s->cursor = subscription->resume && !missed ? wanted : 0;
    else
        s->cursor =
            subscription->resume && wanted >= 0 && wanted <= bounds.newest ? wanted : bounds.newest;
    if (missed) {
        struct buf text = {0};
        buf_addf(&text, "event: reset\ndata: {\"oldest\":%lld}\n\n", (long long)bounds.oldest);
        subscriber_push(s, frame_text(buf_str(&text)));
        buf_done(&text);
    }
}

bool subscriber_new(struct hub *hub, const struct subscription *subscription, struct filter *filter,
                    struct frame *head)
{
    struct subscriber *s = mem_alloc(sizeof(*s));
    s->hub = hub;
    s->fd = subscription->fd;
    s->holder = subscription->holder;
    s->peer = subscription->peer;
    s->filter = filter;
    int rc = uv_poll_init(&hub->loop, &s->poll, s->fd);
    if (rc != 0) {
        log_warn("a stream cannot be served: %s", uv_strerror(rc));
        mem_free(s);
        return false;
    }
    s->poll.data = s;
    atomic_fetch_add(&hub->subscribers, 1);
    atomic_fetch_add(&hub->log_listeners, s->filter->logs);
    list_append(s);
    index_add(s);
    watch(s, false);
    subscriber_push(s, head);
    place_cursor(s, subscription);
    if (close_if_unread(s))
        return true;
    mark_dirty(s);
    hub_keep_beating(hub);
    return true;
}
