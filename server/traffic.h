/* How many bytes went over a connection: the kernel counts them, libmicrohttpd
 * does not tell. A file of its own because linux/tcp.h and libuv's headers do not
 * go together. */
#ifndef SERVER_TRAFFIC_H
#define SERVER_TRAFFIC_H

#include <stdint.h>

/* What its client has sent. Any thread, as the next. */
int64_t traffic_received(int fd);
/* What its client has acknowledged. */
int64_t traffic_taken(int fd);

#endif
