/* What a ticket lets an event stream see (server/ticket.h). HTTP thread. */
#ifndef HANDLERS_TICKETS_H
#define HANDLERS_TICKETS_H

#include "server/frame.h"
#include "server/request.h"

/* The name of a channel as it stands in stored events: a JSON string with its quotes. */
struct str ticket_channel(struct request *request, struct str name);
/* Narrows the filter of GET /v1/events to what the request's ticket is bound to, if it has one.
 * False: it asks for something else, and request->problem says so. */
bool ticket_narrow(struct request *request, struct filter *filter);
/* The same for the stream of one task. */
bool ticket_opens(struct request *request, struct str task);

#endif
