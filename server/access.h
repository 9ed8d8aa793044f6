/* Who may talk to the server, by where he comes from: the checks of Host and
 * Origin that stand before every route (design 1 and 4.10). Who he is, and what
 * he may, is server/authority.h. Constant once made. */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include "base/settings.h"
#include "server/request.h"

#include <sys/socket.h>

struct access_rules {
    struct settings_list cors_origins;
    bool loopback;   /* the server listens on a loopback address only */
    bool any_name;   /* off loopback tokens protect, so any name will do */
    struct str host; /* what --listen names */
};

/* Whether browsers may send this as an Origin (RFC 6454, section 6.2): scheme, host and perhaps
 * port in lower case with nothing behind them, or null. Also "*", which stands for all, and
 * nothing. */
bool access_origin_valid(struct str origin);
/* Whether an address is a loopback one (127.0.0.0/8, ::1). */
bool access_loopback(const struct sockaddr *address);

/* Host and own origin are what the request line names, if it does (RFC 9112, section 3.2.2).
 * Each leaves *problem alone and returns true when the request may go on. */
bool access_host(const struct access_rules *rules, struct request *request);
bool access_origin(const struct access_rules *rules, struct request *request);
/* Adds the CORS headers for an allowed origin; true: the request is a preflight for one. */
bool access_cors(const struct access_rules *rules, struct request *request);

#endif
