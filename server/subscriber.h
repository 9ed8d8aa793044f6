/* Inside of the hub: one subscriber. Hub thread only. */
#ifndef SERVER_SUBSCRIBER_H
#define SERVER_SUBSCRIBER_H

#include "server/hub.h"

enum { PENDING_MAX = 8 };

/* A subscriber's place in the index of one channel or one task. */
struct link {
    struct map_node node;
    struct subscriber *subscriber;
    struct str key;
};

struct subscriber {
    struct hub *hub;
    struct subscriber *older, *newer; /* hub->oldest … newest */
    struct subscriber *next_dirty;
    struct subscriber *next_everyone, **at_everyone;
    uv_poll_t poll;
    int fd;
    struct peer *peer; /* its place among the connections */
    bool live;         /* gets frames as they come; else it reads on from its cursor */
    bool dirty;
    bool blocked;       /* the socket takes no more: waits to be writable */
    bool ending;        /* closes when all is written */
    bool closing;       /* its handle is being closed */
    uint64_t offered;   /* the hub's number of the last frame that it was offered */
    int missed_beats;   /* heartbeats since it last took a byte, while blocked */
    int64_t cursor;     /* id of the last event it has, or has been spared by its filter; of a log
                           that is followed: of the last piece */
    bool past_gap;      /* follows a log and is past the place where lines may be missing */
    int64_t written_at; /* loop time, milliseconds */
    struct frame *pending[PENDING_MAX]; /* to be written, the first from `offset` on */
    size_t pending_count;
    size_t offset;
    uint64_t holder;       /* number of the token whose stream it is */
    struct filter *filter; /* owned */
    struct link *links;    /* owned */
    size_t link_count;
};

/* Makes a subscriber of what was asked for; its descriptor, filter and head are its own from here
 * on. False: the kernel watches no more sockets, and they stay the caller's. */
bool subscriber_new(struct hub *hub, const struct subscription *subscription, struct filter *filter,
                    struct frame *head);
/* Offers a frame that was just published. */
void subscriber_offer(struct subscriber *subscriber, struct frame *frame);
/* Its task's log has grown, or its task has ended: it reads on from the store. */
void subscriber_nudge(struct subscriber *subscriber);
/* The task of its own stream has ended and nothing is told of it. */
void subscriber_end(struct subscriber *subscriber);
/* Writes what is pending and reads on if it lags behind. */
void subscriber_flush(struct subscriber *subscriber);
/* Puts a frame at the end of what is to be written; one reference goes over. There has to be room.
 */
void subscriber_push(struct subscriber *subscriber, struct frame *frame);
/* Takes the next piece of what it missed, and goes live when nothing is missing (catch_up.c). */
void subscriber_read_on(struct subscriber *subscriber);
/* A comment, so that both ends notice when the other is gone. */
void subscriber_heartbeat(struct subscriber *subscriber);
void subscriber_close(struct subscriber *subscriber);

/* The hub's timer runs while there are subscribers. */
void hub_keep_beating(struct hub *hub);

#endif
