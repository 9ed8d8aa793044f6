#include "server/hub.h"

#include "base/mem.h"
#include "base/thread.h"
#include "model/state.h"
#include "server/farewell.h"
#include "server/holders.h"
#include "server/subscriber.h"
#include "store/events.h"

#include <stdatomic.h>
#include <unistd.h>

/* All events of one commit. */
struct publication {
    struct hub_mail mail;
    size_t count;
    struct frame *frames[];
};

struct newcomer {
    struct hub_mail mail;
    struct subscription subscription;
    struct filter *filter; /* goes over to the subscriber, as does the next */
    struct frame *head;
};

/* --- the ring ------------------------------------------------------------------ */

static void ring_drop(struct hub *hub)
{
    struct frame *frame = hub->ring[hub->ring_first];
    hub->ring_first = (hub->ring_first + 1) % RING_FRAMES;
    hub->ring_count--;
    hub->ring_bytes -= frame->text.len;
    hub->ring_after = frame->id;
    frame_unref(frame);
}

static void ring_add(struct hub *hub, struct frame *frame)
{
    if (hub->ring_count == RING_FRAMES)
        ring_drop(hub);
    hub->ring[(hub->ring_first + hub->ring_count++) % RING_FRAMES] = frame_ref(frame);
    hub->ring_bytes += frame->text.len;
    while (hub->ring_bytes > RING_BYTES && hub->ring_count > 1)
        ring_drop(hub);
}

/* From here on the writer tells of every event. What it has committed before is in the store, what
 * comes after in the mailbox: the order of the two lines leaves no gap between them. */
static void start_listening(struct hub *hub)
{
    if (atomic_fetch_add(&hub->listeners, 1) != 0 && hub->ring_known)
        return;
    while (hub->ring_count)
        ring_drop(hub);
    hub->ring_after = event_bounds_read(hub->db).newest;
    hub->ring_known = db_status(hub->db) == DB_OK;
}

/* --- events -------------------------------------------------------------------- */

static void offer_linked(const struct map *map, struct str key, struct frame *frame)
{
    for (struct map_node *n = map_find(map, map_hash_str(key)); n; n = map_next(n)) {
        struct link *link = container_of(n, struct link, node);
        if (!str_eq(link->key, key))
            continue;
        if (link->subscriber->filter->follow)
            subscriber_nudge(link->subscriber);
        else if (frame->text.len)
            subscriber_offer(link->subscriber, frame);
        else if (link->subscriber->filter->seq == frame->seq)
            subscriber_end(link->subscriber);
    }
}

static void offer(struct hub *hub, struct frame *frame)
{
    struct str rest = frame->channels, channel;
    hub->offers++;
    offer_linked(&hub->by_task, frame->task, frame);
    if (!frame->text.len)
        return;
    while ((channel = channels_next(&rest)).data)
        offer_linked(&hub->by_channel, channel, frame);
    for (struct subscriber *s = hub->everyone; s; s = s->next_everyone)
        subscriber_offer(s, frame);
}

static void waiter_closed(uv_handle_t *handle)
{
    struct waiter *waiter = handle->data;
    atomic_fetch_sub(&waiter->hub->listeners, 1);
    waiter->done(waiter);
}

static void waiter_over(struct waiter *waiter)
{
    if (!waiter->waiting)
        return;
    waiter->waiting = false;
    map_remove(&waiter->hub->waiters, &waiter->node);
    uv_close((uv_handle_t *)&waiter->timer, waiter_closed);
}

static void wake_waiters(struct hub *hub, int64_t task)
{
    uint64_t hash = map_hash((uint64_t)task);
    for (struct map_node *n = map_find(&hub->waiters, hash), *next; n; n = next) {
        next = map_next(n);
        struct waiter *waiter = container_of(n, struct waiter, node);
        if (waiter->task == task)
            waiter_over(waiter);
    }
}

/* One turn for each. Who has more to read is dirty again, and comes after the mail. */
static void flush_dirty(struct hub *hub)
{
    struct subscriber *turn = hub->dirty;
    hub->dirty = NULL;
    while (turn) {
        struct subscriber *subscriber = turn;
        turn = subscriber->next_dirty;
        subscriber->dirty = false;
        subscriber_flush(subscriber);
    }
    if (hub->dirty)
        uv_async_send(&hub->wake);
    if (db_status(hub->db) != DB_OK)
        db_rollback(hub->db); /* a waiter's look: who waits looks again by itself */
}

