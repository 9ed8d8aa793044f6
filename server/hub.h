/* The hub tells subscribers and waiters what has happened: it gets every
 * committed event from the writer and has a thread, an event loop and a
 * read-only connection of its own.
 *
 * A subscriber is a socket that was taken over from libmicrohttpd. While it
 * keeps up it is handed frames as they come; when it cannot be written to, or
 * asks for the past, it has a cursor and reads on from the ring of recent frames
 * or, further back, from the store, until it has caught up. Nothing is queued
 * for it, so a slow one costs the others nothing. */
#ifndef SERVER_HUB_H
#define SERVER_HUB_H

#include "base/mailbox.h"
#include "base/map.h"
#include "server/admission.h"
#include "server/frame.h"
#include "server/tokens.h"
#include "store/driver.h"
#include "store/txn.h"

#include <uv.h>

enum { RING_FRAMES = 4096, RING_BYTES = 4 << 20 };

enum hub_mail_kind {
    HUB_EVENTS,
    HUB_SUBSCRIBE,
    HUB_WAIT,
    HUB_FAREWELL,
    HUB_TOKENS,
    HUB_END,
    HUB_STOP
};

struct hub_mail {
    struct mail mail;
    enum hub_mail_kind kind;
};

/* Someone who waits for the end of a task; embedded in the caller's own struct. */
struct waiter {
    struct hub_mail mail;
    struct map_node node; /* by task, while it waits */
    uv_timer_t timer;
    struct hub *hub;
    int64_t task;    /* seq */
    int64_t wait_ms; /* longest wait */
    bool waiting;
    /* Hub thread: the task has ended, or the time is up, or the server stops. */
    void (*done)(struct waiter *waiter);
};

/* What a new subscriber asked for. */
struct subscription {
    int fd;                      /* the socket, non-blocking; the hub's from now on */
    struct peer *peer;           /* its place among the connections, and the streams: likewise */
    struct str head;             /* response head and first lines, copied */
    const struct filter *filter; /* copied */
    bool resume;                 /* start after last_id, else with what comes next */
    int64_t last_id;             /* -1: an id that was never ours */
    uint64_t holder;             /* number of the token that asked for it (server/tokens.h) */
};

struct hub {
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t heartbeat;
    int64_t heartbeat_ms;
    struct mailbox mailbox;
    struct db *db;
    struct admission *admission; /* where streams leave their places */
    pthread_t thread;
    _Atomic bool stopping;
    _Atomic int64_t listeners;     /* subscribers and waiters; 0: the writer need not tell */
    _Atomic int64_t log_listeners; /* of those, who want lines of log */
    _Atomic int64_t subscribers;   /* for statistics, as are the next */
    _Atomic int64_t lags;          /* times that a subscriber fell behind what is live */
    _Atomic int64_t dropped;       /* subscribers that were cut off, as they took nothing */
    _Atomic int64_t farewells;     /* last answers that are being given */

    uint64_t offers;                    /* frames that were told so far */
    struct map by_channel, by_task;     /* of struct link */
    struct subscriber *everyone;        /* those with neither filter */
    struct subscriber *oldest, *newest; /* all, by the time they were last written to */
    struct subscriber *dirty;           /* have frames to be written */
    struct map waiters;
    struct tokens *tokens; /* whose streams go on; NULL: they were never replaced */
    bool ended;            /* nobody is taken any more */

    struct frame *ring[RING_FRAMES]; /* recent frames: ring_count of them, from ring_first on */
    size_t ring_first, ring_count, ring_bytes;
    int64_t ring_after; /* every event with a higher id is in the ring */
    bool ring_known;    /* false: ring_after could not be read, and there are no subscribers */
};

/* path: the database. False: *message (mem_free it) says why. */
bool hub_open(struct hub *hub, const char *path, int64_t heartbeat_ms, struct admission *admission,
              char **message);
void hub_start(struct hub *hub);
/* Any thread: writes a last answer to a socket, the hub's from now on, and closes it once the
 * client has seen it or FAREWELL_MS have passed (server/farewell.c). When as many as the limit says
 * are being given already, it is written and closed at once. */
void hub_farewell(struct hub *hub, int fd, struct str text);
/* Any thread: these are the tokens from now on; one reference goes over. Streams of tokens that are
 * not among them, or may not read any more, end (server/holders.c). */
void hub_set_tokens(struct hub *hub, struct tokens *tokens);
/* Ends all streams and waits, now and from now on, so that nobody is kept waiting. */
void hub_end_streams(struct hub *hub);
/* After hub_end_streams, and when no more mail can come. */
void hub_stop(struct hub *hub);

/* Writer thread: an event_sink. arg is the hub. */
void hub_publish(void *arg, const struct txn_event *events, size_t count);
/* Writer thread: whether a line of log would be heard. arg is the hub. */
bool hub_wants_logs(void *arg);
/* Any thread. */
void hub_subscribe(struct hub *hub, const struct subscription *subscription);
/* Any thread; task, wait_ms and done are set. The waiter is the hub's until done is called. */
void hub_wait(struct hub *hub, struct waiter *waiter);

#endif
