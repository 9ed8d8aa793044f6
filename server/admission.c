#include "server/admission.h"

#include "base/mem.h"
#include "server/access.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>

void admission_init(struct admission *admission, const struct admission_limits *limits)
{
    *admission = (struct admission){.limits = *limits};
    pthread_mutex_init(&admission->lock, NULL);
}

void admission_done(struct admission *admission)
{
    map_done(&admission->peers);
    pthread_mutex_destroy(&admission->lock);
}

/* A mapped IPv4 address (RFC 4291, section 2.5.5.2) is that address. */
static struct peer peer_of(const struct sockaddr *address)
{
    const struct sockaddr_in *in = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    struct peer peer = {.exempt = access_loopback(address)};
    if (address->sa_family != AF_INET6) {
        peer.prefix = in->sin_addr.s_addr;
    } else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        uint32_t mapped;
        memcpy(&mapped, in6->sin6_addr.s6_addr + 12, sizeof(mapped));
        peer.prefix = mapped;
        peer.exempt = in6->sin6_addr.s6_addr[12] == 127;
    } else {
        memcpy(&peer.prefix, in6->sin6_addr.s6_addr, sizeof(peer.prefix));
        peer.ipv6 = true;
    }
    return peer;
}

static uint64_t peer_hash(const struct peer *peer)
{
    return map_hash_str((struct str){(const char *)&peer->prefix, sizeof(peer->prefix)});
}

/* Under the lock. */
static struct peer *find(struct admission *admission, const struct peer *wanted)
{
    struct map_node *node = map_find(&admission->peers, peer_hash(wanted));
    for (; node; node = map_next(node)) {
        struct peer *peer = container_of(node, struct peer, node);
        if (peer->prefix == wanted->prefix && peer->ipv6 == wanted->ipv6)
            return peer;
    }
    struct peer *peer = mem_copy(wanted, sizeof(*wanted));
    map_put(&admission->peers, &peer->node, peer_hash(wanted));
    return peer;
}

struct peer *admission_enter(struct admission *admission, const struct sockaddr *address,
                             enum admission_reason *reason)
{
    struct peer wanted = peer_of(address), *peer = NULL;
    pthread_mutex_lock(&admission->lock);
    if (atomic_load(&admission->connections) >= admission->limits.connections) {
        *reason = ADMISSION_ALL;
    } else {
        peer = find(admission, &wanted);
        bool exempt = peer->exempt && admission->limits.exempt_loopback;
        if (!exempt && peer->places >= admission->limits.per_address) {
            *reason = ADMISSION_ADDRESS; /* it has places, so it stays in the map */
            peer = NULL;
        } else {
            peer->places++;
            atomic_fetch_add(&admission->connections, 1);
        }
    }
    pthread_mutex_unlock(&admission->lock);
    return peer;
}

void admission_leave(struct admission *admission, struct peer *peer)
{
    pthread_mutex_lock(&admission->lock);
    atomic_fetch_sub(&admission->connections, 1);
    bool last = --peer->places == 0;
    if (last)
        map_remove(&admission->peers, &peer->node);
    pthread_mutex_unlock(&admission->lock);
    if (last)
        mem_free(peer);
}

void admission_refuse(struct admission *admission, enum admission_reason reason)
{
    atomic_fetch_add(&admission->refused[reason], 1);
}

bool admission_stream_enter(struct admission *admission)
{
    if (atomic_fetch_add(&admission->streams, 1) < admission->limits.streams)
        return true;
    atomic_fetch_sub(&admission->streams, 1);
    atomic_fetch_add(&admission->streams_refused, 1);
    return false;
}

void admission_stream_leave(struct admission *admission)
{
    atomic_fetch_sub(&admission->streams, 1);
}
