/* Inside of the hub: the last answer on a connection whose client is still
 * sending. Hub thread only. */
#ifndef SERVER_FAREWELL_H
#define SERVER_FAREWELL_H

#include "server/hub.h"

enum { FAREWELL_MS = 2000 };

/* Takes the mail that hub_farewell posted. */
void farewell_start(struct hub *hub, struct hub_mail *mail);

#endif
