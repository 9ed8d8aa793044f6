/* Inside of the hub: whose streams go on when the tokens are replaced. Hub thread
 * only. */
#ifndef SERVER_HOLDERS_H
#define SERVER_HOLDERS_H

#include "server/hub.h"

/* Whether the token with this number (server/tokens.h) may have a stream. */
bool holder_may_listen(const struct hub *hub, uint64_t holder);
/* Mail of hub_set_tokens: takes the new tokens, and ends the streams of those that are gone. */
void holders_replace(struct hub *hub, struct hub_mail *mail);

#endif
