/* Whether a request's line and headers are small enough, and can be read in one
 * way only. What stands in front of the server may read them in another way than
 * libmicrohttpd, and a second request could hide where the two differ (RFC 9112,
 * section 11.2). HTTP thread. */
#ifndef SERVER_FRAMING_H
#define SERVER_FRAMING_H

#include "server/request.h"

/* Texts of the request's line where libmicrohttpd keeps them, which is where they came to. */
struct head {
    const char *method, *version;
};

/* When the request's line has come. */
void framing_keep_cookies_out(struct MHD_Connection *connection);
/* False: request->problem is set (bad-request, target-too-long or head-too-large), and the
 * connection is to be closed. Before the body. */
bool framing_check(struct request *request, const struct head *head);

#endif
