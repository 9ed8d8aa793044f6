/* Tickets: what an EventSource shows in place of a token, as it cannot send
 * headers. A ticket is good for a minute and for event streams alone, and it can
 * be bound to some channels and tasks.
 *
 * Nothing of it is kept: it holds when it ends and what it is bound to, and an
 * HMAC over both and the digest of the token that it was made for. So it goes
 * with its token, and with the server, whose key is made anew at each start.
 * Pure; any thread. */
#ifndef SERVER_TICKET_H
#define SERVER_TICKET_H

#include "server/tokens.h"

enum {
    TICKET_SECONDS = 60,
    TICKET_NAMES_MAX = 2048, /* bytes of names in a ticket, and 3 more for each */
};

/* What may be seen with it: as a filter of events, all lists together. */
struct ticket {
    const struct str *channels; /* as JSON strings with quotes */
    const struct str *tasks;
    size_t channel_count, task_count; /* 0: it is not bound to any */
};

/* Appends the ticket. token: whose it is; NULL: the server has none. now: clock_mono_ns(). False:
 * the names are too long. */
bool ticket_make(const struct digest *key, const struct token *token, const struct ticket *ticket,
                 int64_t now, struct buf *out);

enum ticket_state { TICKET_GOOD, TICKET_OVER, TICKET_STRANGE };
/* *holder: the token it was made for. The ticket's lists live in the arena. */
enum ticket_state ticket_read(const struct digest *key, const struct tokens *tokens,
                              struct str text, int64_t now, struct arena *arena,
                              struct ticket *ticket, const struct token **holder);

#endif
