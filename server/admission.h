/* Who may come in: open connections are counted, in all and by address, and
 * event streams among them. A connection has a place from its accept to its
 * end; a stream takes the place of its connection along to the hub.
 *
 * An address is an IPv4 address or the first 64 bits of an IPv6 address, which
 * is what one subscriber of a network is given. Any thread. */
#ifndef SERVER_ADMISSION_H
#define SERVER_ADMISSION_H

#include "base/map.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

enum admission_reason { ADMISSION_ALL, ADMISSION_ADDRESS, ADMISSION_REASONS };

struct admission_limits {
    int64_t connections; /* in all, streams among them */
    int64_t per_address; /* of one address */
    int64_t streams;
    int64_t farewells;    /* last answers (server/farewell.h), beside the connections */
    bool exempt_loopback; /* loopback addresses have no limit of their own: a proxy's clients */
};

/* An address with at least one place. */
struct peer {
    struct map_node node;
    uint64_t prefix; /* big-endian bytes of the address */
    bool ipv6;
    bool exempt;
    int64_t places;
};

struct admission {
    struct admission_limits limits;
    pthread_mutex_t lock; /* of the next two and the places of peers */
    struct map peers;
    _Atomic int64_t connections;
    _Atomic int64_t streams;
    _Atomic int64_t refused[ADMISSION_REASONS]; /* for statistics, as is the next */
    _Atomic int64_t streams_refused;
};

void admission_init(struct admission *admission, const struct admission_limits *limits);
/* All places have been left. */
void admission_done(struct admission *admission);
/* A place for a connection from that address. NULL: there is none, and *reason says of which kind.
 */
struct peer *admission_enter(struct admission *admission, const struct sockaddr *address,
                             enum admission_reason *reason);
void admission_leave(struct admission *admission, struct peer *peer);
/* Notes that a connection was sent away. */
void admission_refuse(struct admission *admission, enum admission_reason reason);
/* A connection becomes a stream. False: there are too many. */
bool admission_stream_enter(struct admission *admission);
void admission_stream_leave(struct admission *admission);

#endif