static void take_events(struct hub *hub, struct publication *publication)
{
    for (size_t i = 0; i < publication->count; i++) {
        struct frame *frame = publication->frames[i];
        if (frame->id > hub->ring_after) /* else it is older than the ring's beginning */
            ring_add(hub, frame);
        offer(hub, frame);
        if (frame->ends)
            wake_waiters(hub, frame->seq);
        frame_unref(frame);
    }
    mem_free(publication);
}

void hub_publish(void *arg, const struct txn_event *events, size_t count)
{
    struct hub *hub = arg;
    if (!atomic_load(&hub->listeners))
        return;
    struct publication *publication =
        mem_alloc(sizeof(*publication) + count * sizeof(struct frame *));
    publication->mail.kind = HUB_EVENTS;
    publication->count = count;
    for (size_t i = 0; i < count; i++)
        publication->frames[i] =
            frame_new(events[i].id, events[i].task, &events[i].event, events[i].data);
    mailbox_post(&hub->mailbox, &publication->mail.mail);
}

bool hub_wants_logs(void *arg)
{
    struct hub *hub = arg;
    return atomic_load(&hub->log_listeners) > 0;
}

/* --- newcomers ------------------------------------------------------------------- */

void hub_subscribe(struct hub *hub, const struct subscription *subscription)
{
    struct newcomer *newcomer = mem_alloc(sizeof(*newcomer));
    newcomer->mail.kind = HUB_SUBSCRIBE;
    newcomer->subscription = *subscription;
    newcomer->filter = filter_copy(subscription->filter);
    newcomer->head = frame_text(subscription->head);
    mailbox_post(&hub->mailbox, &newcomer->mail.mail);
}

static void turn_away(struct hub *hub, struct newcomer *newcomer)
{
    close(newcomer->subscription.fd);
    admission_stream_leave(hub->admission);
    admission_leave(hub->admission, newcomer->subscription.peer);
    mem_free(newcomer->filter);
    frame_unref(newcomer->head);
}

/* It may have been let in before its token was taken away: that mail came first, then. */
static void take_newcomer(struct hub *hub, struct newcomer *newcomer)
{
    const struct subscription *subscription = &newcomer->subscription;
    if (hub->ended || !holder_may_listen(hub, subscription->holder)) {
        turn_away(hub, newcomer);
    } else {
        start_listening(hub);
        if (!subscriber_new(hub, subscription, newcomer->filter, newcomer->head)) {
            atomic_fetch_sub(&hub->listeners, 1);
            turn_away(hub, newcomer);
        }
    }
    mem_free(newcomer);
}

void hub_wait(struct hub *hub, struct waiter *waiter)
{
    waiter->mail.kind = HUB_WAIT;
    waiter->hub = hub;
    mailbox_post(&hub->mailbox, &waiter->mail.mail);
}

static void waiter_timeout(uv_timer_t *timer)
{
    waiter_over(timer->data);
}

static bool task_live(struct hub *hub, int64_t task)
{
    struct stmt *stmt = db_stmt(hub->db, SQL_task_state);
    enum task_state state = STATE_FAILED;
    stmt_bind_int(stmt, ":seq", task);
    bool live =
        stmt_step(stmt) && state_parse(stmt_text(stmt, 0), &state) && !state_terminal(state);
    stmt_end(stmt);
    return live;
}

/* It listens first and looks second, so an end in between is not missed. */
static void take_waiter(struct hub *hub, struct waiter *waiter)
{
    start_listening(hub);
    uv_timer_init(&hub->loop, &waiter->timer);
    waiter->timer.data = waiter;
    waiter->waiting = true;
    map_put(&hub->waiters, &waiter->node, map_hash((uint64_t)waiter->task));
    uv_update_time(&hub->loop);
    uv_timer_start(&waiter->timer, waiter_timeout, (uint64_t)waiter->wait_ms, 0);
    if (hub->ended || !task_live(hub, waiter->task))
        waiter_over(waiter);
}

/* --- life ------------------------------------------------------------------------ */

static void end_streams(struct hub *hub)
{
    struct map_node *node;
    flush_dirty(hub);
    hub->ended = true;
    while (hub->oldest)
        subscriber_close(hub->oldest);
    while ((node = map_any(&hub->waiters)))
        waiter_over(container_of(node, struct waiter, node));
}

static void close_handles(struct hub *hub)
{
    uv_close((uv_handle_t *)&hub->heartbeat, NULL);
    uv_close((uv_handle_t *)&hub->wake, NULL);
}

static void woken(uv_async_t *wake)
{
    struct hub *hub = wake->data;
    for (struct mail *mail = mailbox_take(&hub->mailbox), *next; mail; mail = next) {
        next = mail->next;
        struct hub_mail *hub_mail = container_of(mail, struct hub_mail, mail);
        switch (hub_mail->kind) {
        case HUB_EVENTS:
            take_events(hub, container_of(hub_mail, struct publication, mail));
            break;
        case HUB_SUBSCRIBE:
            take_newcomer(hub, container_of(hub_mail, struct newcomer, mail));
            break;
        case HUB_WAIT:
            take_waiter(hub, container_of(hub_mail, struct waiter, mail));
            break;
        case HUB_FAREWELL:
            farewell_start(hub, hub_mail);
            break;
        case HUB_TOKENS:
            holders_replace(hub, hub_mail);
            break;
        case HUB_END:
            end_streams(hub);
            mem_free(hub_mail);
            break;
        case HUB_STOP:
            close_handles(hub);
            mem_free(hub_mail);
            return;
        }
    }
    flush_dirty(hub);
}

static void heartbeat(uv_timer_t *timer)
{
    struct hub *hub = timer->data;
    int64_t now = (int64_t)uv_now(&hub->loop);
    while (hub->oldest && now - hub->oldest->written_at >= hub->heartbeat_ms)
        subscriber_heartbeat(hub->oldest);
    int64_t next =
        hub->oldest ? hub->oldest->written_at + hub->heartbeat_ms - now : hub->heartbeat_ms;
    if (hub->oldest)
        uv_timer_start(timer, heartbeat, (uint64_t)(next > 0 ? next : 1), 0);
    flush_dirty(hub);
}

void hub_keep_beating(struct hub *hub)
{
    if (!uv_is_active((uv_handle_t *)&hub->heartbeat))
        uv_timer_start(&hub->heartbeat, heartbeat, (uint64_t)hub->heartbeat_ms, 0);
}

static void mailbox_wake(void *arg)
{
    uv_async_send(arg);
}

static void hub_main(void *arg)
{
    struct hub *hub = arg;
    uv_run(&hub->loop, UV_RUN_DEFAULT);
}

bool hub_open(struct hub *hub, const char *path, int64_t heartbeat_ms, struct admission *admission,
              char **message)
{
    *hub =
        (struct hub){.heartbeat_ms = heartbeat_ms > 0 ? heartbeat_ms : 1, .admission = admission};
    hub->db = db_open(path, DB_READ, message);
    if (!hub->db)
        return false;
    int rc = uv_loop_init(&hub->loop);
    if (rc == 0)
        rc = uv_async_init(&hub->loop, &hub->wake, woken);
    if (rc != 0) {
        *message = mem_string(uv_strerror(rc));
        return false;
    }
    uv_timer_init(&hub->loop, &hub->heartbeat);
    hub->wake.data = hub->heartbeat.data = hub;
    mailbox_init(&hub->mailbox, mailbox_wake, &hub->wake);
    return true;
}

void hub_start(struct hub *hub)
{
    thread_start(&hub->thread, "hub", hub_main, hub, &hub->stopping);
}

static void post_plain(struct hub *hub, enum hub_mail_kind kind)
{
    struct hub_mail *mail = mem_alloc(sizeof(*mail));
    mail->kind = kind;
    mailbox_post(&hub->mailbox, &mail->mail);
}

void hub_end_streams(struct hub *hub)
{
    post_plain(hub, HUB_END);
}

void hub_stop(struct hub *hub)
{
    atomic_store(&hub->stopping, true);
    post_plain(hub, HUB_STOP);
    pthread_join(hub->thread, NULL);
    while (hub->ring_count)
        ring_drop(hub);
    if (hub->tokens)
        tokens_unref(hub->tokens);
    uv_loop_close(&hub->loop);
    map_done(&hub->by_channel);
    map_done(&hub->by_task);
    map_done(&hub->waiters);
    mailbox_done(&hub->mailbox);
    db_close(hub->db);
}
